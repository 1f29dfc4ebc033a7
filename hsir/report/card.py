"""The card that a published policy carries: filled from what its stages noted of themselves."""

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from jinja2 import Environment, StrictUndefined

from hsir.errors import InputError
from hsir.storage.files import read_json

TEMPLATE = Path(__file__).with_name("templates") / "card.md"
TAGS = ["hsir", "self-improvement", "reasoning", "arxiv:2605.24998"]


class Place(NamedTuple):
    """Which policy a folder of the results is of."""

    model: str
    task: str
    seed: int
    policy: str


def place(folder: Path) -> Place:
    """Read which policy a folder is of, from its path; raises InputError where it is no policy's."""
    parts = folder.resolve().parts[-4:]
    if len(parts) == 4 and parts[2].removeprefix("seed").isdigit() and (folder / "train.json").is_file():
        return Place(parts[0], parts[1], int(parts[2].removeprefix("seed")), parts[3])
    raise InputError(f"{folder}: no trained policy; name results/MODEL/TASK/seedN/POLICY, a folder with a train.json")


def card(folder: Path, name: str, license_name: str | None = None, base_model: str | None = None) -> str:
    """Write the model card of a policy's folder in the results: metadata for a hub, and tables for people.

    Raises InputError for what is not a trained policy. Sections whose files are missing are left out.
    """
    from huggingface_hub import ModelCardData

    where, told = place(folder), read_json(folder / "train.json")
    evaluations = list(_evaluations(folder))
    metadata = ModelCardData(
        model_name=name, license=license_name, base_model=base_model or _on_a_hub(told), library_name="transformers",
        pipeline_tag="text-generation", tags=TAGS, eval_results=[_result(row) for row in evaluations] or None,
    )  # fmt: skip
    page = Environment(undefined=StrictUndefined, trim_blocks=True, autoescape=False)  # noqa: S701 - no model's text
    made = told["provenance"]
    body = page.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        name=name, **where._asdict(), evaluations=evaluations, **_overlaps(folder),
        examples=f"{told['examples']:,}", steps=f"{told['steps']:,}", tokens=f"{told.get('tokens', 0):,}",
        options=list(_flat("", made["options"]["train"])), funnel=_funnel(folder), budget=_budget(folder),
        version=made["hsir"], commit=made["commit"],
        inputs=[(_shown(path), value) for path, value in made["inputs"].items()],
    )  # fmt: skip
    return f"---\n{metadata}\n---\n\n{body}"


def _evaluations(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("eval/*.json")):
        told = read_json(path)
        n, accuracy = told["questions"], told["accuracy"]
        none = told["verdicts"].get("no_answer", 0) / n
        yield {
            "benchmark": path.stem, "questions": n, "value": accuracy["value"],
            "accuracy": f"{accuracy['value']:.1%} [{accuracy['low']:.1%}, {accuracy['high']:.1%}]".replace("%", ""),
            "tokens": f"{told['tokens']['mean']:,.1f}", "truncated": f"{100 * told['truncated']:.1f}",
            "no_answer": f"{100 * none:.1f}",
        }  # fmt: skip


def _result(row: dict[str, Any]) -> Any:
    from huggingface_hub import EvalResult

    return EvalResult(
        task_type="text-generation", dataset_type=row["benchmark"], dataset_name=row["benchmark"],
        metric_type="accuracy", metric_value=round(row["value"], 4),
    )  # fmt: skip


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield options with their values, nested ones by dotted names; those that are not set are left out."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else key, inner)
    elif value is not None:
        yield name, json.dumps(value) if isinstance(value, list) else value


def _on_a_hub(told: dict[str, Any]) -> str | None:
    """Give the model that training began with, where it is one of a hub: ORG/NAME, and no folder of the results."""
    first = PurePosixPath(next(iter(told["provenance"]["inputs"])))
    return str(first) if len(first.parts) == 2 and not first.is_absolute() and not Path(first).exists() else None


def _shown(path: str) -> str:
    """Give a path as it may be shown to all the world: one outside of the project by its name alone."""
    return PurePosixPath(path).name if path.startswith(("/", "..", "~")) else path


def _overlaps(folder: Path) -> dict[str, Any]:
    path = folder / "overlap.json"
    rows = read_json(path)["overlaps"] if path.is_file() else []
    return {"overlaps": rows, "grams": sorted({n for row in rows for n in row["shared"]}, key=int, reverse=True)}


def _funnel(folder: Path) -> list[dict[str, Any]]:
    path = folder / "funnel.json"
    steps: list[dict[str, Any]] = read_json(path)["steps"] if path.is_file() else []
    return steps


def _budget(folder: Path) -> list[tuple[str, str]]:
    path = folder / "ledger.json"
    if not path.is_file():
        return []
    told = read_json(path)
    counts = [(name.replace("_", " "), f"{value:,.0f}") for name, value in told["cumulative"].items()]
    return [*counts, *(("device", name) for name in told.get("devices", []))]
