"""Small files: those that other stages and commands read."""

import json
from pathlib import Path
from typing import Any

from hsir.errors import InputError


def read_json(path: Path) -> Any:
    """Read a JSON file; raises InputError naming it where it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; make it with `snakemake {path}`") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}; delete it and make it again") from error
