"""What the rules share: the plan made of the config, paths, and the names allowed in them."""

import re
import shlex
import sys
from pathlib import Path

HERE = Path(workflow.basedir)
sys.path.insert(0, str(HERE))

from snakemake.settings.types import DeploymentMethod

from hsir.config import Plan, load
from hsir.config.plan import BASE, EVAL
from hsir.config.pools import GuidePool, ProbePool, VeriExitPool
from hsir.config.settings import DivScore, Score
from hsir.errors import ConfigError

try:
    plan = Plan(load(config, HERE / "config", ", ".join(map(str, workflow.configfiles))))
except ConfigError as error:
    raise WorkflowError(error) from None

# The package stands beside the Snakefile: jobs find it there, whatever their environment holds. Who watches trainings is
# no option of their rule, for whoever watches, the policy is the same.
EXPORTED = [
    f"PYTHONPATH={shlex.quote(str(HERE))}${{PYTHONPATH:+:$PYTHONPATH}}",
    f"HSIR_TRACK={shlex.quote(plan.config.track.model_dump_json())}",
    f"HSIR_TRACKED_IN={shlex.quote(f'{plan.config.results}/tracking')}",
]
# Without environments of their own they take the Python that runs Snakemake, though nobody activated its environment.
if not {DeploymentMethod.CONDA, DeploymentMethod.APPTAINER} & {*workflow.deployment_settings.deployment_method}:
    EXPORTED.append(f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH")
shell.prefix("export {}; ".format(" ".join(EXPORTED).replace("{", "{{").replace("}", "}}")))

RESULTS = plan.config.results
ROOT = f"{RESULTS}/{{model}}/{{task}}/seed{{seed}}"
POLICY = f"{ROOT}/{{policy}}"
POOL = f"{POLICY}/{{pool}}"
# Of a pool, or of a policy: one path for logs and benchmark files, which mirror the results.
LOGS, TIMES = "logs", "benchmarks/runs"


wildcard_constraints:
    model="|".join(map(re.escape, plan.config.models)),
    task="|".join(map(re.escape, plan.config.tasks)),
    benchmark="|".join(map(re.escape, plan.config.tasks)),
    seed=r"\d+",
    policy="|".join([BASE, *(rf"{name}(\.[1-9]\d*)?" for name in plan.config.methods)]),
    pool="|".join(map(re.escape, [*plan.config.pools, *(f"{EVAL}{name}" for name in plan.config.tasks)])),
    split="seed|unlabelled",
    shard=r"\d+-of-\d+",


def options(chosen):
    """Write options as the JSON that a stage's command line takes."""
    return chosen.model_dump_json()


def scores_of(kind):
    """Give the names of the score sets of a kind, as a pattern; one that matches nothing, if there is none."""
    return "|".join(re.escape(name) for name, one in plan.config.scores.items() if isinstance(one, kind)) or "(?!)"


def found(path):
    """Give a path from the config, which is relative to the project unless it is found from here."""
    return str(HERE / path) if not Path(path).exists() and (HERE / path).exists() else str(path)


def base_path(model):
    """Give the base model: a folder, or its name on a hub."""
    return found(plan.config.models[model].path)


def chat_template(wildcards):
    """Give the option for a chat template, if the model's config names one."""
    template = plan.config.models[wildcards.model].chat_template
    return [f"--chat-template={found(template)}"] if template else []
