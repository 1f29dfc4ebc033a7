"""Evaluation: accuracy and tokens of a policy on a benchmark.

Needs: eval/{benchmark}/samples/, eval/{benchmark}/verified.parquet
Gives: eval/{benchmark}.json; for K samples per question, eval/{benchmark}@{K}.json
"""


rule evaluate:
    input:
        samples=lambda w: shards_in(POLICY.format(**w), w, f"{EVAL}{w.benchmark}"),
        verified=f"{POLICY}/eval/{{benchmark}}/verified.parquet",
        questions=f"{RESULTS}/{{model}}/benchmarks/{{benchmark}}.parquet",
    output:
        f"{POLICY}/eval/{{benchmark}}.json",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/eval/{{benchmark}}.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/eval/{{benchmark}}.tsv"
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        samples=lambda w, input: [f"--samples={path}" for path in input.samples],
        task=lambda w: options(plan.config.tasks[w.benchmark].task.for_split(None)),
    message:
        note("evaluate: {wildcards.policy}, {wildcards.benchmark}", IN_CELL)
    shell:
        "python -m hsir.stages.evaluate {params.samples:q} --verified {input.verified:q}"
        " --questions {input.questions:q} --task {params.task:q} --out {output:q} > {log:q} 2>&1"


rule evaluate_sampled:
    input:
        samples=lambda w: shards_in(POLICY.format(**w), w, f"{EVAL}{w.sampled}"),
        verified=f"{POLICY}/eval/{{sampled}}/verified.parquet",
        questions=lambda w: f"{RESULTS}/{w.model}/benchmarks/{test_set(w.sampled)}.parquet",
        scores=lambda w: [path for _, path in scores_for_reducers(w)],
    output:
        f"{POLICY}/eval/{{sampled}}.json",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/eval/{{sampled}}.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/eval/{{sampled}}.tsv"
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        # Scores share this parameter: a further one would rerun all existing evaluations.
        samples=lambda w, input: [
            *(f"--samples={path}" for path in input.samples),
            *(f"--scores={name}={path}" for (name, _), path in zip(scores_for_reducers(w), input.scores)),
        ],
        task=lambda w: options(plan.config.tasks[test_set(w.sampled)].task.for_split(None)),
        reducers=lambda w: options(Reducers(plan.settings(w.model, test_set(w.sampled)).evaluate.reducers)),
    message:
        note("evaluate: {wildcards.policy}, {wildcards.sampled}", IN_CELL)
    shell:
        "python -m hsir.stages.evaluate {params.samples:q} --verified {input.verified:q}"
        " --questions {input.questions:q} --task {params.task:q} --reducers {params.reducers:q} --out {output:q}"
        " > {log:q} 2>&1"
