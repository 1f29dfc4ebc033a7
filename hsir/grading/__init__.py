"""Grading: does a completion give the gold answer? One file per answer type.

- `number.py`, `choice.py`, `yesno.py`, `mathematics.py`, `text.py`: how answers are located and compared.
- `reading.py`, `numerals.py`, `lastline.py`: how numbers are parsed, also in words, and which number is a sentence's
  result.
- `boxes.py`, `formula.py`, `expressions.py`, `words.py`: boxes, notations, expressions and words in mathematics.
- `announced.py`, `wordings.py`: how texts announce an answer; add a new wording as a line of these tables.
- `base.py`: the base class of graders, and the order of the places that they search.
- `statements.py`: sentences that state an answer; VeriExit reads steps with the same code.
- `verdicts.py`: verdicts for the samples of a pool.
- `equality.py`: comparison without computer algebra; `pool.py`, `mathworker.py`, `symbolic.py`: math-verify in worker
  processes with a deadline.

The stages `verify` and `grade` call these.
"""

from typing import Annotated

from pydantic import Field

from hsir.grading.base import Grader, Item, Judgement, Stated, Verdict
from hsir.grading.choice import Choice
from hsir.grading.mathematics import Math
from hsir.grading.number import Number
from hsir.grading.text import Auto, Text
from hsir.grading.yesno import YesNo

Grading = Annotated[Number | Choice | YesNo | Math | Text | Auto, Field(discriminator="kind")]

__all__ = [
    "Auto",
    "Choice",
    "Grader",
    "Grading",
    "Item",
    "Judgement",
    "Math",
    "Number",
    "Stated",
    "Text",
    "Verdict",
    "YesNo",
]
