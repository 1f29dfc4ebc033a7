"""A budget: planned and finished work, one row per stage and model."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import Field

from hsir.options import Options
from hsir.planning.budget.estimate import Item
from hsir.planning.gpu_memory import Need

ORDER = ("sample", "evaluate", "score", "train")


@dataclass(frozen=True, slots=True)
class Row:
    """The cost of a stage for a model; GPU hours are hours times the GPUs of a job."""

    model: str
    stage: str
    jobs: int
    samples: float
    tokens: float
    hours: float
    gpu_hours: float
    assumed: tuple[str, ...]


class Budget(Options):
    """The cost of runs; `--json` writes it, `--against` reads it."""

    runs: tuple[str, ...] = Field(description="The runs.")
    jobs: dict[str, int] = Field(description="Jobs by rule, as Snakemake counts them.")
    rows: tuple[Row, ...] = Field(description="Planned work, by model and stage.")
    disk_bytes: int = Field(description="Peak disk space in bytes.")
    memory_bytes: dict[str, float | None] = Field(
        {},
        description="Memory in bytes of each model's largest training run on the CPU; none if its size is unknown.",
    )
    gpu_memory: tuple[Need, ...] = Field((), description="Memory per GPU for training, by model and type.")
    on_cpu: bool = Field(False, description="Whether jobs run without a GPU.")
    assumed: dict[str, float] = Field(description="Assumptions used in place of measurements.")
    measured: tuple[str, ...] = Field(description="Files of earlier runs used for the estimate.")
    done: tuple[Row, ...] = Field(description="Finished work.")
    items: tuple[Item, ...] = Field(description="Planned work, item by item.")


def rows(items: Iterable[Item]) -> list[Row]:
    """Sum items by model and stage."""
    groups: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in items:
        groups[item.model, item.stage].append(item)
    order = {model: place for place, model in enumerate(dict.fromkeys(model for model, _ in groups))}
    return [
        _row(model, stage, groups[model, stage])
        for model, stage in sorted(groups, key=lambda key: (order[key[0]], ORDER.index(key[1])))
    ]


def total(parts: Iterable[Row]) -> Row:
    """Sum rows; samples count those generated, not those read."""
    listed = list(parts)
    return Row(
        "", "all", sum(row.jobs for row in listed),
        sum(row.samples for row in listed if row.stage in ("sample", "evaluate")),
        sum(row.tokens for row in listed), sum(row.hours for row in listed), sum(row.gpu_hours for row in listed), (),
    )  # fmt: skip


def hours(on_cpu: bool) -> tuple[str, ...]:
    """Return the names of the time columns: without a GPU, a job's hours are those of its CPU thread."""
    return ("CPU-hours",) if on_cpu else ("hours", "GPU-hours")


def size(count: float) -> str:
    """Format bytes in a suitable unit."""
    unit, name = next(((unit, name) for unit, name in ((1e12, "TB"), (1e9, "GB")) if count >= unit), (1e6, "MB"))
    return f"{count / unit:,.1f} {name}"


def _row(model: str, stage: str, items: list[Item]) -> Row:
    return Row(
        model, stage, sum(item.jobs for item in items), round(sum(item.samples for item in items)),
        round(sum(item.tokens for item in items)), round(sum(item.seconds for item in items) / 3600, 4),
        round(sum(item.gpu_seconds for item in items) / 3600, 4),
        tuple(sorted({name for item in items for name in item.assumed})),
    )  # fmt: skip
