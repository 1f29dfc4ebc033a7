"""Planning: the cost of a run, whether it can start, and its progress. Nothing here is heavy to import.

- `budget/`: samples, tokens, hours and disk, planned and actual.
- `doctor/`: checks of profile, queue, models, data and environments.
- `workflow.py`: the config, the profile, and Snakemake's own dry run.
- `leftovers.py`: files that killed jobs and changed configs left in the results.

The commands in `hsir/cli/` call these.
"""
