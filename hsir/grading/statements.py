"""Statements of an answer: cues before it, cues after it, and retractions."""

import re

# Only the simplest form of some languages: the answer itself must follow, so a denial does not match.
_OTHER_LANGUAGES = (
    r"\b(?:r\u00e9ponse|respuesta|resposta|risposta|antwort|\u043e\u0442\u0432\u0435\u0442)\b(?:(?!\b(?:no|non|nicht|n\u00e3o|\u043d\u0435)\b)[^.!?:=,\n]){0,30}?"
    r"(?:\b(?:est|es|\u00e9|\u00e8|ist|lautet)\b(?:\s+(?:la|el|le)(?=\s+[*_(]{0,4}[A-J]\b))?|\s?[:=\u2014-])"
    r"|(?:\u7b54\u6848|\u7b54\u3048|\u6b63\u89e3|\uc815\ub2f5|\ub2f5)(?:\u5e94\u8be5|\u61c9\u8a72)?"
    r"[*_`]*\s?(?:\u662f|\u4e3a|\u70ba|\u9009|\u9078|\u306f|\uc740|:|\uff1a)[:\uff1a]?"
)

CUE = re.compile(
    r"(?:\banswers?(?:_\w{1,10})?\b[*_`\"']*(?:\s*\([^()\n]{0,40}\))?"
    r"(?:[^.!?:=,\n]{0,60}?\b(?:is|are|should\s+be|must\s+be|would\s+be|will\s+be)\b|\s*[:=\uff1a]|\s+[-\u2013\u2014]\s)"
    r"(?:\s+(?:(?:most\s+)?\w{3,}ly|therefore|hence|thus|then|indeed|just|still|also|now|about|option|choice|letter)\b)*"
    rf"|{_OTHER_LANGUAGES})",
    re.IGNORECASE,
)
"""Phrases followed by an answer: "the answer is", "Answer:", "answer (yes or no) should be"."""

FINAL = re.compile(
    r"\bthe\s+(?:final\s+|correct\s+|right\s+)?answer(?:\s*\([^()\n]{0,40}\))?\s+(?:is|will\s+be)\b", re.IGNORECASE
)
"""Announcements of the answer; if no answer can be read after one, earlier answers do not count."""

_OPENING = re.compile(
    r"(?:[\s:*_`$({\[\"'\u201c\u2018\uff1a\uff08]"
    r"|\\(?:boxed|text|textbf|mathrm|mathbf|textrm|mbox|fbox)\s*\{|\\[(\[]|\\[,! ;])*"
)
"""Delimiters allowed between the cue and the answer."""

_WRONG = re.compile(r"\b(?:wrong|incorrect)\s+$", re.IGNORECASE)
_CLAUSE_END = re.compile(r"[!?;,\n:]|\.(?=\s|$)|\b(?:therefore|thus|hence|so|but|because)\b", re.IGNORECASE)
_DENIED = re.compile(
    r"\b(?:not|cannot|never|neither|doubt|maybe|perhaps|possibly|might|could|may)\b|n['\u2019]t\b", re.IGNORECASE
)
_SUPPOSED = re.compile(
    r"\b(?:if|suppose|supposing|assume|assuming|whether|unless|imagine|si|se|wenn|falls)\s+(?:that\s+)?(?:\w+\s+){0,2}$"
    r"|\u5982\u679c\w{0,8}$",
    re.IGNORECASE,
)
_ASKED = re.compile(r"[^.!\n]{0,200}\?")
_OTHERWISE = re.compile(
    r"[\s)*]*+(?:\([^()\n]{0,80}\)\s*+)?(?:,?\s*(?:or|ou|oder|\u0438\u043b\u0438)\b|\s*\u6216|/|,?\s*(?:only\s+)?if\b)",
    re.IGNORECASE,
)
_IFFY = re.compile(
    r"\bif\b[^.!?\n]{0,400}\b(?:would|it[\u2019']s|it\s+is)\b[^.!?\n]{0,400}$|\balternatively,?\s[^.!?\n]*$",
    re.IGNORECASE,
)
_LOOK_BACK = 200
_LONGEST = 1000  # characters of a statement that are searched


def opening(text: str, start: int) -> int:
    """Skip the delimiters around an answer."""
    found = _OPENING.match(text, start)
    return found.end() if found else start


def spaces(text: str, start: int) -> int:
    """Skip white space and emphasis."""
    while start < len(text) and text[start] in " \t\n*:":
        start += 1
    return start


def denied(text: str, start: int, end: int | None = None) -> bool:
    """Return whether the words before `start` deny, doubt or suppose the statement: "if the answer is 5"."""
    clause = _CLAUSE_END.split(text[max(0, start - _LOOK_BACK) : start])[-1]
    if _DENIED.search(clause) or _SUPPOSED.search(clause) or _WRONG.search(clause):
        return True
    # "if it is viral, then the answer would be D", "alternatively, the answer is D": may be one clause earlier.
    return end is not None and bool(_IFFY.search(text[max(0, start - _LOOK_BACK, end - _LONGEST) : end]))


def open_ended(text: str, end: int) -> bool:
    """Return whether another answer follows, or the sentence is a question: "the answer is 5 or 6"."""
    return bool(_OTHERWISE.match(text, end) or _ASKED.match(text, end))


def undone(text: str, start: int, end: int) -> bool:
    """Return whether the statement [start, end) is denied, supposed, asked, or one of several."""
    return denied(text, start, end) or open_ended(text, end)
