"""Solutions drawn from a policy: of the unlabelled questions, of recycled prefixes, of a test set.

Needs: a policy's checkpoint, questions or veriexit.parquet.
Gives: {pool}/samples/{shard}.parquet

What feeds a training goes before other trainings (priority): then they can run side by side.
"""


rule sample:
    input:
        weights=lambda w: weights_input(w, w.policy),
        prompts=prompts_of,
    output:
        f"{POOL}/samples/{{shard}}.parquet",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/sample-{{shard}}.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/sample-{{shard}}.tsv"
    priority: 1
    conda:
        "../../envs/generate.yaml"
    threads: 1
    params:
        model=lambda w: checkpoint_of(w, w.policy),
        pool=lambda w: options(pool_of(w)),
        engine=lambda w: options(plan.settings(w.model, w.task).sample.engine),
        number=lambda w: w.shard.split("-of-")[0],
        total=lambda w: w.shard.split("-of-")[1],
    shell:
        "OMP_NUM_THREADS={threads} python -m hsir.stages.sample --model {params.model:q} --prompts {input.prompts:q}"
        " --name {wildcards.pool:q} --pool {params.pool:q} --engine {params.engine:q} --seed {wildcards.seed}"
        " --shard {params.number} --shards {params.total} --output {output:q} > {log:q} 2>&1"
