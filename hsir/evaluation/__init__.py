"""Evaluation: statistics of one policy, and paired comparisons of several.

- `statistics.py`: intervals and correlations.
- `readings.py`: the accuracy if only answers in the format count, and if answers elsewhere count too.
- `harness/`: the sample logs of lm-evaluation-harness, lighteval and Inspect, to write and to read.
- `comparison.py`: bootstrap intervals, McNemar's test and Holm's correction, paired by question.

The stage `evaluate` and the report call these.
"""
