"""Dependencies: from a job's wildcards to its inputs and options."""


def checkpoint_of(wildcards, policy):
    """Return the weights of a policy; a base model from a hub is not a file, and no rule creates it."""
    if policy != BASE:
        return f"{PLACED}{ROOT.removeprefix(RESULTS)}/{policy}/checkpoint".format(**wildcards)
    return base_path(wildcards.model)


def weights_input(wildcards, policy):
    """Return the inputs that a job waits for before it loads a policy."""
    if policy == BASE:
        return model_files(wildcards.model, "*.safetensors", "*.json")
    return [f"{ROOT}/{policy}/checkpoint".format(**wildcards)]


def model_files(model, *patterns):
    """Return the files of a base model in a folder, because changing them changes the samples."""
    return given(sorted(path for pattern in patterns for path in Path(base_path(model)).glob(pattern)))


def given(paths):
    """Return user files, to which the `prefix` of a module statement is not added.

    Files that are part of HSIR are as old as the checkout or the installation, so their timestamps say nothing about
    their content.
    """
    files = [local(str(path)) for path in paths]
    return [ancient(file) if PACKAGE in Path(file).resolve().parents else file for file in files]


def questions_from(model, task, split):
    """Return the source files of a split's questions, and the files needed to tokenize them."""
    template = plan.config.models[model].chat_template
    files = [*task.files(split), *([found(template)] if template else [])]
    return given(files) + model_files(model, "tokenizer*.json", "chat_template.jinja")


def teacher_of(wildcards):
    """Return the options of the teacher that distils a task's traces."""
    if plan.config.teacher is None:
        path = f"{RESULTS}/traces/{wildcards.task}.jsonl"
        raise WorkflowError(
            f"{path}: no such file, and no teacher to ask; put it there, or set `teacher:` in the config"
        )
    return plan.config.teacher.flags()


def questions_of(wildcards):
    """Return the questions that a pool answers: a benchmark's, or the unlabelled ones with their gold answers."""
    if wildcards.pool.startswith(EVAL):
        return f"{RESULTS}/{wildcards.model}/benchmarks/{test_set(wildcards.pool)}.parquet"
    return labelled(POLICY.format(**wildcards), wildcards, wildcards.pool)


def labelled(folder, wildcards, pool):
    """Return the unlabelled questions with the gold answers that judge a pool in a policy's folder: the task's, or the
    majority answers of a pool."""
    labels = plan.labels(pool)
    return f"{folder}/{labels}/questions.parquet" if labels else f"{ROOT}/data/unlabelled.parquet".format(**wildcards)


def task_of(wildcards):
    """Return the task whose prompt and grading a pool uses."""
    own = wildcards.pool.startswith(EVAL)
    return plan.config.tasks[test_set(wildcards.pool) if own else wildcards.task].task


def pool_of(wildcards):
    """Return a pool's options."""
    return plan.pool(wildcards.model, wildcards.task, wildcards.pool)


def engine_of(wildcards):
    """Return the sampling engine."""
    return plan.settings(wildcards.model, wildcards.task).sample.engine


def prompts_of(wildcards):
    """Return what a pool continues: recycled prefixes, prompts built from questions, or plain questions."""
    pool = pool_of(wildcards)
    if isinstance(pool, ProbePool):
        return f"{POOL}/probes.parquet".format(**wildcards)
    if isinstance(pool, VeriExitPool):
        return f"{POOL}/veriexit.parquet".format(**wildcards)
    return f"{POOL}/asked.parquet".format(**wildcards) if pool.asked else questions_of(wildcards)


def asked_from(wildcards):
    """Return the tables that a pool's prompts are built from: questions, and samples of its source pool."""
    pool, policy = pool_of(wildcards), POLICY.format(**wildcards)
    source = pool.source
    return {
        "questions": questions_of(wildcards),
        "samples": shards_in(policy, wildcards, source) if source else [],
        "verified": [] if source is None or isinstance(pool, GuidePool) else [f"{policy}/{source}/verified.parquet"],
        **{name: [path for _, path in named] for name, named in earlier_of(wildcards).items()},
    }


def earlier_of(wildcards):
    """Return what earlier policies sampled of a pool, each with the policy's name, if that decides which questions are
    next."""
    adaptive = getattr(pool_of(wildcards), "order", None) == "adaptive"
    before = plan.sampled_before(wildcards.policy, wildcards.pool) if adaptive else []
    folders = [(one, f"{ROOT.format(**wildcards)}/{one}") for one in before]
    return {
        "earlier": [(one, f"{folder}/{wildcards.pool}/asked.parquet") for one, folder in folders],
        "earlier_samples": [
            (one, path) for one, folder in folders for path in shards_in(folder, wildcards, wildcards.pool)
        ],
        "earlier_verified": [(one, f"{folder}/{wildcards.pool}/verified.parquet") for one, folder in folders],
    }


def part_of(wildcards):
    """Give the option for the part of the questions that a policy samples, if a pool has parts."""
    pool = pool_of(wildcards)
    fixed = getattr(pool, "parts", None) is not None and pool.order == "fixed"
    return [f"--part={plan.iteration(wildcards.policy) % pool.parts}"] if fixed else []


def earlier_options(wildcards, input):
    """Give the options for what earlier policies sampled of a pool."""
    return [
        f"--{name.replace('_', '-')}={of}={path}"
        for name, named in earlier_of(wildcards).items()
        for (of, _), path in zip(named, input[name] if named else [], strict=True)
    ]


def shards_in(folder, wildcards, pool):
    """Return the shards of a pool's samples in a policy's folder."""
    n = plan.shards(wildcards.model, wildcards.task, pool)
    return [f"{folder}/{plan.drawn_as(pool)}/samples/{shard}-of-{n}.parquet" for shard in range(n)]


def shards_of(wildcards):
    """Return the shards of the pool that the wildcards name."""
    return shards_in(POLICY.format(**wildcards), wildcards, wildcards.pool)


def recycled(wildcards):
    """Return the tables of the pool whose failed solutions are recycled."""
    source, policy = pool_of(wildcards).of, POLICY.format(**wildcards)
    return {
        "samples": shards_in(policy, wildcards, source),
        "verified": f"{policy}/{source}/verified.parquet",
        "questions": questions_of(wildcards),
    }


def probes_of(wildcards):
    """Return the probes that a recycled pool's matcher reads, and their verdicts, as options of the stage veriexit."""
    policy = POLICY.format(**wildcards)
    pools = pool_of(wildcards).matcher.pools
    return {
        "probes": [f"{pool}={path}" for pool in pools for path in shards_in(policy, wildcards, pool)],
        "probed": [f"{pool}={policy}/{pool}/verified.parquet" for pool in pools],
    }


def paths_in(named):
    """Return the paths of POOL=PATH options."""
    return [entry.split("=", 1)[1] for entry in named]


def chosen_from(wildcards):
    """Return the tables that a policy's training set is selected from."""
    method, root = plan.method(wildcards.policy), ROOT.format(**wildcards)
    parent = f"{root}/{plan.parent(wildcards.policy)}"
    splits = {"seed": "seed", "gold": "unlabelled", "questions": "unlabelled"}
    scored = method.pools if method.score else []
    return {
        "given": [f"{root}/data/{splits[name]}.parquet" for name in method.given],
        "questions": [labelled(parent, wildcards, method.reads[0])] if method.reads else [],
        "samples": [path for pool in method.reads for path in shards_in(parent, wildcards, pool)],
        "verified": [f"{parent}/{pool}/verified.parquet" for pool in method.reads],
        "scores": [f"{parent}/{pool}/{method.score}-scores.parquet" for pool in scored],
        **{name: [path for _, path in named] for name, named in others_of(wildcards).items()},
    }


def others_of(wildcards):
    """Return the tables of other policies that a training set is selected from, each with the policy's name, or with
    POLICY/POOL for samples."""
    method, root = plan.method(wildcards.policy), ROOT.format(**wildcards)
    others = plan.others(wildcards.policy)
    pools = [(policy, pool) for policy in others for pool in method.pools]
    return {
        "other_questions": [(one, labelled(f"{root}/{one}", wildcards, method.pools[0])) for one in others],
        "other_samples": [
            (f"{one}/{pool}", path) for one, pool in pools for path in shards_in(f"{root}/{one}", wildcards, pool)
        ],
        "other_verified": [(one, f"{root}/{one}/{pool}/verified.parquet") for one, pool in pools],
        "other_scores": [
            (one, f"{root}/{one}/{pool}/{method.score}-scores.parquet") for one, pool in pools if method.score
        ],
    }


def named_in(wildcards, option, name, paths):
    """Return the tables of other policies as NAME=PATH options."""
    return [f"--{option}={of}={path}" for (of, _), path in zip(others_of(wildcards)[name], paths, strict=True)]


def sources_of(wildcards, samples):
    """Return the name of each sample table's pool, as the method calls it, as POOL=PATH options."""
    shards = [(pool, shard) for pool in plan.method(wildcards.policy).reads for shard in shards_in("", wildcards, pool)]
    return [f"--pool={pool}={path}" for (pool, _), path in zip(shards, samples, strict=True)]


def scores_for_reducers(wildcards):
    """Return the score sets that the reducers of an evaluation read, each with the table of its scores."""
    folder = f"{POLICY}/{EVAL}{{sampled}}".format(**wildcards)
    return [(name, f"{folder}/{name}-scores.parquet") for name in plan.reduced_by(wildcards.model, wildcards.sampled)]


def memory_of(wildcards):
    """Return the memory for training on the CPU, in MB; 0 if the model's size is unknown."""
    return round((training_memory(plan, wildcards.model, wildcards.task, wildcards.policy) or 0) / 1e6)


def devices_of(wildcards):
    """Return the devices that a policy is trained on."""
    return plan.train(wildcards.model, wildcards.task, wildcards.policy).devices


def cost_of(wildcards):
    """Return the inputs of a policy's cost: its samples and scores, its training, and its parent's ledger."""
    root, parent = ROOT.format(**wildcards), plan.parent(wildcards.policy)
    drawn = plan.drawn_for(wildcards.policy)
    samples = [path for pool in drawn for path in shards_in(f"{root}/{parent}", wildcards, pool)]
    scores = chosen_from(wildcards)["scores"]
    trained = f"{POLICY}/train.json".format(**wildcards)
    by_policy = isinstance(plan.config.scores.get(plan.method(wildcards.policy).score), Score)
    timed = [*samples, *(scores if by_policy else []), trained]
    return {
        "samples": samples,
        "scores": scores,
        "train": trained,
        "costs": [str(Path(path).with_suffix(".cost.json")) for path in timed],
        "before": [] if parent == BASE else [f"{root}/{parent}/ledger.json"],
    }


def judged_by(wildcards):
    """Return what reinforcement learning needs to grade its rollouts: questions, and command options."""
    if plan.train(wildcards.model, wildcards.task, wildcards.policy).learns_from != "questions":
        return [], []
    score = plan.method(wildcards.policy).score
    given = [
        f"--task={options(plan.config.tasks[wildcards.task].task.for_split(None))}",
        *([f"--score={options(plan.score_set(score, wildcards.model, wildcards.task))}"] if score else []),
        *(["--outside-tags"] if plan.settings(wildcards.model, wildcards.task).sample.outside_tags else []),
    ]
    return [f"{ROOT}/data/unlabelled.parquet".format(**wildcards)], given


class Cell(dict):
    """A substitute for wildcards, for the report's look-up of inputs."""

    __getattr__ = dict.__getitem__


def made_by(wildcards):
    """Return the inputs of a run's report; each file once, although methods share pools."""
    run = plan.config.runs[wildcards.run]
    of_policy = {
        "funnels": "funnel.json",
        "chosen": "filtered.parquet",
        "trained": "train.json",
        "ledgers": "ledger.json",
        "overlaps": "overlap.json",
    }
    read = ("evaluations", "answers", "judged", "questions", "samples", "verified", "veriexit", "scores")
    found = {name: {} for name in (*of_policy, *read)}
    for model, task, seed, method, policy in plan.evaluated(run):
        cell = Cell(model=model, task=task, seed=seed, policy=policy)
        folder = POLICY.format(**cell)
        for name in plan.evaluations(run, model, task):
            found["evaluations"][f"{folder}/eval/{name}.json"] = None
            found["judged"][f"{folder}/eval/{name}/verified.parquet"] = None
            found["answers"] |= dict.fromkeys(shards_in(folder, cell, f"{EVAL}{name}"))
    for model, task, seed, method, policy in plan.cells(run):
        cell = Cell(model=model, task=task, seed=seed, policy=policy)
        folder = POLICY.format(**cell)
        for name, file in of_policy.items():
            found[name][f"{folder}/{file}"] = None
        recycled_pools = [p for p in plan.method(policy).pools if isinstance(plan.config.pools[p], VeriExitPool)]
        sampled = [f"{ROOT.format(**cell)}/{one}" for one in (plan.parent(policy), *plan.others(policy))]
        found["veriexit"] |= {f"{one}/{pool}/veriexit.parquet": None for one in sampled for pool in recycled_pools}
        tables = chosen_from(cell)
        for name in ("questions", "samples", "verified", "scores"):
            found[name] |= dict.fromkeys([*tables[name], *tables[f"other_{name}"]])
        if tables["questions"]:
            found["questions"][f"{ROOT}/data/unlabelled.parquet".format(**cell)] = None
    return {name: list(paths) for name, paths in found.items()}


def studied(wildcards):
    """Return the pool whose solutions a run's analysis uses, as wildcards of the pool's own rules."""
    cells = [
        (plan.method(policy), Cell(model=model, task=task, seed=seed, policy=plan.parent(policy)))
        for model, task, seed, _, policy in plan.cells(plan.config.runs[wildcards.run])
        if plan.method(policy).pools
    ]
    if not cells:
        raise WorkflowError(
            f"runs.{wildcards.run}.methods: none samples solutions, so there are none to analyse; add one"
        )
    method, cell = min(cells, key=lambda found: not isinstance(plan.config.scores.get(found[0].score), Score))
    pool = next(name for name in method.pools if not isinstance(plan.config.pools[name], VeriExitPool))
    read = plan.config.scores.get(method.score)
    return Cell(cell, pool=pool, score=method.score if isinstance(read, Score) else "indiv")


def studied_options(wildcards):
    """Return the stage options of a run's analysis."""
    cell = studied(wildcards)
    return plan.settings(cell.model, cell.task)


def studied_policy(wildcards):
    """Return the weights of the policy whose solutions are analysed."""
    return checkpoint_of(studied(wildcards), studied(wildcards).policy)
