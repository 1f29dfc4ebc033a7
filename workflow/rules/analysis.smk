"""Do InDiv and Div fall if steps are repeated on purpose, and do they agree? `snakemake analysis`

Needs: the correct solutions of the first training pool of a run (first model, task, seed); that of a method with a
score, if there is one. Gives: runs/{run}/redundancy/: rows.jsonl, indiv-scores.parquet, div.parquet, redundancy.json
and tables and a figure
"""

REDUNDANCY = f"{RESULTS}/runs/{{run}}/redundancy"


rule variants:
    input:
        weights=lambda w: weights_input(studied(w), studied(w).policy),
        samples=lambda w: shards_of(studied(w)),
        verified=lambda w: f"{POOL}/verified.parquet".format(**studied(w)),
    output:
        f"{REDUNDANCY}/rows.jsonl",
    log:
        f"{LOGS}/runs/{{run}}/redundancy/variants.log",
    benchmark:
        f"{TIMES}/runs/{{run}}/redundancy/variants.tsv"
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        steps=lambda w: studied_options(w).traces.steps,
        policy=studied_policy,
        samples=lambda w, input: [f"--samples={path}" for path in input.samples],
        solutions=lambda w: studied_options(w).redundancy.solutions,
        seed=lambda w: studied(w).seed,
    message:
        note("variants: run {wildcards.run}")
    shell:
        "python -m hsir.stages.variants --policy {params.policy:q} {params.samples:q} --verified {input.verified:q}"
        " --solutions {params.solutions} --seed {params.seed} --steps {params.steps} --out {output:q} > {log:q} 2>&1"


rule score_variants:
    input:
        weights=lambda w: weights_input(studied(w), studied(w).policy),
        rows=f"{REDUNDANCY}/rows.jsonl",
    output:
        f"{REDUNDANCY}/indiv-scores.parquet",
    log:
        f"{LOGS}/runs/{{run}}/redundancy/score.log",
    benchmark:
        f"{TIMES}/runs/{{run}}/redundancy/score.tsv"
    conda:
        "../../envs/gpu.yaml"
    threads: 1
    resources:
        gpu=1,
    params:
        policy=studied_policy,
        score=lambda w: options(plan.score_set(studied(w).score, studied(w).model, studied(w).task)),
    message:
        note("score: variants of run {wildcards.run}")
    shell:
        "OMP_NUM_THREADS={threads} python -m hsir.stages.score --policy {params.policy:q} --in {input.rows:q}"
        " --score {params.score:q} --out {output:q} > {log:q} 2>&1"


rule div_variants:
    input:
        f"{REDUNDANCY}/rows.jsonl",
    output:
        f"{REDUNDANCY}/div.parquet",
    log:
        f"{LOGS}/runs/{{run}}/redundancy/div.log",
    benchmark:
        f"{TIMES}/runs/{{run}}/redundancy/div.tsv"
    conda:
        "../../envs/gpu.yaml"
    threads: 1
    resources:
        gpu=1,
    params:
        steps=lambda w: studied_options(w).traces.steps,
        embedder=lambda w: options(studied_options(w).div.embedder),
        threshold=lambda w: studied_options(w).div.threshold,
    message:
        note("div: variants of run {wildcards.run}")
    shell:
        "OMP_NUM_THREADS={threads} python -m hsir.stages.div --in {input:q} --embedder {params.embedder:q}"
        " --threshold {params.threshold} --steps {params.steps} --out {output:q} > {log:q} 2>&1"


rule redundancy:
    input:
        rows=f"{REDUNDANCY}/rows.jsonl",
        scores=f"{REDUNDANCY}/indiv-scores.parquet",
        div=f"{REDUNDANCY}/div.parquet",
    output:
        json=f"{REDUNDANCY}/redundancy.json",
        csv=f"{REDUNDANCY}/redundancy.csv",
        markdown=f"{REDUNDANCY}/redundancy.md",
        html=report(
            f"{REDUNDANCY}/redundancy.html",
            caption="../report/redundancy-table.rst",
            category="Analysis",
            labels={"run": "{run}", "what": "InDiv, Div and redundancy, tables"},
        ),
        picture=report(
            f"{REDUNDANCY}/redundancy.svg",
            caption="../report/redundancy.rst",
            category="Analysis",
            labels={"run": "{run}", "what": "InDiv and Div, as redundancy is added"},
        ),
    log:
        f"{LOGS}/runs/{{run}}/redundancy/redundancy.log",
    benchmark:
        f"{TIMES}/runs/{{run}}/redundancy/redundancy.tsv"
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        of=lambda w: "{model}, {task}, seed {seed}: {policy}, {pool}".format(**studied(w)),
        folder=lambda w, output: str(Path(output.json).parent),
    message:
        note("redundancy: run {wildcards.run}")
    shell:
        "python -m hsir.stages.redundancy --in {input.rows:q} --scores {input.scores:q} --div {input.div:q}"
        " --of {params.of:q} --out {params.folder:q} > {log:q} 2>&1"
