"""Conclusions: the result at the end of a step that does not call it the answer.

"Therefore, Charlie has 17 stickers left.", "Thus x = 42.", "So option B seems best." Only the step's last sentence
counts, and only if a word of consequence opens it or it prefers an option: an intermediate calculation also ends in a
number. Each answer type has its own reader of conclusions.
"""

import re
from collections.abc import Callable, Iterator

from hsir.grading import Choice, Math, Number, Text, YesNo, choice, reading, yesno
from hsir.grading.base import Choices, Grader, Stated
from hsir.recycling.surroundings import END

LAST = 600
"""Number of characters at a step's end that are searched for its last sentence."""

Found = tuple[str, int, int]
"""An answer, and the characters [start, end) of the words that lead to it."""

_OPENS = re.compile(
    r"(?:^|[.!?][\"'\u201d)*]*\s+|\n)[\s*_(#]{0,40}+(?:and\s+)?(?:(?:therefore|thus|hence|so|consequently|accordingly|altogether|overall|finally"
    r"|ultimately|in\s+(?:total|all|conclusion|summary|short)|as\s+a\s+result|we\s+conclude)(?![\w'\u2019])"
    r"|(?:final\s+answer|answer|conclusion|result)\s?[*_]{0,2}\s?[:\n])[,:*_\s]*"
    r"(?:(?:that|then|finally|in\s+total|we\s+(?:have|get|find|conclude|see)(?:\s+that)?)\b[,:]?\s*)*"
    r"|(?:^|\n)[^\S\n]{0,40}\*\*(?=[A-Z][^*\n]*[.!]?\*\*\W*$)",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"[\s*#]*(?:step\s+\d|\d{1,2}[.)]\s)", re.IGNORECASE)
_CALCULATION = re.compile(
    r"\d[^=\n]{0,40}(?:[-+*/\u00d7\u00f7\u2212]|\bx\b|\\times|\\cdot|\\div|\\frac)[^=\n]{0,60}(?:=|\u2248)"
)
_AHEAD = re.compile(
    r"\b(?:need|have|want|going)\s+to\s+(?:find|compute|calculate|determine|figure|subtract|add|multiply|divide|know|see|check)"
    r"|\blet(?:['\u2019]s|\s+me)\b|\bhow\s+(?:many|much)\b",
    re.IGNORECASE,
)
_EQUALS = re.compile(r"=|\u2248|\bequals\b|\bis\s+equal\s+to\b")
_FORMULA = re.compile(r"\$([^$\n]{1,300})\$|\\\((.{1,300}?)\\\)|\\\[(.{1,300}?)\\\]", re.DOTALL)
_INTRO = re.compile(
    r"(?:after|in|for|at|with|by|from|over|on|when|out\s+of|to|during|of|since|given|if|as)\s[^,]{1,120},\s*",
    re.IGNORECASE,
)
_DIGIT = re.compile(
    r"(?<![\w.,/^\u221a])(?<![-\u2013]\d)[-$\u20ac\u00a3*({\\]{0,4}\d[\d,.]*(?!\d|[-\u2013][A-Za-z]|st\b|nd\b|rd\b|th\b)"
)
_ASIDE = re.compile(
    r"\b(?:the|all|both|his|her|its|their|these|those|each|every|per|for|in|after|before|by|at|from|within|during|over|on|first|last"
    r"|than|with|between|(?<!up\s)to|when|through|across|among|into|is\s+of|step|day|week|hour|year|grade|room|class|number"
    r"|(?<!total\s)(?<!sum\s)(?<!average\s)(?<!profit\s)(?<!amount\s)(?<!cost\s)of)\s+[$*\\({]*$",
    re.IGNORECASE,
)
_IS = re.compile(r"\b(?:is|are|was|were|be|totals?|exactly)\s+[*$\\({]*$", re.IGNORECASE)
_PLAIN = re.compile(
    r"(?!(?:wait|but|alternatively|let|if|now|first|second|next|then|since|because|given|we|i|it|he|she|they|this|that|similarly|likewise|maybe|perhaps|for|in|on|at"
    r"|step|according|yes|no|ok|okay|hmm|also|however|another|here|there|each|one|after|when|so)\b|the\s+(?:problem|question))"
    r"[A-Z](?:[^\n=?!:.]|\.(?=\d)){10,250}\.\s*",
    re.IGNORECASE,
)
_LETTER = r"[*(\[]{0,4}(?P<letter>[A-J])[)\]*]{0,4}(?:\s*\([^()\n]{0,80}\))?"
_SURE = (
    r"(?:the\s+|a\s+)?(?:(?:most|more)\s+(?:likely|appropriate|suitable|accurate|plausible|consistent|reasonable|probable|fitting"
    r"|sense|relevant|specific|effective|logical)|best|correct|right|only|closest|strongest)\b"
)
_PREFERRED = re.compile(
    rf"(?:^|[\s(*]){_LETTER}\s+(?:seems?|appears?|looks?|sounds?|is|fits?|would\s+be|must\s+be|should\s+be|remains|makes?)\s+"
    rf"(?:to\s+be\s+|like\s+|to\s+fit\s+)?{_SURE}"
    rf"|\b(?:makes?|making|leaves?|leaving)\s+(?:us\s+with\s+|me\s+with\s+|only\s+)*(?:option\s+|choice\s+|answer\s+)?"
    r"[*(\[]{0,4}(?P<left>[A-J])[)\]*]{0,4}(?=\s*(?:[.,(]|$|as\b|the\b|is\b))"
)
_NAMES = re.compile(
    r"\b(?:most\s+\w+|best|correct|right)\s+(?:\w+\s+){0,5}?(?:is|would\s+be|must\s+be|should\s+be)\s+"
    r"(?:(?:likely|therefore|thus|probably|the|an?)\s+)*"
    r"|(?<!could\s)(?<!might\s)(?<!may\s)\b(?:points?\s+to(?:wards?)?|lean(?:ing)?\s+to(?:wards?)?|settl(?:e|ing)\s+on|choos(?:e|ing)|select(?:ing)?|pick(?:ing)?)\s+",
    re.IGNORECASE,
)
_THINKS = re.compile(
    r"(?:(?:i|we)\s+(?:think|believe|would\s+say|guess|conclude)\s+(?:that\s+)?)?"
    r"(?:(?:it|this)(?:['\u2019]?s|\s+is|\s+must\s+be|\s+should\s+be|\s+would\s+be)\s+)?"
    r"(?:(?:most\s+likely|likely|probably|definitely|clearly|the|option|choice|answer)\s+)*",
    re.IGNORECASE,
)
_CLOSED = re.compile(r"[)\]*\"'\u201d\s]*(?:$|[.!,:(\u2014-]|because\b|since\b|as\b|due\b)")
_COMPLEMENT = re.compile(r"\b(?:is|are|was|were)\s+(?:called\s+|named\s+)?")


def concluded(step: str, grader: Grader, options: Choices | None = None) -> Iterator[Stated]:
    """Return the conclusions of the step's last sentence, as statements."""
    offset = max(0, len(step) - LAST)
    tail = step[offset:].rstrip()
    for answer, start, end in _READERS[type(grader)](tail, options):
        yield Stated(answer, offset + start, offset + end)


def _opened(tail: str) -> int | None:
    """Find where the last sentence's conclusion begins, after its word of consequence; None if it has none.

    Sentences that calculate or announce, and numbered steps, are intermediate: nearly all of those that equal the gold
    answer in failed traces are.
    """
    begin = _last_sentence(tail)
    opens = [found.end() for found in _OPENS.finditer(tail) if found.end() >= begin]
    if not opens or _NUMBERED.match(tail) or _CALCULATION.search(tail, opens[-1]) or _AHEAD.search(tail, opens[-1]):
        return None
    return opens[-1]


def _plain(tail: str) -> bool:
    """Return whether the step is one plain sentence: "Charlie has 17 stickers left."."""
    ahead = _OPENS.match(tail) or _CALCULATION.search(tail) or _AHEAD.search(tail)
    return not ahead and bool(_PLAIN.fullmatch(tail))


def _last_sentence(tail: str) -> int:
    """Find where the last sentence begins; a display formula belongs to the sentence before it."""
    start = 0
    for end in END.finditer(tail):
        rest = tail[end.end() :].lstrip()
        if len(rest.strip("\\[]$ \n*")) > 2 and not rest.startswith(("\\[", "\\(", "$$", "\\begin")):
            start = end.end()
    return start


def _number(tail: str, options: Choices | None) -> Iterator[Found]:
    """Read "Charlie has 17 stickers left", "after 3 days, 5 remain", "12 * 3 = 36 dollars"."""
    begin = 0 if _plain(tail) else _opened(tail)
    if begin is None:
        return
    intro = _INTRO.match(tail, begin)
    equals = [one.end() for one in _EQUALS.finditer(tail, begin)]
    starts = [one.start() for one in _DIGIT.finditer(tail, intro.end() if intro else begin)]
    main = [at for at in starts if not _ASIDE.search(tail[max(begin, at - 40) : at])]
    # "3 loaves cost $4 more": if there is another number, the first one only counts the sentence's subject.
    main = [at for at in main if at > begin] or main
    named = [at for at in main if _IS.search(tail[max(begin, at - 20) : at])]
    for at in (equals[-1:] or named or main or starts)[:1]:
        answer = reading.at(tail, at)
        if answer:
            yield answer, begin, at


def _math(tail: str, options: Choices | None) -> Iterator[Found]:
    """Read the right-hand side of the last formula, or a number."""
    begin = _opened(tail)
    formulas = [] if begin is None else list(_FORMULA.finditer(tail, begin))
    if begin is None or not formulas:
        yield from _number(tail, options)
        return
    formula = next(filter(None, formulas[-1].groups()))
    yield formula.rpartition("=")[2].strip(" .,\n"), begin, formulas[-1].end()


def _choice(tail: str, options: Choices | None) -> Iterator[Found]:
    """Read "Therefore, B.", "So I think it's heparin", "option B seems best", "the most likely cause is B"."""
    sentence, begin = _last_sentence(tail), _opened(tail)
    for said in _PREFERRED.finditer(tail, sentence):
        letter = said["letter"] or said["left"]
        if choice.has(letter, options):
            yield letter, said.start(), said.end()
    leads = [found.end() for found in _NAMES.finditer(tail, sentence)]
    for lead in [*leads, *([] if begin is None else [_THINKS.match(tail, begin).end()])]:  # type: ignore[union-attr]
        found = choice.at(tail, lead, options)
        if found and _closed(tail, *found, options):
            yield found[0], sentence if begin is None else min(begin, lead), found[1]


def _closed(tail: str, letter: str, end: int, options: Choices | None) -> bool:
    """Return whether the words end after an option, or after its text: "B.", "(B) Heparin, since"."""
    rest = tail[end:].lstrip(")]*. :")
    text = options.get(letter, "") if options else ""
    begins = bool(text) and rest.casefold().startswith(text.casefold())
    return bool(_CLOSED.match(rest[len(text) :] if begins else tail[end:]))


def _yes_no(tail: str, options: Choices | None) -> Iterator[Found]:
    """Read "So no, it does not"."""
    begin = _opened(tail)
    answer = None if begin is None else yesno.read(tail[begin:])
    if begin is not None and answer:
        yield answer, begin, begin + len(answer)


def _text(tail: str, options: Choices | None) -> Iterator[Found]:
    """Read the text after the verb: "Therefore, the capital is Paris"."""
    begin = _opened(tail)
    verbs = [] if begin is None else list(_COMPLEMENT.finditer(tail, begin))
    if begin is not None and verbs:
        yield tail[verbs[-1].end() :].strip(" .*_`$\"'"), begin, len(tail)


_READERS: dict[type[Grader], Callable[[str, Choices | None], Iterator[Found]]] = {
    Number: _number,
    Math: _math,
    Choice: _choice,
    YesNo: _yes_no,
    Text: _text,
}
