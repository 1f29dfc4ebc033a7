"""Answers that are words: "Thus, the skater is facing east when she stops." names `east`."""

import re

from hsir.grading.formula import unwrapped

_TEXT = re.compile(r"\\(?:text|textbf|textit|mathrm|mbox|textnormal)\s*\{([^{}]*)\}")
_PHRASE = re.compile(r"[^\W\d_]{3,}(?:[ '-][^\W\d_]{2,}){0,3}")
_OPTION = re.compile(r"\(?([A-J])\)?")
_LEAD = re.compile(
    r"\W*(?:(?:so|thus|therefore|hence|finally|in\s+conclusion|conclusion|(?:the\s+)?(?:final\s+)?answer)\b\W*)?",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,;:]|\s(?=(?:when|after|because|since|once|as|if|before|while|and|or)\s)", re.IGNORECASE)
# "Luka earns more than Navin", "neither odd nor even", "is it odd?" do not name an answer.
_UNSURE = re.compile(
    r"\b(?:not|neither|nor|never|cannot|than|maybe|perhaps|might|unless)\b|n['\u2019]t\b|\?", re.IGNORECASE
)
_NOT_FROM = re.compile(r"\b(?:from|and|or|of|with|versus|against|unlike|except|between|away)$")
_EDGE = " .*_`\"'()[]$!\u201c\u201d\u2019\u2018"


def plain(text: str) -> str:
    r"""Extract words from \text{} and dollars."""
    return _TEXT.sub(r"\1", text).replace("$", "")


def phrase(gold: str) -> str | None:
    r"""Return the words of a gold answer such as `\text{east}`; None if it is mathematics."""
    words = plain(unwrapped(gold)).strip(" .")
    return words if _PHRASE.fullmatch(words) else None


def option(gold: str) -> str | None:
    r"""Return the letter of a gold answer such as `\text{(B)}`; None for others, including variables."""
    found = _OPTION.fullmatch(plain(gold).strip())
    return found[1] if (found and found[0] != gold.strip(" $")) or (found and "(" in gold) else None


def named(text: str, wanted: str) -> bool | None:
    """Return whether the last sentence names these words, as its subject or at a clause's end; None if it denies them.

    Only this sentence is read: words elsewhere in a text are not an answer.
    """
    lines = [
        line for line in plain(text).replace("\\(", " ").replace("\\)", " ").splitlines() if line.strip(_EDGE + "-#>")
    ]
    if not lines:
        return False
    sentence = re.split(r"(?<=[.!?])\s+(?=\S)", lines[-1].strip())[-1]
    low, wanted = sentence.casefold(), wanted.casefold()
    bold = [one.strip(_EDGE).casefold() for one in re.findall(r"\*\*([^*]{1,80})\*\*", sentence)]
    if _UNSURE.search(sentence):
        return None
    if bold and set(bold) == {wanted}:
        return True
    begin = _LEAD.match(low).end()  # type: ignore[union-attr]
    if re.match(rf"{re.escape(wanted)}\b(?!\s*(?:,|or\b|and\b|/))", low[begin:]):
        return True
    clauses = [clause.strip(_EDGE) for clause in _CLAUSE.split(low)]
    ends = re.compile(rf"(?:^|[\s(*\"]){re.escape(wanted)}$")
    return any(
        found and not _NOT_FROM.search(clause[: found.start()]) for clause in clauses if (found := ends.search(clause))
    )
