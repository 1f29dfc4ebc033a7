"""Evaluation: accuracy and tokens of a policy on a benchmark.

Needs: eval/{benchmark}/samples/, eval/{benchmark}/verified.parquet
Gives: eval/{benchmark}.json
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
