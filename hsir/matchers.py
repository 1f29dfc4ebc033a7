"""When does a reasoning step arrive at the ground truth? (paper, section 3.2)

A matcher is an option and its strategy: fields, and a call (step, gold) -> bool.
"""

import re
from typing import Literal

from pydantic import Field

from hsir.options import Options


class Explicit(Options):
    """The step states the gold answer as the answer: "so the answer is 42."

    Stated means: the cue, then the gold answer as whole words; not a longer number that begins or ends
    with it, and not denied ("the answer is not 42", "the answer is 42?").
    """

    kind: Literal["explicit"] = "explicit"
    cues: tuple[str, ...] = Field(
        ("answer is", "answer:", "answer should be", "answer must be", "answer would be"),
        description="Phrases behind which an answer is stated, in lower case.",
    )

    def __call__(self, step: str, gold: str) -> bool:
        cues = "|".join(re.escape(cue) for cue in sorted(self.cues, key=len, reverse=True))
        wrapped = r"[\s:*$({\[\"']*(?:\\boxed\{|option\s+|choice\s+)?[\s*$({\[\"']*"
        stated = re.compile(
            rf"(?:{cues}){wrapped}(?<![\w.,-]){re.escape(gold)}(?![\w%]|[.,/:^-]\d|[^.!\n]*\?)",
            re.IGNORECASE,
        )
        return stated.search(step) is not None


Matcher = Explicit
