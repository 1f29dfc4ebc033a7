"""Shared by the rules: the plan of the config, paths, and the names allowed in them."""

import re
import shlex
import sys
from pathlib import Path

# The folder of this project, not of one that imports it as a module.
HERE = Path(workflow.current_basedir).parent.parent
sys.path.insert(0, str(HERE))

from snakemake.settings.types import DeploymentMethod

from hsir.config import Plan, load, read_yaml
from hsir.config.plan import BASE, EVAL, test_set
from hsir.config.rehearsal import prepare
from hsir.config.pools import GuidePool, MajorityPool, ProbePool, VeriExitPool
from hsir.config.settings import DivScore, Score
from hsir.errors import ConfigError
from hsir.reducers import Reducers
from hsir.config.home import PACKAGE, found
from hsir.planning.memory import training as training_memory

# Snakemake lists config files of the command line first, and merges them over the others.
LAST = len(workflow.overwrite_configfiles)
FILES = dict.fromkeys(map(str, [*workflow.configfiles[LAST:], *workflow.configfiles[:LAST]]))
ELSE = "the config of the module statement, or --config" if IMPORTED else "--config"

try:
    loaded = load(config, HERE / "config", {path: read_yaml(Path(path)) for path in FILES}, ELSE)
except ConfigError as error:
    raise WorkflowError(error) from None

# Snakemake adds the `prefix` of a module statement to the paths of rules, which start with RESULTS. Commands find the
# same files by the plan's paths, which already contain the prefix.
RESULTS, PLACED = loaded.results, str(workflow.modifier.modify_path(f"{loaded.results}/")).removesuffix("/")
plan = Plan(loaded if PLACED == RESULTS else loaded.model_copy(update={"results": PLACED}))
if loaded.rehearse:
    prepare(loaded)


# The package is next to the workflow: jobs find it there, whatever their environment contains. Trackers are not params
# of the rule, because they do not affect the policy.
EXPORTED = [
    f"PYTHONPATH={shlex.quote(str(HERE))}${{PYTHONPATH:+:$PYTHONPATH}}",
    f"HSIR_TRACK={shlex.quote(plan.config.track.model_dump_json())}",
    f"HSIR_TRACKED_IN={shlex.quote(f'{plan.config.results}/tracking')}",
]
# Jobs without their own environment use the Python that runs Snakemake, even if its environment is not activated.
if not {DeploymentMethod.CONDA, DeploymentMethod.APPTAINER} & {*workflow.deployment_settings.deployment_method}:
    EXPORTED.append(f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH")
# A prefix applies to all rules, including those of an importing project: its own prefix, or Snakemake's, is kept.
BEFORE, EXPORT = shell._process_prefix or "set -euo pipefail; ", "export {}; ".format(" ".join(EXPORTED))
shell.prefix((BEFORE.replace(EXPORT, "") + EXPORT).replace("{", "{{").replace("}", "}}"))

ROOT = f"{RESULTS}/{{model}}/{{task}}/seed{{seed}}"
POLICY = f"{ROOT}/{{policy}}"
POOL = f"{POLICY}/{{pool}}"
# Roots of logs and benchmark files, which mirror the results.
LOGS, TIMES = ("logs/rehearsal", "benchmarks/rehearsal") if loaded.rehearse else ("logs", "benchmarks/runs")
# The end of the message of a job with a model, a task and a seed.
IN_CELL = "({wildcards.model}/{wildcards.task}/seed{wildcards.seed})"
# An evaluation of several samples per question: gsm8k@16.
SAMPLED_TEST = "({})@[0-9]+".format("|".join(map(re.escape, plan.config.tasks)))


wildcard_constraints:
    model="|".join(map(re.escape, plan.config.models)),
    task="|".join(map(re.escape, plan.config.tasks)),
    benchmark="|".join(map(re.escape, plan.config.tasks)),
    sampled=SAMPLED_TEST,
    seed=r"\d+",
    policy="|".join([BASE, *(rf"{name}(\.[1-9]\d*)?" for name in plan.config.methods)]),
    pool="|".join(map(re.escape, [*plan.config.pools, *(f"{EVAL}{name}" for name in plan.config.tasks)]))
    + f"|{EVAL}{SAMPLED_TEST}",
    split="seed|unlabelled",
    shard=r"\d+-of-\d+",


def note(*parts):
    """Return a rule's message: the policy and pool of a job; none in a dry run, so that it lists files and reasons."""
    return None if workflow.output_settings.dryrun else " ".join(parts)


def options(chosen):
    """Return options as JSON for a stage's command line."""
    return chosen.model_dump_json()


def pairing(training):
    """Give the option that pairs solutions with failed ones, for a training that learns from pairs."""
    return [f"--pairs={training.loser}"] if training.learns_from == "pairs" else []


def asking(method):
    """Give the option that chooses the questions of reinforcement learning, if a method has it."""
    return [] if method.questions is None else [f"--asked={options(method.questions)}"]


def scores_of(kind):
    """Return the names of the score sets of a kind, as a pattern that matches nothing if there is none."""
    return "|".join(re.escape(name) for name, one in plan.config.scores.items() if isinstance(one, kind)) or "(?!)"


def voting():
    """Return the names of the pools of kind majority, as a pattern that matches nothing if there is none."""
    pools = plan.config.pools.items()
    return "|".join(re.escape(name) for name, pool in pools if isinstance(pool, MajorityPool)) or "(?!)"


def base_path(model):
    """Return the base model: a folder, or its name on a hub."""
    return str(found(plan.config.models[model].path))


def chat_template(wildcards):
    """Return the option for a chat template, if the model's config names one."""
    template = plan.config.models[wildcards.model].chat_template
    return [f"--chat-template={found(template)}"] if template else []
