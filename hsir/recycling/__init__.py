"""Recycling of failed traces: VeriExit (paper, section 3.2, Algorithm 2).

- `veriexit.py`: cut failed traces after the step that reaches the ground truth, and append the exit prompt.
- `matchers.py`: the test of whether a step has reached the ground truth. Change the cut here.
- `refusals/`: what takes a statement back, by kind, in its `surroundings.py`.
- `conclusions.py`: what a step concludes without calling it the answer.
- `marked.py`: the cuts of a pool, for a reader to label.

The stage `veriexit` calls these; the stage `sample` continues the prefixes.
"""
