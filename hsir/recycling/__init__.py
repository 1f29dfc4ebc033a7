"""Recycling of failed traces: VeriExit (paper, section 3.2, Algorithm 2).

- `veriexit.py`: cut failed traces after the step that reaches the ground truth, and append the exit prompt.
- `matchers.py`: decide whether a step has reached the ground truth. Change the cut here.
- `refusals/`: reasons to reject a statement, by kind; `surroundings.py` has its context.
- `conclusions.py`: conclusions of a step that are not called the answer.
- `marked.py`: the cuts of a pool, for a reader to label.

The stage `veriexit` calls these; the stage `sample` continues the prefixes.
"""
