"""Build steps that pyproject.toml cannot express: a wheel also contains the workflow, which is next to the package in a
checkout."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PARTS = ("Snakefile", "workflow", "config", "profiles", "envs")
ELSEWHERE = '\n__path__ = [__file__.rsplit("/", 3)[0]]\n'
"""The package next to the packaged Snakefile is the one three folders up, for jobs whose environment has only its
libraries: PYTHONPATH names the folder of the Snakefile, and not the rest of site-packages."""


class WithWorkflow(build_py):
    """Copies the workflow into the wheel as hsir/project, where hsir/config/home.py looks for it."""

    def run(self) -> None:
        """Build the package, then copy."""
        super().run()
        if self.editable_mode:
            return
        project = Path(self.build_lib, "hsir", "project")
        shutil.rmtree(project, ignore_errors=True)
        (project / "hsir").mkdir(parents=True)
        init = Path("hsir/__init__.py").read_text(encoding="utf-8")
        (project / "hsir" / "__init__.py").write_text(init + ELSEWHERE, encoding="utf-8")
        for part in PARTS:
            copy = shutil.copytree if Path(part).is_dir() else shutil.copy
            copy(part, project / part)


setup(cmdclass={"build_py": WithWorkflow})
