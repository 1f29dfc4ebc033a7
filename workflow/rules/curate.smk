"""From samples to a training set: majority answers, verdicts, recycled prefixes, scores, filters.

Needs: {pool}/samples/{shard}.parquet
Gives: {pool}/questions.parquet (for majority answers), {pool}/verified.parquet, {pool}/probes.parquet,
{pool}/veriexit.parquet, {pool}/{score}-scores.parquet (and .cost.json); filtered.parquet, funnel.json
"""


rule vote:
    input:
        samples=shards_of,
        questions=f"{ROOT}/data/unlabelled.parquet",
    output:
        f"{POOL}/questions.parquet",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/vote.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/vote.tsv"
    wildcard_constraints:
        pool=voting(),
    priority: 1
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        samples=lambda w, input: [f"--samples={path}" for path in input.samples],
        pool=lambda w: options(plan.config.pools[w.pool]),
        task=lambda w: options(task_of(w).for_split(None)),
        outside=lambda w: ["--outside-tags"] if plan.outside_tags(w.model, w.task, w.pool) else [],
    message:
        note("vote: {wildcards.policy}, pool {wildcards.pool}", IN_CELL)
    shell:
        "python -m hsir.stages.vote {params.samples:q} --questions {input.questions:q} --pool {params.pool:q}"
        " --task {params.task:q} {params.outside:q} --out {output:q} > {log:q} 2>&1"


rule verify:
    input:
        samples=shards_of,
        questions=questions_of,
    output:
        f"{POOL}/verified.parquet",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/verify.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/verify.tsv"
    priority: 1
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        samples=lambda w, input: [f"--samples={path}" for path in input.samples],
        task=lambda w: options(task_of(w).for_split(None)),
        outside=lambda w: ["--outside-tags"] if plan.outside_tags(w.model, w.task, w.pool) else [],
    message:
        note("verify: {wildcards.policy}, pool {wildcards.pool}", IN_CELL)
    shell:
        "python -m hsir.stages.verify {params.samples:q} --questions {input.questions:q} --task {params.task:q}"
        " {params.outside:q} --out {output:q} > {log:q} 2>&1"


rule probe:
    input:
        unpack(recycled),
    output:
        f"{POOL}/probes.parquet",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/probe.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/probe.tsv"
    priority: 1
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        steps=lambda w: plan.settings(w.model, w.task).traces.steps,
        samples=lambda w, input: [f"--samples={path}" for path in input.samples],
        pool=lambda w: options(pool_of(w)),
        task=lambda w: options(task_of(w).for_split(None)),
        tokenizer=lambda w: base_path(w.model),
    message:
        note("probe: {wildcards.policy}, pool {wildcards.pool}", IN_CELL)
    shell:
        "python -m hsir.stages.probe {params.samples:q} --verified {input.verified:q} --questions {input.questions:q}"
        " --task {params.task:q} --pool {params.pool:q} --tokenizer {params.tokenizer:q} --steps {params.steps}"
        " --out {output:q} > {log:q} 2>&1"


rule judge:
    input:
        unpack(recycled),
    output:
        f"{POOL}/judged.parquet",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/judge.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/judge.tsv"
    priority: 1
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        steps=lambda w: plan.settings(w.model, w.task).traces.steps,
        samples=lambda w, input: [f"--samples={path}" for path in input.samples],
        judge=lambda w: options(plan.config.judge),
    message:
        note("judge: {wildcards.policy}, pool {wildcards.pool}", IN_CELL)
    shell:
        "python -m hsir.stages.judge {params.samples:q} --verified {input.verified:q} --questions {input.questions:q}"
        " --judge {params.judge:q} --steps {params.steps} --out {output:q} > {log:q} 2>&1"


rule veriexit:
    input:
        unpack(recycled),
        probes=lambda w: paths_in(probes_of(w)["probes"]),
        probed=lambda w: paths_in(probes_of(w)["probed"]),
        judged=lambda w: [f"{POOL}/judged.parquet".format(**w)] if pool_of(w).matcher.judged else [],
    output:
        f"{POOL}/veriexit.parquet",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/veriexit.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/veriexit.tsv"
    priority: 1
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        steps=lambda w: plan.settings(w.model, w.task).traces.steps,
        samples=lambda w, input: [f"--samples={path}" for path in input.samples],
        task=lambda w: options(task_of(w).for_split(None)),
        matcher=lambda w: options(pool_of(w).matcher),
        tokenizer=lambda w: base_path(w.model),
        judged=lambda w, input: [f"--judged={path}" for path in input.judged],
        probes=lambda w, input: [
            f"--{option}={entry.split('=')[0]}={path}"
            for option, entries in probes_of(w).items()
            for entry, path in zip(entries, input[option] if entries else [])
        ],
    message:
        note("veriexit: {wildcards.policy}, pool {wildcards.pool}", IN_CELL)
    shell:
        "python -m hsir.stages.veriexit {params.samples:q} --verified {input.verified:q}"
        " --questions {input.questions:q} --task {params.task:q} --matcher {params.matcher:q} --tokenizer"
        " {params.tokenizer:q}"
        " {params.probes:q} {params.judged:q} --steps {params.steps} --out {output:q} > {log:q} 2>&1"


rule score:
    input:
        weights=lambda w: weights_input(w, w.policy),
        samples=shards_of,
        verified=f"{POOL}/verified.parquet",
    output:
        scores=f"{POOL}/{{score}}-scores.parquet",
        cost=f"{POOL}/{{score}}-scores.cost.json",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/{{score}}-score.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/{{score}}-score.tsv"
    wildcard_constraints:
        score=scores_of(Score),
    priority: 1
    conda:
        "../../envs/gpu.yaml"
    threads: 1
    resources:
        gpu=1,
    params:
        model=lambda w: checkpoint_of(w, w.policy),
        # All answers to a benchmark are scored: a reducer chooses among them.
        samples=lambda w, input: [
            *(f"--samples={path}" for path in input.samples),
            *(["--all"] if w.pool.startswith(EVAL) else []),
        ],
        score=lambda w: options(plan.score_set(w.score, w.model, w.task)),
    message:
        note("score: {wildcards.policy}, pool {wildcards.pool}, {wildcards.score}", IN_CELL)
    shell:
        "OMP_NUM_THREADS={threads} python -m hsir.stages.score --policy {params.model:q} {params.samples:q}"
        " --verified {input.verified:q} --score {params.score:q} --out {output.scores:q} --cost {output.cost:q}"
        " > {log:q} 2>&1"


rule div:
    input:
        samples=shards_of,
        verified=f"{POOL}/verified.parquet",
    output:
        f"{POOL}/{{score}}-scores.parquet",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/{{score}}-score.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/{{pool}}/{{score}}-score.tsv"
    wildcard_constraints:
        score=scores_of(DivScore),
    priority: 1
    conda:
        "../../envs/gpu.yaml"
    threads: 1
    resources:
        gpu=1,
    params:
        steps=lambda w: plan.settings(w.model, w.task).traces.steps,
        samples=lambda w, input: [f"--samples={path}" for path in input.samples],
        embedder=lambda w: options(plan.settings(w.model, w.task).div.embedder),
        threshold=lambda w: plan.settings(w.model, w.task).div.threshold,
    message:
        note("div: {wildcards.policy}, pool {wildcards.pool}, {wildcards.score}", IN_CELL)
    shell:
        "OMP_NUM_THREADS={threads} python -m hsir.stages.div {params.samples:q} --verified {input.verified:q}"
        " --embedder {params.embedder:q} --threshold {params.threshold} --steps {params.steps} --out {output:q} >"
        " {log:q} 2>&1"


rule filter:
    input:
        unpack(chosen_from),
    output:
        filtered=f"{POLICY}/filtered.parquet",
        funnel=f"{POLICY}/funnel.json",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/filter.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/filter.tsv"
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        given=lambda w, input: [f"--given={n}={path}" for n, path in zip(plan.method(w.policy).given, input.given)],
        # Tables of other policies share these parameters: further ones would rerun all existing selections.
        questions=lambda w, input: [
            *(f"--questions={path}" for path in input.questions),
            *named_in(w, "other-questions", "other_questions", input.other_questions),
        ],
        pools=lambda w, input: [
            *sources_of(w, input.samples),
            *named_in(w, "other-pool", "other_samples", input.other_samples),
        ],
        verified=lambda w, input: [
            *(f"--verified={path}" for path in input.verified),
            *named_in(w, "other-verified", "other_verified", input.other_verified),
        ],
        scores=lambda w, input: [
            *(f"--scores={path}" for path in input.scores),
            *named_in(w, "other-scores", "other_scores", input.other_scores),
        ],
        select=lambda w: f"[{','.join(options(chosen) for chosen in plan.method(w.policy).select)}]",
        limit=lambda w: options(plan.train(w.model, w.task, w.policy).limits),
        # One parameter for both: a further one would rerun all existing selections.
        pairs=lambda w: [*pairing(plan.train(w.model, w.task, w.policy)), *asking(plan.method(w.policy))],
    message:
        note("filter: {wildcards.policy}", IN_CELL)
    shell:
        "python -m hsir.stages.filter {params.given:q} {params.questions:q} {params.pools:q} {params.verified:q}"
        " {params.scores:q} --select {params.select:q} --limits {params.limit:q} {params.pairs:q} --seed"
        " {wildcards.seed}"
        " --out {output.filtered:q} --funnel {output.funnel:q} > {log:q} 2>&1"
