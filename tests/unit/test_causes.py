"""Why a job would run, in few words."""

import pytest

from hsir.planning.budget.causes import causes
from hsir.planning.workflow import Job

PARAMS = "Params have changed since last execution: Union of exclusive params before and now across all output: "


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("Missing output files: results/a.json", ["missing"]),
        ("Input files updated by another job: results/a.parquet", []),
        ("Updated input files: results/a.parquet; x", ["results/a.parquet is newer"]),
        ("Set of input files has changed since last execution", ["filter: its input files have changed"]),
        ("Code has changed since last execution", ["filter: its code has changed"]),
        (
            PARAMS + """before: '[{"kind":"right"},{"kind":"indiv","threshold":-0.5}]' now: """
            """'[{"kind":"right"},{"kind":"indiv","threshold":-0.3}]'""",
            ["filter: threshold -0.5 -> -0.3"],
        ),
        (
            PARAMS + """before: '{"epochs":3,"lora":null}' now: '{"epochs":2,"lora":{"rank":8}}'""",
            ["filter: epochs 3 -> 2, removed: lora null, added: rank 8"],
        ),
        (PARAMS + "before: a now: b", ["filter: its options have changed"]),
        (PARAMS + "before: {broken now: [1", ["filter: its options have changed"]),
    ],
)  # fmt: skip
def test_a_reason_is_reported_in_few_words(reason: str, said: list[str]) -> None:
    assert causes(Job("filter", 1, {}, reason=reason)) == said
