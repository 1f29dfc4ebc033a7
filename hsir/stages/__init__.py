"""The stages: one command line each, named like its rule, its config key and its log.

A stage reads tables, calls the packages, and writes one table. `cli.py` is shared by all of them; `parts.py` keeps
finished batches, so that a killed stage resumes.
"""
