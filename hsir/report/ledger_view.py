"""What the policies of a run cost, beside what they are worth."""

from collections import defaultdict
from pathlib import Path
from statistics import fmean

from hsir.report.rows import write_csv
from hsir.report.run import Made
from hsir.report.sheets import Entry, Sheet
from hsir.storage.files import read_json
from hsir.storage.ledger import COUNTS

Costs = dict[tuple[str, str, str], list[dict[str, dict[str, float]]]]
"""(model, task, policy) -> a ledger a seed."""
SHOWN = {
    "samples": "samples", "generated_tokens": "generated", "prefill_tokens": "prefill",
    "training_tokens": "trained", "sample_seconds": "sample s", "score_seconds": "score s", "train_seconds": "train s",
}  # fmt: skip
NOTE = (
    "For this policy alone: samples; tokens generated, read before generating, trained on; seconds by stage. With all"
    " that it comes from: samples and seconds. Rollouts are samples, and their seconds training. Means over seeds."
)


def gather(made: Made) -> Costs:
    """Read the ledger of every policy of a run."""
    costs: Costs = defaultdict(list)
    for cell in made.cells():
        costs[cell.model, cell.task, cell.policy].append(read_json(made.folder(cell) / "ledger.json"))
    return costs


def write(costs: Costs, path: Path) -> None:
    """Write as CSV what each policy cost, a row a seed, by itself and with all that it comes from."""
    rows = [
        {"model": model, "task": task, "policy": policy, "what": what, **{name: one[what][name] for name in COUNTS}}
        for (model, task, policy), ledgers in costs.items()
        for one in ledgers
        for what in ("own", "cumulative")
    ]
    write_csv(rows, ["model", "task", "policy", "what", *COUNTS], path)


def sheets(costs: Costs) -> list[Sheet]:
    """Give a sheet of costs for each model and task."""
    places: dict[tuple[str, str], list[list[Entry]]] = defaultdict(list)
    for (model, task, policy), ledgers in costs.items():
        own = [fmean(one["own"][name] for one in ledgers) for name in SHOWN]
        whole = [fmean(one["cumulative"]["samples"] for one in ledgers), fmean(map(_seconds, ledgers))]
        places[model, task].append([Entry(policy), *(Entry(f"{value:,.0f}") for value in [*own, *whole])])
    columns = ["policy", *SHOWN.values(), "all samples", "all s"]
    return [Sheet(f"{model}, trained on {task}: cost", columns, rows, NOTE) for (model, task), rows in places.items()]


def _seconds(ledger: dict[str, dict[str, float]]) -> float:
    return sum(ledger["cumulative"][name] for name in ("sample_seconds", "score_seconds", "train_seconds"))
