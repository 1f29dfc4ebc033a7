"""Which questions reinforcement learning asks."""

from typing import Annotated

from pydantic import Field, model_validator

from hsir.options import Name, Options

Share = Annotated[float, Field(ge=0, le=1)]


class PassRate(Options):
    """Ask only questions that a pool answers correctly in some of its samples: not in too few, nor in too many.

    The pool is sampled from the policy that training starts from, once for all methods that read it. A question whose
    rollouts are all correct or all incorrect teaches nothing.
    """

    of: Name = Field(description="Pool of kind `sample` whose verdicts are counted.")
    pass_rate: tuple[Share, Share] = Field(
        (0.1, 0.9), description="Smallest and largest share of correct samples, both included."
    )

    @model_validator(mode="after")
    def _in_order(self) -> "PassRate":
        if self.pass_rate[0] > self.pass_rate[1]:
            raise ValueError(
                f"pass_rate is [{self.pass_rate[0]:g}, {self.pass_rate[1]:g}]; put the smaller share first"
            )
        return self
