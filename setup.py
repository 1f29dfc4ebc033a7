"""What pyproject.toml cannot say: a wheel holds the workflow too, which stands beside the package in a checkout."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PARTS = ("Snakefile", "workflow", "config", "profiles", "envs")
PACKAGE = '''\
"""The package, for jobs whose own environment has its libraries alone: PYTHONPATH names the folder above."""

from pathlib import Path

__path__ = [str(Path(__file__).parents[2])]
exec(Path(__path__[0], "__init__.py").read_text(encoding="utf-8"))
'''
"""In a checkout `hsir` stands beside the Snakefile; here too, without the rest of site-packages."""


class WithWorkflow(build_py):
    """Puts the workflow into the wheel as hsir/project, where hsir/config/home.py looks for it."""

    def run(self) -> None:
        """Build the package, then copy."""
        super().run()
        if self.editable_mode:
            return
        project = Path(self.build_lib, "hsir", "project")
        shutil.rmtree(project, ignore_errors=True)
        (project / "hsir").mkdir(parents=True)
        (project / "hsir" / "__init__.py").write_text(PACKAGE, encoding="utf-8")
        for part in PARTS:
            copy = shutil.copytree if Path(part).is_dir() else shutil.copy
            copy(part, project / part)


setup(cmdclass={"build_py": WithWorkflow})
