"""Where the workflow is: beside the package in a checkout, within it where it was installed."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
INSTALLED = PACKAGE / "project"
"""Made by setup.py in a wheel; a checkout has no such folder."""
HOME = INSTALLED if INSTALLED.is_dir() else PACKAGE.parent
"""The folder with Snakefile, workflow, config, profiles and envs."""
SNAKEFILE = HOME / "Snakefile"


def found(path: Path | str) -> Path:
    """Give a path from a config: as it is where it is found from here, else within the project, if it is there.

    `hsir/embedded/model` is found wherever the package is.
    """
    known = (parent / path for parent in (Path(), HOME, PACKAGE.parent))
    return next((one for one in known if one.exists()), Path(path))


def is_local(model: str) -> bool:
    """Tell whether a model's path can only be a folder, and no id on a hub."""
    parent = Path(model).parent
    return model.startswith((".", "/", "~")) or model.count("/") > 1 or (parent != Path() and parent.is_dir())


def profile_folder(folder: Path) -> Path:
    """Give the folder of a profile: as it is where it is one, else that of the project."""
    names = (folder, HOME / folder, HOME / "profiles" / folder)
    return next((one for one in names if (one / "config.yaml").is_file()), folder)
