"""What the rules share: the plan made of the config, names allowed in paths, and who feeds whom."""

import os
import sys
from pathlib import Path

HERE = Path(workflow.basedir)
sys.path.insert(0, str(HERE))

from hsir.config import Plan, load
from hsir.config.plan import BASE, EVAL
from hsir.config.settings import VeriExitPool
from hsir.errors import ConfigError

# The package stands beside the Snakefile: jobs find it there, whatever their environment holds.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))

try:
    plan = Plan(load(config, HERE / "config", ", ".join(map(str, workflow.configfiles))))
except ConfigError as error:
    raise WorkflowError(error) from None

RESULTS = plan.config.results
ROOT = f"{RESULTS}/{{model}}/{{task}}/seed{{seed}}"
POLICY = f"{ROOT}/{{policy}}"
POOL = f"{POLICY}/{{pool}}"
# Of a pool, or of a policy: one path for logs and benchmark files, which mirror the results.
LOGS, TIMES = "logs", "benchmarks/runs"


wildcard_constraints:
    model="|".join(plan.config.models),
    task="|".join(plan.config.tasks),
    benchmark="|".join(plan.config.tasks),
    seed=r"\d+",
    policy="|".join([BASE, *(rf"{name}(\.[1-9]\d*)?" for name in plan.config.methods)]),
    pool="|".join([*plan.config.pools, *(f"{EVAL}{name}" for name in plan.config.tasks)]),
    split="seed|unlabelled",
    shard=r"\d+-of-\d+",


def options(chosen):
    """Write options as the JSON that a stage's command line takes."""
    return chosen.model_dump_json()


def base_path(model):
    """Give the base model's path, which is relative to the project unless it is found from here."""
    path = Path(plan.config.models[model].path)
    return str(HERE / path) if not path.exists() and (HERE / path).exists() else str(path)


def chat_template(wildcards):
    """Give the option for a chat template, if the model's config names one."""
    template = plan.config.models[wildcards.model].chat_template
    return f"--chat-template {template}" if template else ""


def checkpoint_of(wildcards, policy):
    """Give the weights of a policy; a base model from a hub is no file, and made by no rule."""
    if policy != BASE:
        return f"{ROOT}/{policy}/checkpoint".format(**wildcards)
    return base_path(wildcards.model)


def weights_input(wildcards, policy):
    """Give what a job waits for before it loads a policy."""
    return [] if policy == BASE else [checkpoint_of(wildcards, policy)]


def questions_of(wildcards):
    """Give the questions that a pool answers: a benchmark's, or the unlabelled ones."""
    if wildcards.pool.startswith(EVAL):
        benchmark = wildcards.pool.removeprefix(EVAL)
        return f"{RESULTS}/{wildcards.model}/benchmarks/{benchmark}.parquet"
    return f"{ROOT}/data/unlabelled.parquet".format(**wildcards)


def task_of(wildcards):
    """Give the task whose prompt and parser a pool's answers go by."""
    own = wildcards.pool.startswith(EVAL)
    return plan.config.tasks[wildcards.pool.removeprefix(EVAL) if own else wildcards.task].task


def pool_of(wildcards):
    """Give a pool's options."""
    return plan.pool(wildcards.model, wildcards.task, wildcards.pool)


def prompts_of(wildcards):
    """Give what a pool continues: recycled prefixes, or plain questions."""
    recycled = isinstance(pool_of(wildcards), VeriExitPool)
    return f"{POOL}/veriexit.parquet".format(**wildcards) if recycled else questions_of(wildcards)


def shards_in(folder, wildcards, pool):
    """Give the shards of a pool in a policy's folder."""
    n = plan.shards(wildcards.model, wildcards.task, pool)
    return [f"{folder}/{pool}/samples/{shard}-of-{n}.parquet" for shard in range(n)]


def shards_of(wildcards):
    """Give the shards of the pool that the wildcards name."""
    return shards_in(POLICY.format(**wildcards), wildcards, wildcards.pool)


def run_results(run):
    """Give the last files of a run; all else follows from them."""
    return f"{RESULTS}/runs/{run}/results.csv"
