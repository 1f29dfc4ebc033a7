"""The model card of a published policy, filled from the records of its stages."""

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
    """The policy that a results folder belongs to."""

    model: str
    task: str
    seed: int
    policy: str


def place(folder: Path) -> Place:
    """Derive the policy from its folder's path; raises InputError if it is not a policy folder."""
    parts = folder.resolve().parts[-4:]
    if len(parts) == 4 and parts[2].removeprefix("seed").isdigit() and (folder / "train.json").is_file():
        return Place(parts[0], parts[1], int(parts[2].removeprefix("seed")), parts[3])
    raise InputError(
        f"{folder}: not a trained policy; pass results/MODEL/TASK/seedN/POLICY, a folder with a train.json"
    )


def card(folder: Path, name: str, license_name: str | None = None, base_model: str | None = None) -> str:
    """Write the model card of a policy's folder in the results: metadata for a hub, and tables for people.

    Raises InputError if it is not a trained policy. Sections whose files are missing are omitted.
    """
    from huggingface_hub import ModelCardData

    where, told = place(folder), read_json(folder / "train.json")
    evaluations, base, learnt = list(_evaluations(folder)), began_with(folder), _learnt(folder, told)
    metadata = ModelCardData(
        model_name=name, license=license_name, base_model=base_model or _on_a_hub(base.path),
        library_name="transformers",
        pipeline_tag="text-generation", tags=TAGS, eval_results=[_result(row) for row in evaluations] or None,
    )  # fmt: skip
    page = Environment(undefined=StrictUndefined, trim_blocks=True, autoescape=False)  # noqa: S701 - no model's text
    made = told["provenance"]
    body = page.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        name=name, **where._asdict(), base=base_model or _shown(base.path), base_hash=base.hash, learnt=learnt,
        evaluations=evaluations, **_overlaps(folder),
        examples=f"{told['examples']:,}", steps=f"{told['steps']:,}", tokens=f"{told.get('tokens', 0):,}",
        options=list(_flat("", made["options"]["train"])), funnel=_funnel(folder), budget=_budget(folder),
        version=made["hsir"], commit=made["commit"],
        inputs=[(_shown(path), value) for path, value in made["inputs"].items()],
    )  # fmt: skip
    return f"---\n{metadata}\n---\n\n{body}"


class Base(NamedTuple):
    """The base model of a policy: its name on a hub or its folder, and the hash of its contents."""

    path: str
    hash: str


def began_with(folder: Path) -> Base:
    """Return the untrained model that a policy is derived from, through the policies whose training it continued."""
    seen = set()
    while folder not in seen:
        seen.add(folder)
        path, contents = next(iter(read_json(folder / "train.json")["provenance"]["inputs"].items()))
        parent = folder.parent / PurePosixPath(path).parent.name
        is_policy = PurePosixPath(path).name == "checkpoint" and (parent / "train.json").is_file()
        folder = parent if is_policy else folder
    return Base(path, contents)


class Learnt(NamedTuple):
    """Training data of a policy, for the card."""

    said: str
    risk: str


OWN = (
    "A model of the same kind wrote the solutions in its training set: it may repeat their errors with more confidence."
)
GIVEN = "The traces in its training set were provided, and their steps were not checked: it may repeat their errors."


def _learnt(folder: Path, told: dict[str, Any]) -> Learnt:
    """Describe a policy's training data, by training type and origin."""
    kind = told["provenance"]["options"]["train"].get("kind", "sft")
    if kind == "grpo":
        return Learnt("by reinforcement learning, on its own attempts, graded during training", OWN)
    steps, given = _funnel(folder), _given(folder)
    own = steps[-1]["total"] if steps else 0
    if kind == "dpo":
        return Learnt("by preference learning, on correct solutions of a policy, each paired with a failed one", OWN)
    traces = f"{given:,} provided traces, written by another model or people"
    if own:
        also = f", and {traces}" if given else ""
        return Learnt(f"on {own:,} correct solutions written by an earlier policy{also}", OWN)
    if given:
        return Learnt(f"on {traces}; on none of its own", GIVEN)
    return Learnt("by supervised fine-tuning", "Its training data is not recorded here: it may repeat their errors.")


def _evaluations(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("eval/*.json")):
        told = read_json(path)
        n, accuracy = told["questions"], told["accuracy"]
        none = told["verdicts"].get("no_answer", 0) / sum(told["verdicts"].values())
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
    """Yield options with their values, nested ones by dotted names; options that are not set are omitted."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else key, inner)
    elif value is not None:
        yield name, json.dumps(value) if isinstance(value, list) else value


def _on_a_hub(path: str) -> str | None:
    """Return the base model if it is on a hub: ORG/NAME, and not a folder."""
    first = PurePosixPath(path)
    return str(first) if len(first.parts) == 2 and not first.is_absolute() and not Path(first).exists() else None


def _shown(path: str) -> str:
    """Return a path for public display: only the name if it is outside the project."""
    return PurePosixPath(path).name if path.startswith(("/", "..", "~")) else path


def _overlaps(folder: Path) -> dict[str, Any]:
    path = folder / "overlap.json"
    rows = read_json(path)["overlaps"] if path.is_file() else []
    return {"overlaps": rows, "grams": sorted({n for row in rows for n in row["shared"]}, key=int, reverse=True)}


def _funnel(folder: Path) -> list[dict[str, Any]]:
    path = folder / "funnel.json"
    steps: list[dict[str, Any]] = read_json(path)["steps"] if path.is_file() else []
    return steps


def _given(folder: Path) -> int:
    path = folder / "funnel.json"
    return int(read_json(path).get("given", 0)) if path.is_file() else 0


def _budget(folder: Path) -> list[tuple[str, str]]:
    path = folder / "ledger.json"
    if not path.is_file():
        return []
    told = read_json(path)
    counts = [(name.replace("_", " "), f"{value:,.0f}") for name, value in told["cumulative"].items()]
    return [*counts, *(("device", name) for name in told.get("devices", []))]
