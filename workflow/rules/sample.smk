"""Solutions sampled from a policy: for unlabelled questions, their prompts, recycled prefixes, or a test set.

Needs: a policy's checkpoint, questions or veriexit.parquet.
Gives: {pool}/asked.parquet, {pool}/samples/{shard}.parquet, {shard}.cost.json

Jobs that a training job needs run before other training jobs (priority), so training jobs can run in parallel.
"""


rule ask:
    input:
        unpack(asked_from),
    output:
        f"{POOL}/asked.parquet",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/ask.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/ask.tsv"
    priority: 1
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        samples=lambda w, input: [f"--samples={path}" for path in input.samples],
        # What decides which questions are next shares this parameter: a further one would sample existing pools again.
        verified=lambda w, input: [
            *(f"--verified={path}" for path in input.verified),
            *part_of(w),
            *earlier_options(w, input),
        ],
        pool=lambda w: options(pool_of(w)),
        task=lambda w: options(plan.config.tasks[w.task].task.for_split("unlabelled")),
        model=lambda w: base_path(w.model),
        template=chat_template,
    message:
        note("ask: {wildcards.policy}, pool {wildcards.pool}", IN_CELL)
    shell:
        "python -m hsir.stages.ask --questions {input.questions:q} {params.samples:q} {params.verified:q}"
        " --pool {params.pool:q} --task {params.task:q} --model {params.model:q} {params.template:q}"
        " --out {output:q} > {log:q} 2>&1"


rule sample:
    input:
        weights=lambda w: weights_input(w, w.policy),
        prompts=prompts_of,
    output:
        samples=f"{POOL}/samples/{{shard}}.parquet",
        cost=f"{POOL}/samples/{{shard}}.cost.json",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/sample-{{shard}}.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/sample-{{shard}}.tsv"
    priority: 1
    conda:
        "../../envs/gpu.yaml"
    threads: 1
    resources:
        gpu=lambda w: engine_of(w).devices,
    params:
        model=lambda w: checkpoint_of(w, w.policy),
        pool=lambda w: options(pool_of(w)),
        engine=lambda w: options(engine_of(w)),
        number=lambda w: w.shard.split("-of-")[0],
        total=lambda w: w.shard.split("-of-")[1],
    message:
        note("sample: {wildcards.policy}, pool {wildcards.pool}, shard {params.number} of {params.total}", IN_CELL)
    shell:
        "OMP_NUM_THREADS={threads} python -m hsir.stages.sample --model {params.model:q} --prompts {input.prompts:q}"
        " --name {wildcards.pool:q} --pool {params.pool:q} --engine {params.engine:q} --seed {wildcards.seed}"
        " --shard {params.number} --shards {params.total} --out {output.samples:q} --cost {output.cost:q} > {log:q}"
        " 2>&1"
