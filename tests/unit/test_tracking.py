"""Experiment trackers: the real TensorBoard, and the others as far as possible without being installed."""

import json
import os
from pathlib import Path

import pytest

from hsir.config.tracking import Track
from hsir.config.training import Sft
from hsir.errors import InputError
from hsir.storage.models import load_model, load_tokenizer
from hsir.training import tracking
from hsir.training.finetune import finetune
from tests.trained import rows

OPTIONS = Sft(batch_size=4, device_batch_size=2, epochs=2, learning_rate=1e-3)


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Take the trackers' variables out of the environment, and leave none behind."""
    for name in tracking.environment(Track(), Path("t"), "p"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return monkeypatch


def test_tensorboard_notes_each_step_as_the_policys_own_log_does(
    embedded: Path, tmp_path: Path, clean: pytest.MonkeyPatch
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model, tokenizer = load_model(str(embedded), "float32"), load_tokenizer(str(embedded))
    made = finetune(
        model, tokenizer, rows(OPTIONS), OPTIONS, 0, tmp_path / "state", {},
        watch=lambda trainer: tracking.track(trainer, Track(), tmp_path / "tracking", "m/t/seed0/p.1"),
    )  # fmt: skip
    read = EventAccumulator(str(tmp_path / "tracking/tensorboard/m/t/seed0/p.1"))
    read.Reload()
    noted = [{"step": event.step, "loss": pytest.approx(event.value, rel=1e-6)} for event in read.Scalars("train/loss")]
    assert made.told["losses"] == noted and len(noted) == 6


def test_nothing_is_written_where_nobody_watches(embedded: Path, tmp_path: Path) -> None:
    model, tokenizer = load_model(str(embedded), "float32"), load_tokenizer(str(embedded))
    finetune(
        model, tokenizer, rows(OPTIONS), OPTIONS, 0, tmp_path / "state", {},
        watch=lambda trainer: tracking.track(trainer, Track(to=()), tmp_path / "tracking", "p"),
    )  # fmt: skip
    assert not (tmp_path / "tracking").exists()


def test_trackers_are_set_to_stay_on_this_machine(tmp_path: Path) -> None:
    told = tracking.environment(Track(project="reasoning"), tmp_path, "m/t/seed0/p.1")
    assert told["WANDB_MODE"] == "offline" and told["MLFLOW_TRACKING_URI"].startswith(f"sqlite:///{tmp_path}")
    assert told["WANDB_PROJECT"] == told["MLFLOW_EXPERIMENT_NAME"] == "reasoning"


def test_what_the_environment_says_already_is_left(tmp_path: Path, clean: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace
    from typing import Any

    clean.setenv("TENSORBOARD_LOGGING_DIR", "elsewhere")
    callbacks: list[Any] = []
    trainer: Any = SimpleNamespace(args=SimpleNamespace(), add_callback=callbacks.append)
    tracking.track(trainer, Track(), tmp_path, "p")
    assert os.environ["TENSORBOARD_LOGGING_DIR"] == "elsewhere" and os.environ["WANDB_MODE"] == "offline"
    assert [callback.__name__ for callback in callbacks] == ["TensorBoardCallback"] and trainer.args.run_name == "p"


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_tracker_that_is_not_installed_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda asked: None if asked == name else object())
    options = Track.model_validate(json.loads(f'{{"to": ["tensorboard", "{name}"]}}'))
    with pytest.raises(InputError, match=f"track.to names {name}, which is not installed here; .*pip install {name}"):
        tracking.track(None, options, tmp_path, "p")  # type: ignore[arg-type]
