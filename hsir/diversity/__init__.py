"""Diversity of a solution: InDiv, from the policy's hidden states, and Div, from the texts of its steps.

- `indiv/`: InDiv (paper, equations 4 and 5). `states.py` reads one layer, `attention.py` its attention, `logdet.py`
  does the linear algebra, `score.py` scores batches.
- `div.py`: Div (Algorithm 1). `embedding.py` and `wordcounts.py` embed steps for it.
- `redundancy.py`: solutions made redundant on purpose, to test whether a score falls.

The stages `score`, `div` and `variants` call these.
"""
