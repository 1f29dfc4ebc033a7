"""Recycling of failed traces: VeriExit (paper, section 3.2, Algorithm 2).

- `veriexit.py`: cut failed traces after the step that reaches the ground truth, and append the exit prompt.
- `matchers.py`: the test of whether a step has reached the ground truth. Change the cut here.

The stage `veriexit` calls these; the stage `sample` continues the prefixes.
"""
