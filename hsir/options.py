"""The base class of all options: frozen, and unknown keys are rejected."""

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""The name of a model, task, pool or score set; it is also a folder name."""
Count = Annotated[int, Field(ge=1)]
Dtype = Literal["float32", "bfloat16", "float16"]


class Options(BaseModel):
    """A block of options; an unknown key is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())

    def __str__(self) -> str:
        """Format them as on the command line, so that the help shows defaults."""
        return json.dumps(self.model_dump(mode="json"))
