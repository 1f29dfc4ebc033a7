"""The next policy.

Needs: filtered.parquet, contamination.json, the initial weights; for rollouts, the questions.
Gives: checkpoint/, train.json, train.cost.json
"""


rule train:
    input:
        weights=lambda w: weights_input(w, plan.start(w.model, w.task, w.policy)),
        filtered=f"{POLICY}/filtered.parquet",
        checked=f"{POLICY}/contamination.json",
        questions=lambda w: judged_by(w)[0],
    output:
        checkpoint=directory(f"{POLICY}/checkpoint"),
        told=f"{POLICY}/train.json",
        cost=f"{POLICY}/train.cost.json",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/train.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/train.tsv"
    conda:
        "../../envs/gpu.yaml"
    # One core and one GPU per process; without --resources gpu=N, or without a GPU, the request is ignored.
    threads: lambda w: devices_of(w).processes
    resources:
        gpu=lambda w: devices_of(w).processes,
        nodes=lambda w: devices_of(w).nodes,
        mem_mb=memory_of,
    params:
        start=lambda w: checkpoint_of(w, plan.start(w.model, w.task, w.policy)),
        train=lambda w: plan.train(w.model, w.task, w.policy).model_dump_json(exclude={"limits"}),
        template=chat_template,
        questions=lambda w, input: [f"--questions={path}" for path in input.questions],
        judged=lambda w: judged_by(w)[1],
    message:
        note("train: {wildcards.policy}", IN_CELL)
    shell:
        "OMP_NUM_THREADS={threads} python -m hsir.stages.train --start {params.start:q} --filtered {input.filtered:q}"
        " --train {params.train:q} --seed {wildcards.seed} {params.template:q} {params.questions:q}"
        " {params.judged:q} --out {output.checkpoint:q}"
        " --log {output.told:q} --cost {output.cost:q}"
        " --tracked-as {wildcards.model}/{wildcards.task}/seed{wildcards.seed}/{wildcards.policy} > {log:q} 2>&1"
