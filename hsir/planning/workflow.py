"""The project as seen by the commands: config, profile, and Snakemake's dry run."""

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from hsir.config import Plan, load, read_yaml
from hsir.config.home import HOME, SNAKEFILE, profile_folder
from hsir.errors import ConfigError

DEFAULT = Path("config/config.yaml")
TOLD = re.compile(
    r"^ *(?:(?:local)?(?:rule|checkpoint) (\S+):|(output|log|reason|wildcards|threads|resources): (.+))$", re.MULTILINE
)
RULE = re.compile(r"^(?:use )?rule (?:\w+ as )?(\w+)(?: with)?:\n((?:(?: {4}.*)?\n)+)", re.MULTILINE)
"""A rule of a .smk file: its name and its body."""


class Job(NamedTuple):
    """A job of a dry run: its rule, its resources, whether it runs in the Snakemake process instead of the queue, and
    why.

    Also the files that it writes, and its log.
    """

    rule: str
    threads: int
    resources: Mapping[str, str]
    local: bool = False
    wildcards: Mapping[str, str] = MappingProxyType({})
    reason: str = ""
    outputs: tuple[str, ...] = ()
    log: str = ""


def opened(configs: Sequence[Path]) -> Plan:
    """Read the config as `snakemake --configfile` does: later files override earlier ones and config/config.yaml.

    Raises ConfigError if it is invalid or missing.
    """
    absent = [path for path in configs if not path.is_file()]
    if absent or not (configs or DEFAULT.is_file()):
        raise ConfigError(f"{(absent or [DEFAULT])[0]}: no such config; name one with --configfile")
    files = [*([DEFAULT] if DEFAULT.is_file() else []), *configs]
    given = [read_yaml(path) or {} for path in files]
    for path, raw in zip(files, given, strict=True):
        if not isinstance(raw, dict):
            raise ConfigError(f"{path}: not a config; it needs keys such as `run:` and `runs:`")
    return Plan(load(_merged(*given), HOME / "config", dict(zip(map(str, files), given, strict=True))))


def run(target: str, configs: Sequence[Path], profile: Path, gpus: int | None = None, dry_run: bool = False) -> int:
    """Run Snakemake for a run, with its output on the terminal; return its exit code."""
    options = ["--profile", str(profile_folder(profile)), *(["--dry-run"] if dry_run else [])]
    options += [] if gpus is None else ["--resources", f"gpu={gpus}"]
    return subprocess.run(_command(options, [target], configs), check=False).returncode


def _merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Merge raw configs as Snakemake does: key by key, regardless of their kinds."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below = merged.get(key)
            merged[key] = _merged(below if isinstance(below, dict) else {}, value) if isinstance(value, dict) else value
    return merged


def chosen(plan: Plan, runs: Sequence[str]) -> tuple[str, ...]:
    """Return the named runs, or those that plain `snakemake` builds; raises ConfigError for an unknown one."""
    for name in runs:
        if name not in plan.config.runs:
            raise ConfigError(f"no run {name!r}; the config has {', '.join(plan.config.runs)}")
    return tuple(runs) or plan.built_by_default()


def profile(folder: Path) -> dict[str, Any]:
    """Read a profile from this folder or from the project; raises ConfigError if there is none."""
    path = profile_folder(folder) / "config.yaml"
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; --profile expects a folder, such as profiles/slurm")
    read = read_yaml(path)
    if not isinstance(read, dict):
        raise ConfigError(f"{path}: not a profile; see profiles/README.md")
    return read


def dry_run(
    runs: Sequence[str], configs: Sequence[Path], profile: Path | None = None, options: Sequence[str] = ()
) -> list[Job]:
    """Return the jobs that Snakemake would run; raises ConfigError with its message if the dry run fails.

    Environments are ignored, so that neither conda nor a container is needed.
    """
    given = [
        "--software-deployment-method",
        "env-modules",
        *(["--profile", str(profile_folder(profile))] if profile else []),
    ]
    done = _asked(["--dry-run", "--nocolor", *given, *options], runs, configs)
    return _jobs(done.stdout + done.stderr)


def rule_graph(runs: Sequence[str], configs: Sequence[Path]) -> str:
    """Return Snakemake's rule graph of runs in DOT; raises ConfigError as dry_run does."""
    told = _asked(["--rulegraph", "--forceall"], runs, configs).stdout
    return told[told.index("digraph") :]


def _asked(options: Sequence[str], runs: Sequence[str], configs: Sequence[Path]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(_command(options, runs, configs), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigError(f"snakemake cannot plan the run:\n{(done.stdout + done.stderr).strip()}")
    return done


def _command(options: Sequence[str], runs: Sequence[str], configs: Sequence[Path]) -> list[str]:
    return [
        sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), *options,
        *(["--configfile", *map(str, configs)] if configs else []), "--", *runs,
    ]  # fmt: skip


def _jobs(told: str) -> list[Job]:
    """Parse the jobs of a dry run, including those in groups; resources that are not known yet are omitted."""
    found: list[tuple[str, dict[str, str]]] = []
    for rule, key, value in TOLD.findall(told):
        if rule:
            found.append((rule, {}))
        elif found:
            found[-1][1][key] = value
    here = _local()
    return [
        Job(
            rule, int(said.get("threads", 1)), _pairs(said.get("resources", "")),
            rule in here or "output" not in said, _pairs(said.get("wildcards", "")), said.get("reason", ""),
            tuple(said["output"].split(", ")) if "output" in said else (), said.get("log", ""),
        )
        for rule, said in found
    ]  # fmt: skip


def _local() -> set[str]:
    """Return the rules that are not submitted as jobs; a dry run does not show this."""
    texts = [path.read_text(encoding="utf-8") for path in (HOME / "workflow" / "rules").glob("*.smk")]
    return {name for text in texts for name, body in RULE.findall(text) if "    localrule: True\n" in body}


def _pairs(told: str) -> dict[str, str]:
    pairs = (pair.split("=", 1) for pair in told.split(", ") if "=" in pair)
    return {name: value for name, value in pairs if value != "<TBD>"}
