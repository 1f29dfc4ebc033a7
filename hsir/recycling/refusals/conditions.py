"""Statements that hold only if something else does: conditions, hypotheses, suppositions."""

import re

from hsir.recycling.surroundings import REASON, TURN, Around

CHAIN = 4
"""Number of sentences through which a consequence is traced back: "If x, then y. So z. So the answer would be 5"."""

_IF = re.compile(
    r"(?<!\beven\s)(?<!\bas\s)\bif\b(?!\s+(?:i|memory|any)\b)"
    r"|\b(?:unless|whether|assum(?:e[ds]?|ing)|suppos(?:e|ing)|imagine|pretend|provided|hypothetical(?:ly)?|otherwise)\b"
    r"|\bin\s+(?:that|such|which|either)\s+(?:a\s+)?case\b|\bin\s+the\s+case\s+(?:of|where|that)\b",
    re.IGNORECASE,
)
_IF_BEHIND = re.compile(
    r"\b(?:if|unless|provided|assuming|depending)\b|\bin\s+(?:that|which)\s+case\b"
    r"|\bunder\s+th(?:at|is|e)\s+(?:assumption|interpretation|reading)\b",
    re.IGNORECASE,
)
_PREMISE = re.compile(
    r"^\W*(?:\w+\W+){0,3}if\b.*\bthen\b"
    r"|^\W*(?:\w+\W+){0,2}(?:suppose|assume|assuming|imagine|let['\u2019]?s\s+(?:say|assume|suppose|imagine))\b",
    re.IGNORECASE | re.DOTALL,
)
_IN_THAT_CASE = re.compile(r"\bin\s+(?:that|such|which)\s+case\b", re.IGNORECASE)
_EXAMPLE = re.compile(r"^\W*(?:so\s+)?for\s+(?:example|instance)\b", re.IGNORECASE)
_TURNS = re.compile(r"^\W*(?:but|however|though|yet|since|wait)\b", re.IGNORECASE)
_THEN = re.compile(r"^\W*(?:so\s+)?then\b", re.IGNORECASE)
_LINKED = re.compile(
    r"^\W*(?:so|then|thus|therefore|hence|and|in\s+(?:that|this)\s+case|given|that|this|it)\b", re.IGNORECASE
)
_WOULD = re.compile(r"\bwould\b", re.IGNORECASE)
_PERHAPS = re.compile(r"\b(?:perhaps|maybe|possibly)\b", re.IGNORECASE)
_FIRST = re.compile(r"^\W*(?:(?:alternatively|or|so|and|therefore)\b\W*)?(?:perhaps|maybe|possibly)\b", re.IGNORECASE)
_MAYBE = re.compile(r"\b(?:perhaps|maybe|possibly|might|may|could|let['\u2019]?s\s+say)\b", re.IGNORECASE)
_CLAUSE = re.compile(
    r"\b(?:but|however|though|yet|so|therefore|thus|hence|since|because|instead)\b|[;\u2014]", re.IGNORECASE
)
_SUPPOSED = re.compile(
    r"\b(?:might|may|could|suppose|imagine|thought|hoping|hope|wonder(?:ing)?)\b"
    r"|\blet(?:['\u2019]?s|\s+us)\s+(?:say|assume|suppose|try|test|check)\b"
    r"|\b(?:for\s+(?:example|instance)|e\.g\.|such\s+as|like)[,:]?\s*$",
    re.IGNORECASE,
)
_SUPPOSED_IN = re.compile(
    r"\b(?:possibly|perhaps|maybe|supposedly|(?:might|may|could|not|never)\s+(?:\w+ly\s+)?be)\b", re.IGNORECASE
)
_UNSURE = re.compile(r"\b(?:perhaps|maybe|if|possibly|might|could|unless)\b", re.IGNORECASE)
_TASK = re.compile(r"\b(?:problem|question|statement|text|wording|author|exercise|it)\b", re.IGNORECASE)
_MISTAKEN = re.compile(
    r"\b(?:typo|misprint|mistyped|mistake|error|misworded|misphrased|mistranslat\w+|flawed|ill-posed"
    r"|should\s+(?:say|read|have)|supposed\s+to\s+say|meant\s+to\s+(?:say|write|ask))\b",
    re.IGNORECASE,
)


def altered(one: Around) -> bool:
    """Detect "perhaps the problem has a typo, and the answer is 8": the answer to a different question."""
    linked = _LINKED.match(one.lead + one.said)
    text = " ".join([*(one.before[:2] if linked else []), TURN.split(one.lead)[-1]])
    return bool(_MISTAKEN.search(text) and _UNSURE.search(text) and _TASK.search(text))


def conditional(one: Around) -> bool:
    """Detect "if it means the same, then the answer is 8"."""
    return bool(_IF.search(TURN.split(one.lead + one.said)[-1]))


def conditional_behind(one: Around) -> bool:
    """Detect "the answer is 8 if it means the same"."""
    return bool(_IF_BEHIND.search(REASON.split(one.rest)[0]))


def hypothetical(one: Around) -> bool:
    """Detect "If x, then y. So the answer would be 8", and "Suppose x. Then the answer is 8"."""
    sentence = one.lead + one.said
    then = bool(_THEN.match(sentence))
    if not then and not any(_WOULD.search(text) for text in (one.said, *one.before[:1])):
        return False
    example = one.before and _EXAMPLE.search(one.before[0])
    return bool(example) or _in_that_case(one.before[:CHAIN]) or _follows(sentence, one.before[:CHAIN], then)


def _in_that_case(before: list[str]) -> bool:
    """Return whether an earlier sentence opens a case, and none in between abandons it."""
    for earlier in before:
        if _IN_THAT_CASE.search(earlier):
            return True
        if _TURNS.match(earlier):
            return False
    return False


def _follows(sentence: str, before: list[str], then: bool) -> bool:
    """Return whether a chain of "so" and "then" leads back to a premise."""
    for earlier in before:
        if not _LINKED.match(sentence):
            return False
        if _PREMISE.search(earlier) or (then and _MAYBE.search(earlier)):
            return True
        sentence = earlier
    return False


def supposed(one: Around) -> bool:
    """Detect "perhaps the answer is 8", "let's say the answer is 8", "the answer is possibly 8"."""
    return bool(
        _FIRST.match(one.lead)
        or _PERHAPS.search(TURN.split(one.lead)[-1])
        or _SUPPOSED.search(_CLAUSE.split(one.lead)[-1])
        or _SUPPOSED_IN.search(one.said)
        or _MAYBE.search(REASON.split(one.rest)[0])
    )
