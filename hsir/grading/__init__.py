"""Grading: does a completion arrive at the gold answer? One kind of answer a file."""

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
