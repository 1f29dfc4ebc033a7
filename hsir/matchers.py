"""When does a reasoning step arrive at the ground truth? (paper, section 3.2)

A matcher is an option and its strategy: fields, and a call (step, gold) -> bool.
"""

import re
from functools import lru_cache
from typing import Literal

from pydantic import Field

from hsir.options import Options

_WRAPPER = r"(?:[\s:*$({\[\"']|\\boxed\{|\\text\{|\\\(|\\\[|option\b|choice\b)*"
# What goes on behind the gold answer, and makes it another one: 42.5, 42/7, 42 + 1, 42%, A or B.
_GOES_ON = (
    r"\w|%|[.,/:^-]\d|\s*[-+*/=^\u00d7\u00f7]\s*[\d(]"
    r"|\s*(?:,|/|\bor\b|\band\b)\s*(?:or\s+)?[A-H]\b|\s+or\b|[^.!\n]*\?"
)
_DENIED = re.compile(
    r"\b(?:not|cannot|never|doubt)\b|n['\u2019]t\b|\b(?:if|suppose|assume|assuming|whether|unless)\s+(?:that\s+)?(?:\w+\s+){0,2}$",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?;\n]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


class Explicit(Options):
    """The step states the gold answer as the answer: "so the answer is 42.", "\\boxed{42}".

    Stated means: a cue, then the gold answer whole, neither continued (42.5, "A or B"), nor denied, supposed
    or asked ("if the answer is 42", "the answer is 42?"). A gold letter must be a capital.
    """

    kind: Literal["explicit"] = "explicit"
    cues: tuple[str, ...] = Field(
        ("answer is", "answer:", "answer should be", "answer must be", "answer would be", "\\boxed{"),
        description="Phrases behind which an answer is stated.",
    )

    def __call__(self, step: str, gold: str) -> bool:
        step = _THOUSANDS.sub("", step)
        for found in _stated(self.cues, _THOUSANDS.sub("", gold)).finditer(step):
            sentence = _SENTENCE_END.split(step[: found.start()])[-1]
            if not _DENIED.search(sentence):
                return True
        return False


@lru_cache(maxsize=4096)
def _stated(cues: tuple[str, ...], gold: str) -> re.Pattern[str]:
    said = "|".join(re.escape(cue) for cue in sorted(cues, key=len, reverse=True))
    whole = re.escape(gold) if len(gold) == 1 else f"(?i:{re.escape(gold)})"
    return re.compile(rf"(?i:{said}){_WRAPPER}{whole}(?!{_GOES_ON})")


Matcher = Explicit
