"""Engines that generate rollouts during training, by `kind`."""

from typing import Literal

from pydantic import Field

from hsir.options import Options


class TransformersRollouts(Options):
    """Generate with the decoding loop of the stage sample; a rollout depends on the seed, step, question and number."""

    kind: Literal["transformers"] = "transformers"
    batch_size: int = Field(64, ge=1, description="Rollouts decoded together on one device.")


RolloutEngine = TransformersRollouts
