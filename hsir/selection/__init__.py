"""Selection: which solutions the next policy is trained on.

- `filters/`: one class per filter. `base.py` defines a filter; `standard.py` standardizes scores.
- `training_set.py`: solutions as candidates for filters, and kept solutions as training rows.
- `pairs.py`: a losing solution for each winner, for preference learning.
- `contamination.py`: the overlap of training texts with test questions.

The stages `filter` and `contamination` call these.
"""
