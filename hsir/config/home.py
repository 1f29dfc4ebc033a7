"""Location of the workflow: next to the package in a checkout, inside it if it is installed."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
INSTALLED = PACKAGE / "project"
"""Created by setup.py in a wheel; absent in a checkout."""
HOME = INSTALLED if INSTALLED.is_dir() else PACKAGE.parent
"""The folder with Snakefile, workflow, config, profiles and envs."""
SNAKEFILE = HOME / "Snakefile"


def found(path: Path | str) -> Path:
    """Resolve a path from a config: relative to the working directory if it exists there, else to the project.

    `hsir/embedded/model` is always found.
    """
    known = (parent / path for parent in (Path(), HOME, PACKAGE.parent))
    return next((one for one in known if one.exists()), Path(path))


def is_local(model: str) -> bool:
    """Return whether a model's path can only be a folder, not a hub id."""
    parent = Path(model).parent
    return model.startswith((".", "/", "~")) or model.count("/") > 1 or (parent != Path() and parent.is_dir())


def profile_folder(folder: Path) -> Path:
    """Return a profile's folder: the path itself if it is a folder, else the one in the project."""
    names = (folder, HOME / folder, HOME / "profiles" / folder)
    return next((one for one in names if (one / "config.yaml").is_file()), folder)
