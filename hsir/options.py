"""The base of every option: frozen, and closed to keys that do not exist."""

import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""The name of a model, a task, a pool or a score set: it is a folder's name, too."""


class Options(BaseModel):
    """Options of one thing; an unknown key is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())

    def __str__(self) -> str:
        """Write them as a command line takes them; so the help shows defaults."""
        return json.dumps(self.model_dump(mode="json"))
