"""Where the course of trainings can be watched."""

from typing import Literal

from pydantic import Field

from hsir.options import Options


class Track(Options):
    """Who else notes losses and rewards, step by step; it changes no policy, so nothing runs again for it."""

    to: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = Field(
        ("tensorboard",), description="Trackers: files under `results/tracking`, sent nowhere unless you say so."
    )
    project: str = Field("hsir", min_length=1, description="What W&B calls a project, and MLflow an experiment.")
