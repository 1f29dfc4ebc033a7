"""Stages alone, on files of your own: JSONL, CSV or Parquet in and out, with columns of any names.

- `files.py`: rows of a file, the columns that a command reads, and what it writes.
- `questions.py`: rows as questions of a table, in the wording of a task or as they are.
- `sample.py`, `veriexit.py`, `score.py`, `filter.py`, `train.py`: the command lines. Each writes the tables of its
  stage into a hidden folder next to its output, runs the stage there, and so resumes as the stage does.

`grade`, `div` and `distill` have no tables of a run, so their stages are the command lines themselves.
"""
