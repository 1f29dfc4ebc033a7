"""The stages: one command line each, named like its rule, its config key and its log.

A stage reads tables, calls a room of the package, and writes one table. `cli.py` is what all of them share; `parts.py`
keeps finished batches, so that a killed stage resumes.
"""
