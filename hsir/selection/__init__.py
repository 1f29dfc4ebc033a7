"""Selection: which solutions the next policy is trained on.

- `filters/`: one class per filter. `base.py` says what a filter is; `standard.py` has most of them.
- `training_set.py`: solutions as filters see them, and what is kept as rows to train on.
- `pairs.py`: a losing solution for each winner, for preference learning.
- `contamination.py`: the overlap of training texts with test questions.

The stages `filter` and `contamination` call these.
"""
