"""The cost of a run's policies, next to their accuracy."""

import pandas as pd

from hsir.report.run import Made
from hsir.report.sheets import Entry, Sheet
from hsir.storage.files import read_json
from hsir.storage.ledger import COUNTS

PLACE = ["model", "task", "policy"]
COLUMNS = [*PLACE, "what", *COUNTS]
SHOWN = {
    "samples": "samples", "generated_tokens": "generated", "prefill_tokens": "prefill", "cached_tokens": "cached",
    "training_tokens": "trained", "sample_seconds": "sample s", "score_seconds": "score s", "train_seconds": "train s",
}  # fmt: skip
SECONDS = ["sample_seconds", "score_seconds", "train_seconds"]
NOTE = (
    "For this policy alone: samples; tokens generated, computed before generating (prefill), shared between"
    " samples and not recomputed (cached), and trained on; seconds by stage. Including its ancestors: samples and"
    " seconds. Rollouts count as samples, and their seconds as training. Means over seeds."
)


def gather(made: Made) -> pd.DataFrame:
    """Read the ledgers of a run: per policy and seed, one row with its own cost and one including its ancestors."""
    rows = [
        (cell.model, cell.task, cell.policy, what, *(ledger[what].get(name, 0) for name in COUNTS))
        for cell in made.cells()
        for ledger in [read_json(made.folder(cell) / "ledger.json")]
        for what in ("own", "cumulative")
    ]
    costs = pd.DataFrame(rows, columns=COLUMNS)
    return pd.concat([costs[:0], *(seeds for _, seeds in costs.groupby(PLACE, sort=False))])


def sheets(costs: pd.DataFrame) -> list[Sheet]:
    """Return a sheet of costs for each model and task."""
    columns = ["policy", *SHOWN.values(), "all samples", "all s"]
    made = []
    for (model, task), here in costs.groupby(["model", "task"], sort=False):
        own, whole = (
            here[here["what"] == what].groupby("policy", sort=False)[list(COUNTS)].mean()
            for what in ("own", "cumulative")
        )
        shown = own[list(SHOWN)].assign(all_samples=whole["samples"], all_s=whole[SECONDS].sum(axis="columns"))
        rows = [[Entry(str(name)), *(Entry(f"{value:,.0f}") for value in values)] for name, values in shown.iterrows()]
        made.append(Sheet(f"{model}, trained on {task}: cost", columns, rows, NOTE))
    return made
