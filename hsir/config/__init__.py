"""The config: what to run. Light to import, because the login node parses the DAG with it.

- `schema.py`: the top-level keys, runs, methods and models. `settings.py`, `training.py`, `pools.py`, `engines.py`,
  `rollouts.py`, `questions.py`, `devices.py`, `teacher.py`, `tracking.py`: the options below them.
- `load.py` reads and merges YAML files. `checks.py` rejects combinations that cannot work. `explain.py` formats errors.
- `plan.py`: the dependency graph, from runs and methods to policies, their parents, pools and files.
- `docs.py` writes `config/README.md` (its prose is in `guide.py`) and `config/schema.json` from the field descriptions.
"""

from hsir.config.load import load, read_yaml
from hsir.config.plan import Plan

__all__ = ["Plan", "load", "read_yaml"]
