"""Statements made by others, and retracted statements."""

import re

from hsir.recycling.surroundings import TURN, Around

_CLAIMED = re.compile(
    r"\b(?:some(?:one|body)?|people|many|others?|one|you|they|he|she|students?|teacher|friend|user|author|book|textbook"
    r"|sources?|problem|question)\b(?:\s+\w+){0,2}\s+(?:says?|said|thinks?|thought|claims?|claimed|argues?|argued"
    r"|believes?|suggests?|suggested|insists?|assumes?|states?|stated|might|may)\b[^.!?\n]{0,80}$"
    r"|\baccording\s+to\s+(?:him|her|them|someone|some)\b",
    re.IGNORECASE,
)
_THEIRS = re.compile(
    r"\b(?:his|her|their|your)\s+(?:\w+\s+)?answer\b"
    r"|\b(?!problem|question|puzzle|riddle|exercise)\w+['\u2019]s\s+(?:\w+\s+)?answer\b",
    re.IGNORECASE,
)
_THAT = r"(?:that|this|it|which)"
_IS_NOT = r"(?:can['\u2019]t|cannot|can\s+not|isn['\u2019]t|wasn['\u2019]t|doesn['\u2019]t|does\s+not)\b"
_NOT_SO = (
    r"(?:not\s+(?:right|correct|it|true|possible|the\s+answer|among|one\s+of|an?\s+option)"
    r"|wrong|incorrect|impossible|a\s+mistake|off\b|too\s)"
)
_RETRACTED = re.compile(
    rf"\b(?:wait|hmm|actually|oh|hold\s+on|no)\b[\s,.!\u2014-]{{1,6}}(?:but\s+)?"
    rf"(?:no\b|{_THAT}(?:['\u2019]s|\s+is|\s+was)\s+{_NOT_SO}|{_THAT}\s+{_IS_NOT})"
    rf"|\b(?:but|however|yet)\b,?\s+(?:wait,?\s+)?{_THAT}"
    rf"(?:(?:['\u2019]s|\s+is|\s+was|\s+would\s+be)\s+{_NOT_SO}|\s+(?:{_IS_NOT}|contradicts?\b))"
    rf"|\b(?:so|thus|therefore|hence|and)\s+{_THAT}(?:['\u2019]s|\s+is)\s+{_NOT_SO}"
    r"|\b(?:scratch|strike|ignore)\s+that\b|\bI\s+(?:made|see\s+my)\s+(?:an?\s+)?(?:mistake|error)|\bI\s+was\s+wrong\b"
    r"|\blet\s+me\s+correct\b|[.!]\s+No[,.!]\s",
    re.IGNORECASE,
)
_IS_WRONG = re.compile(r"[^.!?\n]{0,40}?\b(?:is|are|was|seems)\s+(?:wrong|incorrect|impossible|not\s)", re.IGNORECASE)
_OUT = re.compile(
    r"\b([A-J])\)?\s+(?:is|would\s+be|can(?:not|['\u2019]t|\s+not)\s+be|must\s+be)\s+(?:\w+ly\s+)?"
    r"(?:wrong|incorrect|false|not\b|out\b)"
)


def claimed(one: Around) -> bool:
    """Detect "some might say the answer is 8", "Tom's answer is 8"."""
    return bool(_CLAIMED.search(TURN.split(one.lead)[-1]) or _THEIRS.search(one.lead[-30:] + one.said))


def quoted(one: Around) -> bool:
    """Detect a statement inside quotation marks, which open before it and close after it."""
    straight = one.lead.count('"') % 2 == 1 and '"' in one.rest
    return straight or (one.lead.count("\u201c") > one.lead.count("\u201d") and "\u201d" in one.rest)


def retracted(one: Around) -> bool:
    """Detect "The answer is D. Wait, no", and "... So D is incorrect": retracted in the same step."""
    behind = one.rest + one.later
    if _IS_WRONG.match(one.rest):
        return True
    return bool(_RETRACTED.search(behind)) or any(out[1] == one.answer for out in _OUT.finditer(behind))
