"""Log training to TensorBoard, W&B or MLflow, without network access unless the environment configures it."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from hsir.config.tracking import Track
from hsir.errors import InputError

if TYPE_CHECKING:
    from transformers import Trainer


def track(trainer: "Trainer", options: Track, folder: Path, name: str) -> None:
    """Send what `trainer` logs to trackers, in `folder`, as the run `name`.

    Variables that are already set (WANDB_MODE, MLFLOW_TRACKING_URI, ...) are kept. Raises InputError if a tracker is
    not installed.
    """
    from transformers.integrations.integration_utils import get_reporting_integration_callbacks

    missing = [tracker for tracker in options.to if find_spec(tracker) is None]
    if missing:
        raise InputError(
            f"track.to names {', '.join(missing)}, which is not installed here; install it (pip install"
            f" {' '.join(missing)}) in the environment of the stage train, or remove it from track.to"
        )
    for key, value in environment(options, folder, name).items():
        os.environ.setdefault(key, value)
    if "wandb" in options.to:
        (folder / "wandb").mkdir(parents=True, exist_ok=True)
    trainer.args.run_name = name
    for callback in get_reporting_integration_callbacks(list(options.to)):
        trainer.add_callback(callback)


def environment(options: Track, folder: Path, name: str) -> dict[str, str]:
    """Return the environment variables that set where trackers write; all of them are local."""
    here = folder.resolve()
    return {
        "TENSORBOARD_LOGGING_DIR": str(here / "tensorboard" / name),
        "WANDB_MODE": "offline", "WANDB_DIR": str(here), "WANDB_PROJECT": options.project,
        "MLFLOW_TRACKING_URI": f"sqlite:///{here / 'mlflow.db'}", "MLFLOW_EXPERIMENT_NAME": options.project,
    }  # fmt: skip
