"""A budget: what was planned and what is done, as rows, a stage of a model each."""

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
    """What a stage takes of a model; GPU hours are hours times the GPUs of a job."""

    model: str
    stage: str
    jobs: int
    samples: float
    tokens: float
    hours: float
    gpu_hours: float
    assumed: tuple[str, ...]


class Budget(Options):
    """What runs take; `--json` writes it, `--against` reads it."""

    runs: tuple[str, ...] = Field(description="The runs.")
    jobs: dict[str, int] = Field(description="Jobs by rule, as Snakemake counts them.")
    rows: tuple[Row, ...] = Field(description="What is planned, by model and stage.")
    disk_bytes: int = Field(description="Most bytes at a time.")
    memory_bytes: dict[str, float | None] = Field(
        {}, description="Bytes of the largest training of each model, on the CPU; none where its size is not known."
    )
    gpu_memory: tuple[Need, ...] = Field((), description="What trainings take of each GPU, by model and kind.")
    on_cpu: bool = Field(False, description="Whether jobs find no GPU.")
    assumed: dict[str, float] = Field(description="What was assumed, for want of a measurement.")
    measured: tuple[str, ...] = Field(description="Files of earlier runs that were gone by.")
    done: tuple[Row, ...] = Field(description="What is done.")
    items: tuple[Item, ...] = Field(description="What is planned, piece by piece.")


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
    """Sum rows; samples are those that were drawn, not those that were read."""
    listed = list(parts)
    return Row(
        "", "all", sum(row.jobs for row in listed),
        sum(row.samples for row in listed if row.stage in ("sample", "evaluate")),
        sum(row.tokens for row in listed), sum(row.hours for row in listed), sum(row.gpu_hours for row in listed), (),
    )  # fmt: skip


def hours(on_cpu: bool) -> tuple[str, ...]:
    """Name the columns of time: without a GPU, a job's hours are those of its CPU thread."""
    return ("CPU-hours",) if on_cpu else ("hours", "GPU-hours")


def size(count: float) -> str:
    """Write bytes in a fitting unit."""
    unit, name = next(((unit, name) for unit, name in ((1e12, "TB"), (1e9, "GB")) if count >= unit), (1e6, "MB"))
    return f"{count / unit:,.1f} {name}"


def _row(model: str, stage: str, items: list[Item]) -> Row:
    return Row(
        model, stage, sum(item.jobs for item in items), round(sum(item.samples for item in items)),
        round(sum(item.tokens for item in items)), round(sum(item.seconds for item in items) / 3600, 4),
        round(sum(item.gpu_seconds for item in items) / 3600, 4),
        tuple(sorted({name for item in items for name in item.assumed})),
    )  # fmt: skip
