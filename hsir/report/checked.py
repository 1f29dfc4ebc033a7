"""Check that a run's results match its config before they are reported."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from hsir.config.training import Limits, Train
from hsir.errors import InputError
from hsir.report.results import trained_on
from hsir.report.run import Cell, Made
from hsir.selection.filters import Selection
from hsir.storage import belonging, tables
from hsir.storage.files import read_json

_TRAIN: TypeAdapter[BaseModel] = TypeAdapter(Train)


def check(made: Made) -> None:
    """Raise InputError if tables do not belong together, or were made with options that differ from the config's."""
    for drawn in made.drawn():
        belonging.check_shards(made.shards(drawn))
        belonging.check_made_of([made.table(drawn, "verified")], made.shards(drawn))
    for cell in made.cells():
        for what, path in faults(made, cell):
            raise InputError(f"{path}: {what}; run `snakemake --force {path}`, or restore the config that made it")
        for benchmark, path in made.evaluations(cell):
            answers = made.answers(cell, benchmark)
            belonging.check_made_of([path], [*made.shards(answers), made.table(answers, "verified")])


def faults(made: Made, cell: Cell) -> Iterator[tuple[str, Path]]:
    """Find a policy's files made with different options, or from another policy: what is wrong, and the file."""
    folder = made.folder(cell)
    filtered, log = folder / "filtered.parquet", folder / "train.json"
    funnel, ledger = folder / "funnel.json", folder / "ledger.json"
    stamped = tables.metadata(filtered).get("options", {}) if filtered.is_file() else {}
    if "select" in stamped and _differs(Selection, stamped["select"], Selection(made.method(cell).select)):
        yield "its filters are not those of the config", filtered
    told = read_json(log)
    # Limits belong to the stage filter; the stage train does not receive them.
    wanted = made.plan.train(cell.model, cell.task, cell.policy).model_copy(update={"limits": Limits()})
    if _differs(_TRAIN, told["provenance"]["options"].get("train"), wanted):
        yield "its training options are not those of the config", log
    if not filtered.is_file():
        return
    rows = len(tables.arrow("filtered", filtered, ["sample_id"]))
    if funnel.is_file() and trained_on(read_json(funnel)) != rows:
        yield f"its counts do not match the {rows:,} solutions of {filtered}", funnel
    belonging.check_made_of([log], [filtered])
    if ledger.is_file():
        belonging.check_made_of([ledger], [log])


def _differs(kind: Any, stamped: Any, wanted: BaseModel) -> bool:
    """Return whether recorded options differ; options of an older version that no longer exist are accepted."""
    adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    try:
        return stamped is not None and bool(adapter.validate_python(stamped) != wanted)
    except ValidationError:
        return False
