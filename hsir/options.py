"""The base of every option: frozen, and closed to keys that do not exist."""

import json

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Options of one thing; an unknown key is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    def __str__(self) -> str:
        """Write them as a command line takes them; so the help shows defaults."""
        return json.dumps(self.model_dump(mode="json"))
