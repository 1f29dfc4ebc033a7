"""Command evaluate: evaluate any model, or a policy of a finished run, on benchmarks, without training."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from hsir.cli.terminal import Directory, Profile
from hsir.config import read_yaml
from hsir.config.home import HOME
from hsir.config.plan import BASE
from hsir.errors import InputError
from hsir.planning import workflow

FOLDER = Path("evaluations")
"""The configs that this command writes, one per run."""


def main(
    model: Annotated[
        str,
        typer.Option(help="A folder, a name on the hub, a model of the config, or a policy's folder in the results."),
    ],
    benchmarks: Annotated[list[str], typer.Option(help="A task of the config; more may follow.")],
    more: Annotated[list[str], typer.Argument(metavar="[BENCHMARK]...", help="More benchmarks.")] = [],
    samples: Annotated[
        int | None, typer.Option(help="Also sample so many answers per question; greedy only, if none.")
    ] = None,
    temperature: Annotated[float, typer.Option(help="Divides the logits of sampled answers.")] = 0.6,
    top_p: Annotated[float, typer.Option(help="Nucleus of sampled answers.")] = 0.95,
    max_new_tokens: Annotated[
        int | None, typer.Option(help="Token limit of an answer; each benchmark's own, if none.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help='The engine, as JSON, such as {"kind": "vllm"}.')] = None,
    chat_template: Annotated[Path | None, typer.Option(help="Jinja file, for a model without a template.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of sampled answers.")] = 0,
    name: Annotated[str | None, typer.Option(help="Name of the run; if none, that of the model.")] = None,
    configfile: Annotated[
        list[Path], typer.Option(help="Config merged over config/config.yaml, as with Snakemake.")
    ] = [],
    profile: Profile = Path("profiles/local"),
    gpus: Annotated[int | None, typer.Option(help="GPUs of this machine to use at a time.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Show the jobs, and run none.")] = False,
    directory: Directory = None,
) -> None:
    """Evaluate a model or a policy on benchmarks, without training; the results are those of a run.

    Finished answers are kept: the same command resumes. `hsir compare` pairs two such runs by question.
    """
    known = _models(configfile)
    label = model if model in known else named(model)
    sampled = {} if samples is None else {"samples": samples, "temperature": temperature, "top_p": top_p}
    limit = {} if max_new_tokens is None else {"max_new_tokens": max_new_tokens}
    if model not in known:
        check_alone(label, weights(model))
    entry = known.get(trained_from(model), {}) | {"path": weights(model)}
    entry |= {} if chat_template is None else {"chat_template": str(chat_template)}
    run = name or label
    config: dict[str, Any] = {
        "run": run,
        "runs": {run: {"models": [label], "tasks": list(dict.fromkeys([*benchmarks, *more])),
                       "methods": [BASE], "seeds": [seed]}},
        "models": {} if model in known else {label: entry},
        "overrides": {"evaluate": sampled | limit, "sample": {} if engine is None else {"engine": _json(engine)}},
    }  # fmt: skip
    configs = [*configfile, written(config, FOLDER / f"{run}.yaml")]
    results = workflow.opened(configs).config.results
    if code := workflow.run(run, configs, profile, gpus, dry_run):
        raise typer.Exit(code)
    if not dry_run:
        subprocess.run([sys.executable, "-m", "hsir", "show", f"{results}/runs/{run}"], check=False)


def named(model: str) -> str:
    """Name a model: the policy of a results folder by its place, another folder or a hub's model by its last part."""
    folder = Path(model)
    if (folder / "checkpoint").is_dir():
        parts = folder.resolve().parts[-4:]
    else:
        parts = (folder.resolve() if folder.is_dir() else folder).parts[-1:]
    label = re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(parts)).strip("-._")
    if not label:
        raise InputError(f"--model {model}: not a model; name a folder, or a model on the hub")
    return label


def trained_from(model: str) -> str:
    """Return the name of the model that a policy of the results was trained from; empty for any other model."""
    folder = Path(model)
    return folder.resolve().parts[-4] if (folder / "checkpoint").is_dir() else ""


def weights(model: str) -> str:
    """Give the path of a model for the config: a policy's checkpoint, a folder that cannot be a hub's name, or that."""
    folder = Path(model) / "checkpoint"
    folder = folder if folder.is_dir() else Path(model)
    if not folder.is_dir():
        return model
    return str(folder) if folder.is_absolute() else f"./{folder}"


def check_alone(label: str, path: str) -> None:
    """Raise InputError if an earlier evaluation gave the name to another model, whose results would be replaced."""
    for file in sorted(FOLDER.glob("*.yaml")):
        models = (read_yaml(file) or {}).get("models") or {}
        other = models.get(label, {}).get("path", path)
        if other != path:
            raise InputError(
                f"--model {path}: {file} has evaluated {other} as {label!r}; give one of them another name in"
                " config/models/, or rename its folder"
            )


def written(config: dict[str, Any], file: Path) -> Path:
    """Write the config of an evaluation; the same command writes the same one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("# Written by `hsir evaluate`.\n" + yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return file


def _models(configfile: list[Path]) -> dict[str, dict[str, Any]]:
    """Return the entries of the config's models, and of those that come with the project, by name."""
    own = {path.stem: read_yaml(path) for path in (HOME / "config/models").glob("*.yaml")}
    has_config = configfile or workflow.DEFAULT.is_file()
    models = workflow.opened(configfile).config.models if has_config else {}
    return own | {name: entry.model_dump(mode="json", exclude_unset=True) for name, entry in models.items()}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"--engine {text}: not JSON: {error}") from error
