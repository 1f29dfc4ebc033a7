"""Sample logs of other evaluation harnesses: each module writes one format and reads it.

`exported` turns the questions of an evaluation, with their answers and verdicts, into the rows of a log; `imported`
turns such rows into rows to grade, with `id`, `gold` and `prediction`, and `options` and `truncated` where known.
Only generated text is supported.
"""
