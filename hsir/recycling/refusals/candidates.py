"""Statements of one of several answers, of a part of one, or of the answer to a part of the question."""

import re

from hsir.recycling.surroundings import HEAD, REASON, Around

NEAR = 60
"""Number of characters before a statement that may qualify the answer: "another possible answer"."""

REVIEWED = 4
"""Number of sentences before "So D is correct" that may show that the options are checked one by one."""

_NOUN = r"(?:answers?|options?|choices?|possibilit(?:y|ies))"
_ONE_OF_MANY = re.compile(
    r"\b(?:another|other|next|first|second|third|fourth|fifth|last|remaining|alternative|an|any|each|every|either|some"
    r"|(?<!only\s)possible|potential|plausible|reasonable|initial|previous|earlier|wrong|incorrect|(?<!the\s)one)\s+"
    rf"(?!best\b|correct\b|right\b)(?:\w+\s+)?{_NOUN}\b(?!\s+(?:key|sheet))",
    re.IGNORECASE,
)
_LISTED = re.compile(
    r"\b(?:choices|options|possibilities|candidates)\s*(?:given\s+|provided\s+|listed\s+|here\s+)?"
    r"(?:are|were|include|:)",
    re.IGNORECASE,
)
_RANGE = re.compile(r"^\W*(?:through|thru|to|-|\u2013)\W*\(?[A-J]\b")
_LETTERS = re.compile(
    r"(?:,|/|&|\b(?:or|and|vs\.?|versus)\b)\s*(?:\w+\s+){0,2}?[*(\[\"']*[A-J](?:[)\]*]|(?=\s*(?:[.,;!?(]|$)))"
    r"|\b(?:or|and)\s+(?:option|choice|answer)\s+[*(]*[A-J]\b|\bor\s+(?:maybe|perhaps|possibly)\b"
)
_NUMBERS = re.compile(
    r"(?:[^\d.,;!?\n=]{0,30}\d[\d.,]*)?[^\d.;!?\n=]{0,60}?[,\s(]\s*"
    r"(?:(?:or|versus|vs\.?)\s+(?:\w+\s+){0,3}?|and\s+(?:\w+\s+)?)[$(\\\u20ac\u00a3]*\d"
    r"|[^\d.,;!?\n=]{0,30}\d[\d.,]*[^\d.,;!?\n=]{0,30},\s+[$\u20ac\u00a3]\d"
)
_OR_NEXT = re.compile(r"^\W*or\b(?:\s+\w+){0,3}\s+[$(*]*(?:[A-J]\b|\d)", re.IGNORECASE)
_MORE_BOXES = re.compile(r"^[\s$.,;\\)]{0,9}(?:(?:and|or|to)\b)?[\s$.,;\\(]{0,9}boxed\s*\{")
_TRUE = re.compile(r"\b(?:is|must\s+be|would\s+be|should\s+be)\s+(?:\w+\s+)?(?:correct|right)\s*$", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"^\W*\(\s*[A-J]\s+(?:is|must|would|should)\b")
_REVIEW = re.compile(
    r"(?:^|\n|[.;?!]\s)[\s\-*\u2022]{0,9}(?:\d{1,2}[.)]\s*)?[*(]{0,4}"
    r"(?:(?:option|choice|statement|answer)\s+\(?[A-J]\)?\**\s*"
    r"(?:[:.,(\u2013-]|says\b|states\b|is\b|claims\b|mentions\b)"
    r"|\(?[A-J][):]\s?|[^.:\n()]{1,60}\([A-J]\)\**\s*[:\u2013-])",
    re.IGNORECASE,
)
_ALSO = re.compile(
    r"\b[A-J]\)?\s+(?:is|are|could\s+be|might\s+be|may\s+be|would\s+be)\s+(?:also|correct|right|too)\b"
    r"|\ball\s+(?:of\s+)?(?:them|these|the\s+options)\b"
)
_RESTRICTED = re.compile(
    r"\banswers?\s+(?:"
    r"(?:that|which)\s+(?!i\b|we\b|makes?\b|seems?\b|best\b|fits?\s+best\b|is\b)"
    r"|(?:when|where|under|without)\b"
    r"|(?:to|for|of)\s+(?!(?:how|what|which|who|this|that|it|all)\b|[\"'\u201c]"
    r"|(?:the|this|our|my|your|a|an)\s+(?:\w+\s+){0,2}?"
    r"(?:question|problem|riddle|puzzle|exercise|task|case|scenario|patient|query)\b)"
    r"|(?:to|for|in|of)\s+(?:the\s+)?(?:(?:first|second|third|other|previous)\b|parts?\b|both\b|sub))",
    re.IGNORECASE,
)
_ASKED_FIRST = re.compile(r"\W*(?:first|second|third|next)(?:ly)?\b[^?]*\?", re.IGNORECASE)
_NUMBER = r"[\s*:$([{\\]{0,9}-?\d[\d.,/]*"
_EXPRESSION = re.compile(
    rf"{_NUMBER}\s*(?:[-+*/^\u00d7\u00b7\u2212]\s*)?"
    r"(?:[\u221a\u221b\u03c0\u00b2\u00b3]|\\?sqrt|\\?pi\b|[(\[]?\\?[xyznkab](?:\b|[\u00b2\u00b3\u00b9\u2070-\u209f])|\()"
    rf"|{_NUMBER}\s+(?:\w+\s+)?(?:(?:divided|multiplied)\s+by\b|(?:times|plus|minus|over)\s+\S*\d|squared\b|cubed\b"
    r"|[*\u00d7]\s*[\d(])",
    re.IGNORECASE,
)


def several(one: Around) -> bool:
    """Detect "8 apples and 3 pears", "(F) Stroke or (G) Lithium", "8. Or maybe 12"."""
    behind = REASON.split(one.rest)[0]
    return bool(
        _LETTERS.search(behind)
        or _NUMBERS.match(behind)
        or _MORE_BOXES.match(one.rest + one.later[:NEAR])
        or _OR_NEXT.match(one.later[:NEAR])
    )


def listed(one: Around) -> bool:
    """Detect "the answer choices are (A) ...", "another option is (E)", "a possible answer is 8"."""
    words = one.lead[-NEAR:] + one.said
    return bool(_LISTED.search(words) or _ONE_OF_MANY.search(words) or _RANGE.match(one.rest))


def under_review(one: Around) -> bool:
    """Detect "Option D: ... So D is correct", a true statement made while the options are checked one by one."""
    if not _TRUE.search(one.said):
        return False
    text = "\n".join([one.head, *reversed(one.before[:REVIEWED]), one.lead])
    return bool(_IN_BRACKETS.match(one.said) or _REVIEW.search(text) or _ALSO.search(one.later[:HEAD]))


def restricted(one: Around) -> bool:
    """Detect "the answer for L3-L4 is J", "the answer to the first part is 8", "First, is it? The answer is yes"."""
    return bool(_RESTRICTED.search(one.said) or (one.before and _ASKED_FIRST.match(one.before[0])))


def unfinished(one: Around) -> bool:
    """Detect "the answer is 3 - \u221a57 over 2", "20 divided by 2": the number begins an expression."""
    return bool(_EXPRESSION.match(one.rest))
