"""Planning: what a run will take, whether it can start, and how far it is. Nothing here is heavy to import.

- `budget/`: samples, tokens, hours and disk, planned and actual.
- `doctor/`: checks of profile, queue, models, data and environments.
- `workflow.py`: the config, the profile, and Snakemake's own dry run.
- `leftovers.py`: what kills and changes of mind left under the results.

The commands in `hsir/cli/` call these.
"""
