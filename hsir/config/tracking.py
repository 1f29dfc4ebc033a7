"""Experiment tracking of training runs."""

from typing import Literal

from pydantic import Field

from hsir.options import Options


class Track(Options):
    """Experiment trackers that log losses and rewards per step; they do not affect policies, so a change reruns
    nothing."""

    to: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = Field(
        ("tensorboard",),
        description="Trackers; they write files under `results/tracking`, and upload nothing unless configured to.",
    )
    project: str = Field("hsir", min_length=1, description="Name of the W&B project or MLflow experiment.")
