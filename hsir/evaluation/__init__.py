"""Evaluation: statistics of one policy, and paired comparisons of several.

- `statistics.py`: intervals and correlations.
- `readings.py`: the accuracy if only answers in the format count, and if answers elsewhere count too.
- `comparison.py`: bootstrap intervals, McNemar's test and Holm's correction, paired by question.

The stage `evaluate` and the report call these.
"""
