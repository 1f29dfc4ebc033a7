"""What takes a statement of the answer back, in the words of the step around it.

A statement ("the answer is 5") is read by a grader, one at a time. Whether the trace has arrived there depends on
the sentences around it: they may make it a condition's consequence, one of several, or another's claim. Each kind is
a test of the surroundings; `refused` names the first that applies. Text looked at is bounded, so that cost is linear.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from hsir.grading.base import Stated

BEFORE = 700
"""Characters before a statement that are looked at."""

AFTER = 2000
"""Characters after a statement that may retract it."""

HEAD = 200
"""Characters of the step's beginning that show what it is about."""

CHAIN = 4
"""Sentences that a consequence is followed back: "If x, then y. So z. So the answer would be 5"."""


class Around(NamedTuple):
    """A statement and what stands around it."""

    head: str
    """The beginning of the step."""
    before: list[str]
    """The sentences before the statement's, last first."""
    lead: str
    """The statement's sentence up to it."""
    said: str
    answer: str
    rest: str
    """The statement's sentence behind it."""
    later: str
    """What follows the sentence in the step."""


END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bcf)(?<!\bDr)[.!?][\"'\u201d\u2019)\]*_]*(?=\s+[^a-z\s]|\s*$)|\n")
"""Where a sentence ends."""

_ANY = r"[^.!?\n]{0,80}?"
_NOUN = r"(?:answers?|options?|choices?|possibilit(?:y|ies))"
_TURN = re.compile(r"\b(?:but|however|though|yet|instead)\b|;", re.IGNORECASE)
_STEP_ON = re.compile(
    r"\b(?:but|however|though|yet|so|therefore|thus|hence|since|because|instead)\b|[;\u2014]", re.IGNORECASE
)
_REASON = re.compile(
    r"\b(?:because|since|as|not|rather|instead|whereas|while|but|though|which|who|due|given|so|therefore|however)\b|[;:]",
    re.IGNORECASE,
)
_IF = re.compile(
    r"(?<!\beven\s)(?<!\bas\s)\bif\b(?!\s+(?:i|memory|any)\b)"
    r"|\b(?:unless|whether|assum(?:e[ds]?|ing)|suppos(?:e|ing)|imagine|pretend|provided|hypothetical(?:ly)?|otherwise)\b"
    r"|\bin\s+(?:that|such|which|either)\s+(?:a\s+)?case\b|\bin\s+the\s+case\s+(?:of|where|that)\b|\bwhen\s+considering\b",
    re.IGNORECASE,
)
_IF_BEHIND = re.compile(
    r"\b(?:if|unless|provided|assuming|depending)\b|\bunder\s+th(?:at|is|e)\s+(?:assumption|interpretation|reading)|\bin\s+(?:that|which)\s+case", re.IGNORECASE
)
_PREMISE = re.compile(
    r"^\W*(?:\w+\W+){0,3}if\b.*\bthen\b|\bin\s+(?:that|such|which)\s+case\b"
    r"|^\W*(?:\w+\W+){0,2}(?:suppose|assume|assuming|imagine|let['\u2019]?s\s+(?:say|assume|suppose|imagine))\b",
    re.IGNORECASE | re.DOTALL,
)
_IN_THAT_CASE = re.compile(r"\bin\s+(?:that|such|which)\s+case\b", re.IGNORECASE)
_EXAMPLE = re.compile(r"^\W*(?:so\s+)?for\s+(?:example|instance)\b", re.IGNORECASE)
_TURNS = re.compile(r"^\W*(?:but|however|though|yet|since|wait)\b", re.IGNORECASE)
_MAYBE = re.compile(r"\b(?:perhaps|maybe|possibly|might|may|could|let['\u2019]?s\s+say)\b", re.IGNORECASE)
_THEN = re.compile(r"^\W*(?:so\s+)?then\b", re.IGNORECASE)
_LINKED = re.compile(r"^\W*(?:so|then|thus|therefore|hence|and|in\s+(?:that|this)\s+case|given|that|this|it)\b", re.IGNORECASE)
_WOULD = re.compile(r"\bwould\b", re.IGNORECASE)
_SUPPOSED = re.compile(
    r"\b(?:might|may|could|suppose|imagine|thought|hoping|hope|wonder(?:ing)?|what\s+about)\b"
    r"|\blet['\u2019]?s\s+(?:say|assume|suppose|try|test|check)\b|\blet\s+us\s+say\b|\b(?:for\s+(?:example|instance)|e\.g\.|such\s+as|like)[,:]?\s*$",
    re.IGNORECASE,
)
_PERHAPS = re.compile(r"\b(?:perhaps|maybe|possibly)\b", re.IGNORECASE)
_SUPPOSED_IN = re.compile(
    r"\b(?:possibly|perhaps|maybe|supposedly|(?:might|may|could|not|never|n['\u2019]t)\s+(?:\w+ly\s+)?be)\b", re.IGNORECASE
)
_UNSURE = re.compile(r"\b(?:perhaps|maybe|if|possibly|might|could|unless)\b", re.IGNORECASE)
_TASK = re.compile(r"\b(?:problem|question|statement|text|wording|author|exercise|it)\b", re.IGNORECASE)
_MISTAKEN = re.compile(
    r"\b(?:typo|misprint|mistyped|mistake|error|should\s+(?:say|read|have)|supposed\s+to\s+say|meant\s+to\s+(?:say|write|ask)"
    r"|misworded|misphrased|mistranslat\w+|flawed|ill-posed)\b",
    re.IGNORECASE,
)
_ONE_OF_MANY = re.compile(
    r"\b(?:another|other|next|first|second|third|fourth|fifth|last|remaining|alternative|an|any|each|every|either|some"
    r"|(?<!only\s)possible|potential|plausible|reasonable|initial|previous|earlier|wrong|incorrect|(?<!the\s)one)\s+"
    rf"(?!best\b|correct\b|right\b)(?:\w+\s+)?{_NOUN}\b(?!\s+(?:key|sheet))",
    re.IGNORECASE,
)
_LISTED = re.compile(
    r"\b(?:choices|options|possibilities|candidates)\s*(?:given\s+|provided\s+|listed\s+|here\s+)?(?:are|were|include|:)", re.IGNORECASE
)
_RANGE = re.compile(r"^\W*(?:through|thru|to|-|\u2013)\W*\(?[A-J]\b")
_LETTERS = re.compile(
    r"(?:,|/|&|\b(?:or|and|vs\.?|versus)\b)\s*(?:\w+\s+){0,2}?[*(\[\"']*[A-J](?:[)\]*]|(?=\s*(?:[.,;!?(]|$)))"
    r"|\b(?:or|and)\s+(?:option|choice|answer)\s+[*(]*[A-J]\b|\bor\s+(?:maybe|perhaps|possibly)\b"
)
_NUMBERS = re.compile(
    r"(?:[^\d.,;!?\n=]{0,30}\d[\d.,]*)?[^\d.;!?\n=]{0,60}?[,\s(]\s*"
    r"(?:(?:or|versus|vs\.?)\s+(?:\w+\s+){0,3}?|and\s+(?:\w+\s+)?)[$(\\\u20ac\u00a3]*\d"
)
_OR_NEXT = re.compile(r"^\W*or\b(?:\s+\w+){0,3}\s+[$(*]*(?:[A-J]\b|\d)", re.IGNORECASE)
_MORE_BOXES = re.compile(r"^[\s$.,;\\)]*(?:(?:and|or|to)\b)?[\s$.,;\\(]*boxed\s*\{")
_TRUE = re.compile(r"\b(?:is|must\s+be|would\s+be|should\s+be)\s+(?:\w+\s+)?(?:correct|right)\s*$", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"^\W*\(\s*[A-J]\s+(?:is|must|would|should)\b")
_REVIEW = re.compile(
    r"(?:^|\n|[.;?!]\s+)[\s\-*\u2022]*(?:\d{1,2}[.)]\s*)?[*(]*"
    r"(?:(?:option|choice|statement|answer)\s+\(?[A-J]\)?[*]*\s*(?:[:.,(\u2013-]|says\b|states\b|is\b|claims\b|mentions\b)"
    r"|\(?[A-J][):]\s?|[^.:\n()]{1,60}\([A-J]\)[*]*\s*[:\u2013-])",
    re.IGNORECASE,
)
_ALSO = re.compile(r"\b[A-J]\)?\s+(?:is|are|could\s+be|might\s+be|may\s+be|would\s+be)\s+(?:also|correct|right|too)\b|\ball\s+(?:of\s+)?(?:them|these|the\s+options)\b")
_THAT = r"(?:that|this|it|which)"
_NOT_SO = r"(?:not\s+(?:right|correct|it|true|possible|the\s+answer|among|one\s+of|an?\s+option)|wrong|incorrect|impossible|a\s+mistake|off\b|too\s)"
_RETRACTED = re.compile(
    rf"\b(?:wait|hmm|actually|oh|hold\s+on|no)\b[\s,.!\u2014-]+(?:but\s+)?(?:no\b(?!\w)|{_THAT}(?:['\u2019]s|\s+is|\s+was)\s+{_NOT_SO}"
    rf"|{_THAT}\s+(?:can['\u2019]t|cannot|can\s+not|isn['\u2019]t|wasn['\u2019]t|doesn['\u2019]t|does\s+not)\b)"
    rf"|\b(?:but|however|yet)\b,?\s+(?:wait,?\s+)?{_THAT}(?:(?:['\u2019]s|\s+is|\s+was|\s+would\s+be)\s+{_NOT_SO}"
    rf"|\s+(?:can['\u2019]t|cannot|can\s+not|isn['\u2019]t|doesn['\u2019]t|does\s+not|contradicts?)\b)"
    rf"|\b(?:so|thus|therefore|hence|and)\s+{_THAT}(?:['\u2019]s|\s+is)\s+{_NOT_SO}"
    r"|\b(?:scratch|strike|ignore)\s+that\b|\bI\s+(?:made|see\s+my)\s+(?:a\s+|an\s+)?(?:mistake|error)|\bI\s+was\s+wrong\b"
    r"|\blet\s+me\s+correct\b|[.!]\s+No[,.!]\s",
    re.IGNORECASE,
)
_CLAIMED = re.compile(
    r"\b(?:some(?:one|body)?|people|many|others?|one|you|they|he|she|students?|teacher|friend|user|author|book|textbook|sources?"
    r"|problem|question)\b"
    r"(?:\s+\w+){0,2}\s+(?:says?|said|thinks?|thought|claims?|claimed|argues?|argued|believes?|suggests?|suggested|insists?"
    rf"|assumes?|states?|stated|might|may)\b{_ANY}$|\baccording\s+to\s+(?:him|her|them|someone|some)\b",
    re.IGNORECASE,
)
_THEIRS = re.compile(
    rf"\b(?:his|her|their|your)\s+(?:\w+\s+)?answer\b|\b(?!problem|question|puzzle|riddle|exercise)\w+['\u2019]s\s+(?:\w+\s+)?answer\b",
    re.IGNORECASE,
)
_RESTRICTED = re.compile(
    r"\banswers?\s+(?:"
    r"(?:that|which)\s+(?!i\b|we\b|makes?\b|seems?\b|best\b|fits?\b|is\b)"
    r"|(?:when|where|under|without)\b"
    r"|(?:to|for|of)\s+(?!(?:how|what|which|who|this|that|it|all)\b|[\"'\u201c]|(?:the|this|our|my|your|a|an)\s+(?:\w+\s+){0,2}?"
    r"(?:question|problem|riddle|puzzle|exercise|task|case|scenario|patient|query)\b)"
    r"|(?:to|for|in|of)\s+(?:the\s+)?(?:(?:first|second|third|other|previous)\b|parts?\b|both\b|sub))",
    re.IGNORECASE,
)
_OUT = re.compile(
    r"\b([A-J])\)?\s+(?:is|would\s+be|can(?:not|['\u2019]t|\s+not)\s+be|must\s+be)\s+(?:\w+ly\s+)?(?:wrong|incorrect|false|not\b|out\b)"
)
_EXPRESSION = re.compile(
    r"[\s*:$({\\]*-?\d[\d.,/]*\s*(?:[-+*/^\u00d7\u00b7\u2212]\s*)?(?:[\u221a\u221b\u03c0\u00b2\u00b3]|\\?sqrt|\\?pi\b|[(\[]?\\?[xyznkab]\b|\()"
    r"|[\s*:$({\\]*-?\d[\d.,/]*\s+(?:\w+\s+)?(?:divided\s+by|multiplied\s+by|(?:times|plus|minus|over)\s+\S*\d|squared\b|cubed\b|[*\u00d7]\s*[\d(])",
    re.IGNORECASE,
)


def _conditional(one: Around) -> bool:
    """Tell of "if it means the same, then the answer is 8"."""
    return bool(_IF.search(_TURN.split(one.lead)[-1]))


def _conditional_behind(one: Around) -> bool:
    """Tell of "the answer is 8 if it means the same"."""
    return bool(_IF_BEHIND.search(_REASON.split(one.rest)[0]))


def _hypothetical(one: Around) -> bool:
    """Tell of "If x, then y. So the answer would be 8", and of "Suppose x. Then the answer is 8"."""
    then = _THEN.match(one.lead + one.said)
    if not then and not _WOULD.search(one.said):
        return False
    sentence = one.lead + one.said
    if one.before and _EXAMPLE.search(one.before[0]):
        return True
    for earlier in one.before[:CHAIN]:
        if _IN_THAT_CASE.search(earlier):
            return True
        if _TURNS.match(earlier):
            break
    for earlier in one.before[:CHAIN]:
        if not _LINKED.match(sentence):
            return False
        if _PREMISE.search(earlier) or (then and _MAYBE.search(earlier)):
            return True
        sentence = earlier
    return False


def _supposed(one: Around) -> bool:
    """Tell of "perhaps the answer is 8", "let's say the answer is 8", "the answer is possibly 8"."""
    return bool(
        _PERHAPS.search(_TURN.split(one.lead)[-1])
        or _SUPPOSED.search(_STEP_ON.split(one.lead)[-1])
        or _SUPPOSED_IN.search(one.said)
        or _MAYBE.search(_REASON.split(one.rest)[0])
    )


def _altered(one: Around) -> bool:
    """Tell of "perhaps the problem has a typo, and the answer is 8": the answer to another question."""
    linked = _LINKED.match(one.lead + one.said)
    text = " ".join([*(one.before[:2] if linked else []), one.lead])
    return bool(_MISTAKEN.search(text) and _UNSURE.search(text) and _TASK.search(text))


def _listed(one: Around) -> bool:
    """Tell of "the answer choices are (A) ...", "another option is (E)", "a possible answer is 8"."""
    words = one.lead[-60:] + one.said
    return bool(_LISTED.search(words) or _ONE_OF_MANY.search(words) or _RANGE.match(one.rest))


def _several(one: Around) -> bool:
    """Tell of "8 apples and 3 pears", "(F) Stroke or (G) Lithium", "A. But D is correct as well"."""
    behind = _REASON.split(one.rest)[0]
    return bool(
        _LETTERS.search(behind)
        or _NUMBERS.match(behind)
        or _MORE_BOXES.match(one.rest + one.later[:40])
        or _OR_NEXT.match(one.later[:60])
    )


def _under_review(one: Around) -> bool:
    """Tell of "Option D: ... So D is correct": true as a statement, while the options are gone through."""
    if not _TRUE.search(one.said):
        return False
    text = "\n".join([one.head, *reversed(one.before[:CHAIN]), one.lead])
    return bool(_IN_BRACKETS.match(one.said) or _REVIEW.search(text) or _ALSO.search(one.later[:HEAD]))


def _claimed(one: Around) -> bool:
    """Tell of "some might say the answer is 8", "Tom's answer is 8"."""
    return bool(_CLAIMED.search(_TURN.split(one.lead)[-1]) or _THEIRS.search(one.lead[-30:] + one.said))


def _quoted(one: Around) -> bool:
    """Tell of what stands in quotation marks that open before it and close behind it."""
    straight = one.lead.count('"') % 2 == 1 and '"' in one.rest
    return straight or (one.lead.count("\u201c") > one.lead.count("\u201d") and "\u201d" in one.rest)


def _restricted(one: Around) -> bool:
    """Tell of "the answer for L3-L4 is J", "the answer to the first part is 8"."""
    return bool(_RESTRICTED.search(one.said))


def _retracted(one: Around) -> bool:
    """Tell of "The answer is D. Wait, no", and of "... So D is incorrect": taken back in the same step."""
    behind = one.rest + one.later
    return bool(_RETRACTED.search(behind)) or any(out[1] == one.answer for out in _OUT.finditer(behind))


def _unfinished(one: Around) -> bool:
    """Tell of "the answer is 3 - \u221a57 over 2", "20 divided by 2": the number begins an expression."""
    return bool(_EXPRESSION.match(one.rest))


KINDS: dict[str, Callable[[Around], bool]] = {
    "condition": _conditional,
    "condition behind": _conditional_behind,
    "hypothesis": _hypothetical,
    "supposition": _supposed,
    "altered problem": _altered,
    "listing": _listed,
    "several": _several,
    "option under review": _under_review,
    "claim of another": _claimed,
    "quotation": _quoted,
    "restricted": _restricted,
    "retraction": _retracted,
    "expression": _unfinished,
}
"""The kinds of statements that are not arrivals, by name."""



def refused(step: str, said: Stated) -> str | None:
    """Name the kind of what takes the statement back; None where nothing does."""
    one = around(step, said)
    return next((name for name, holds in KINDS.items() if holds(one)), None)


def around(step: str, said: Stated) -> Around:
    """Take a statement's surroundings out of its step."""
    start = said.start + len(said_lead(step, said))
    before = step[max(0, start - BEFORE) : start]
    ends = [0, *(end.end() for end in END.finditer(before))]
    sentences = [before[a:b] for a, b in zip(ends, ends[1:], strict=False)]
    stop = END.search(step, said.end)
    end = stop.end() if stop else len(step)
    return Around(
        head=step[: min(HEAD, start)],
        before=[sentence for sentence in reversed(sentences) if sentence.strip()],
        lead=before[ends[-1] :],
        said=step[start : said.end],
        answer=said.answer,
        rest=step[said.end : min(end, said.end + BEFORE)],
        later=step[end : end + AFTER],
    )


def said_lead(step: str, said: Stated) -> str:
    """Give the punctuation that a statement may begin with, and that belongs to the sentence before."""
    found = re.match(r"[.,;:!?\s]*", step[said.start : said.end])
    return found[0] if found else ""
