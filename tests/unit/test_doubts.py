"""Training that learns almost nothing causes a warning in the log, in `status`, and in the report."""

import json
from pathlib import Path

import pytest
import torch

from hsir.config.training import Dpo, Sft, Training
from hsir.report import doubts as view
from hsir.selection.filters import InDiv
from hsir.selection.filters.base import Candidate
from hsir.storage.files import write_json
from hsir.training.finetune import warmup
from hsir.training.learnt import changed, doubts, sampled
from tests.trained import lay_down, stage
from tests.unit.test_exhibits import made_in

ONE_STEP = {"batch_size": 4, "device_batch_size": 2, "epochs": 1}


@pytest.mark.parametrize(
    ("ratio", "steps", "expected"),
    [(0.1, 100, 10), (0.1, 101, 11), (0.1, 1, 0), (0.1, 2, 1), (0.99, 3, 2), (0.0, 5, 0), (0.5, 0, 0)],
)
def test_a_warm_up_never_eats_all_steps(ratio: float, steps: int, expected: int) -> None:
    assert warmup(ratio, steps) == expected


@pytest.mark.parametrize("options", [Sft(**ONE_STEP, learning_rate=1e-3), Dpo(**ONE_STEP, learning_rate=1e-3)])
def test_a_training_of_one_step_learns_and_says_how_few_it_had(
    options: Training, embedded: Path, tmp_path: Path
) -> None:
    lay_down(tmp_path, options, 4)
    _, said = (run := stage(tmp_path, embedded, options, "one")).communicate()
    told = json.loads((tmp_path / "one.json").read_text())
    assert run.returncode == 0 and told["steps"] == 1
    assert told["changed"] > 0.5
    assert told["doubts"] == [line for line in told["doubts"] if line.startswith("only 1 optimizer steps")] != []
    assert "hsir: warning: only 1 optimizer steps" in said


def test_weights_that_did_not_move_are_reported(embedded: Path, tmp_path: Path) -> None:
    options = Sft(batch_size=4, device_batch_size=2, epochs=2, learning_rate=1e-30)
    lay_down(tmp_path, options)
    _, said = (run := stage(tmp_path, embedded, options, "same")).communicate()
    assert run.returncode == 0
    assert json.loads((tmp_path / "same.json").read_text())["changed"] == 0
    assert "hsir: warning: training did not change the weights" in said


def test_changes_that_the_saved_format_rounds_away_do_not_count() -> None:
    before = {"w": torch.full((9000,), 1.0), "b": torch.zeros(3)}
    after = {"w": before["w"] + 1e-4, "b": torch.tensor([0.0, 1.0, 0.0])}
    compared = {
        dtype: changed(sampled(before, dtype), sampled(after, dtype)) for dtype in (torch.bfloat16, torch.float32)
    }
    assert compared[torch.bfloat16] == pytest.approx(1 / 4503)
    assert compared[torch.float32] == pytest.approx(4501 / 4503)


def test_weights_of_other_processes_are_not_known() -> None:
    assert changed(sampled({"w": torch.empty(0)}, torch.float32), {}) is None
    assert list(doubts({"changed": None, "steps": 100})) == []


def test_a_standardised_score_of_few_solutions_causes_a_warning() -> None:
    few = [Candidate(str(n), "q", 3, right=True, raw=float(n)) for n in range(19)]
    assert "over 19 correct solutions" in (InDiv().doubt(few) or "")
    assert InDiv().doubt([*few, few[0]]) is None
    assert InDiv(standardise="none").doubt(few) is None


def test_the_report_says_each_doubt_once_with_its_policies(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=1)
    cells = [cell for cell in made.cells() if cell.policy != "start"] * 5
    write_json({"steps": [], "doubts": ["few scores"]}, made.folder(cells[0]) / "funnel.json")
    lines = view.told(made, [(cell, {"doubts": ["only 2 steps"]}) for cell in cells])
    name = f"{cells[0].policy} ({cells[0].model}, {cells[0].task}, seed {cells[0].seed})"
    assert lines == [
        f"Warning: {', '.join([name] * 3)} and {len(cells) - 3} more: {doubt}."
        for doubt in ("few scores", "only 2 steps")
    ]
