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
from hsir.config.pools import GuidePool, ProbePool, VeriExitPool
from hsir.config.settings import DivScore, Score
from hsir.errors import ConfigError
from hsir.reducers import Reducers
from hsir.config.home import PACKAGE, found
from hsir.planning.memory import training as training_memory

# Snakemake lists files of the command line first, and lays them over the others.
LAST = len(workflow.overwrite_configfiles)
FILES = dict.fromkeys(map(str, [*workflow.configfiles[LAST:], *workflow.configfiles[:LAST]]))
ELSE = "the config of the module statement, or --config" if IMPORTED else "--config"

try:
    loaded = load(config, HERE / "config", {path: read_yaml(Path(path)) for path in FILES}, ELSE)
except ConfigError as error:
    raise WorkflowError(error) from None

# Snakemake puts the `prefix` of a module statement before the paths of rules, which begin with RESULTS. Commands find
# the same files by the plan's paths, which begin with it themselves.
RESULTS, PLACED = loaded.results, str(workflow.modifier.modify_path(f"{loaded.results}/")).removesuffix("/")
plan = Plan(loaded if PLACED == RESULTS else loaded.model_copy(update={"results": PLACED}))
if loaded.rehearse:
    prepare(loaded)


# The package stands beside the workflow: jobs find it there, whatever their environment holds. Who watches trainings is
# no option of their rule, for whoever watches, the policy is the same.
EXPORTED = [
    f"PYTHONPATH={shlex.quote(str(HERE))}${{PYTHONPATH:+:$PYTHONPATH}}",
    f"HSIR_TRACK={shlex.quote(plan.config.track.model_dump_json())}",
    f"HSIR_TRACKED_IN={shlex.quote(f'{plan.config.results}/tracking')}",
]
# Without environments of their own they take the Python that runs Snakemake, though nobody activated its environment.
if not {DeploymentMethod.CONDA, DeploymentMethod.APPTAINER} & {*workflow.deployment_settings.deployment_method}:
    EXPORTED.append(f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH")
# A prefix is of all rules, those of a project that imports these too: what it set, or Snakemake's own, stays in force.
BEFORE, EXPORT = shell._process_prefix or "set -euo pipefail; ", "export {}; ".format(" ".join(EXPORTED))
shell.prefix((BEFORE.replace(EXPORT, "") + EXPORT).replace("{", "{{").replace("}", "}}"))

ROOT = f"{RESULTS}/{{model}}/{{task}}/seed{{seed}}"
POLICY = f"{ROOT}/{{policy}}"
POOL = f"{POLICY}/{{pool}}"
# Of a pool, or of a policy: one path for logs and benchmark files, which mirror the results.
LOGS, TIMES = ("logs/rehearsal", "benchmarks/rehearsal") if loaded.rehearse else ("logs", "benchmarks/runs")
# The end of the message of a job that is of a model, a task and a seed.
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
    """Give a rule's message: which policy and pool a job is for; in a dry run none, so that it lists files and
    reasons."""
    return None if workflow.output_settings.dryrun else " ".join(parts)


def options(chosen):
    """Write options as the JSON that a stage's command line takes."""
    return chosen.model_dump_json()


def scores_of(kind):
    """Give the names of the score sets of a kind, as a pattern; one that matches nothing, if there is none."""
    return "|".join(re.escape(name) for name, one in plan.config.scores.items() if isinstance(one, kind)) or "(?!)"


def base_path(model):
    """Give the base model: a folder, or its name on a hub."""
    return str(found(plan.config.models[model].path))


def chat_template(wildcards):
    """Give the option for a chat template, if the model's config names one."""
    template = plan.config.models[wildcards.model].chat_template
    return [f"--chat-template={found(template)}"] if template else []
