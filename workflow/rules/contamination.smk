"""The overlap of a training set with the test sets; an exact match stops the run.

Needs: filtered.parquet, and the text tables that it was selected from; the tasks' test sets.
Gives: contamination.json, which training waits for; overlap.json, for the report

There are two files, because a new benchmark must not retrain a finished policy: contamination.json is for the test sets
named before its training, overlap.json for the current ones. A single file, ancient() for train, would be worse: after
a job that will run, Snakemake 9.27 ignores all other changes if only an ancient file leads on. If tau changed together
with the benchmarks, the policy would become stale.
"""


rule contamination:
    input:
        filtered=f"{POLICY}/filtered.parquet",
        given=lambda w: chosen_from(w)["given"],
        questions=lambda w: chosen_from(w)["questions"],
        samples=lambda w: chosen_from(w)["samples"],
        other_samples=lambda w: chosen_from(w)["other_samples"],
    output:
        f"{POLICY}/contamination.json",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/contamination.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/contamination.tsv"
    priority: 1
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        given=lambda w, input: [f"--given={n}={path}" for n, path in zip(plan.method(w.policy).given, input.given)],
        questions=lambda w, input: [f"--questions={path}" for path in input.questions],
        samples=lambda w, input: [
            *(f"--samples={path}" for path in input.samples),
            *named_in(w, "other-samples", "other_samples", input.other_samples),
        ],
        # A function that also takes `input` does not trigger a rerun.
        tests=lambda w, input: options(plan.tested(w.model, w.task, int(w.seed), w.policy)),
        allowed=lambda w, input: options(plan.settings(w.model, w.task).contamination),
    message:
        note("contamination: {wildcards.policy}", IN_CELL)
    shell:
        "python -m hsir.stages.contamination --filtered {input.filtered:q} {params.given:q} {params.questions:q}"
        " {params.samples:q} --tests {params.tests:q} --contamination {params.allowed:q}"
        " --out {output:q} > {log:q} 2>&1"


use rule contamination as overlap with:
    input:
        checked=f"{POLICY}/contamination.json",
        filtered=f"{POLICY}/filtered.parquet",
        given=lambda w: chosen_from(w)["given"],
        questions=lambda w: chosen_from(w)["questions"],
        samples=lambda w: chosen_from(w)["samples"],
        other_samples=lambda w: chosen_from(w)["other_samples"],
        tests=lambda w: given(plan.tested(w.model, w.task, int(w.seed), w.policy).files()),
    output:
        f"{POLICY}/overlap.json",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/overlap.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/overlap.tsv"
    localrule: True
    params:
        tests=lambda w: options(plan.tested(w.model, w.task, int(w.seed), w.policy)),
        allowed=lambda w: options(plan.settings(w.model, w.task).contamination),
    message:
        note("overlap: {wildcards.policy}", IN_CELL)
