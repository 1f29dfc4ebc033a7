r"""Expressions in sentences: "Thus, the diagonal is 6√2 centimeters." contains `6\sqrt{2}`."""

import re

from hsir.grading import formula

_ATOM = (
    r"(?:\\d?frac\{[^{}]{1,40}\}\{[^{}]{1,40}\}|\\sqrt(?:\[\d\])?\{[^{}]{1,60}\}|\\(?:pi|infty)(?![a-zA-Z])\s?"
    r"|\d{1,3}(?:,\d{3})++(?!\d)(?:\.\d+)?|\d++(?:\.\d+)?|\.\d+|(?<![A-Za-z\\])[b-hj-zB-HJ-Z](?![A-Za-z'])"
    r"|\([^()\n]{1,80}\)|\\?\{[^{}\n]{1,80}\}|\[[^\[\]\n]{1,80}[)\]]|\([^()\[\]\n]{1,80}\])"
    r"(?:\^(?:\{[^{}]{1,20}\}|\d|\\circ)|!)?"
)
_RUN = re.compile(
    rf"(?<![A-Za-z0-9_\\.])[-+]?{_ATOM}(?:(?:\s?(?:[-+*/]|\\times|\\cdot|\\cup|\\pm)\s?)?{_ATOM}|\s(?=\\(?:sqrt|pi)){_ATOM})*+"
)
_MEANS = re.compile(r"\d|\\(?:pi|sqrt|frac|infty)")
_ASIDE = re.compile(r"(?<=[\w}]\s)\([^()\n]{1,200}\)")
BOLD = re.compile(r"\*\*(?=\S)([^*\n]{1,80})\*\*")
MARKS = re.compile(r"[\d\u00b2\u00b3\u00bc-\u00be\u03c0\u221a\u221e\\$]")
_SENTENCE_END = re.compile(r"[.!?](?=\s+[A-Z])")
_DENIED = re.compile(
    r"\b(?:not|cannot|neither|never|unless|if|suppose|assume|isn['\u2019]t)\b[^.,;\d]{0,25}$", re.IGNORECASE
)
_AND = re.compile(r"\s?,?\s?(?:and|or)?\s?(?:[A-Za-z]\s?=\s?)?")
# Words that change an expression, or turn it into a bound: "more than 5", "5 or more", "5 squared"
_BOUND_BEFORE = re.compile(
    r"\b(?:(?:more|less|fewer|greater|larger|smaller|higher|lower)\s+than|at\s+(?:least|most)|up\s+to|between|twice|half|double)\s+$",
    re.IGNORECASE,
)
_ALTERED = re.compile(
    r"\s+(?:if|unless|or\s+(?:more|less|fewer|so)|to\s+\d|minus|plus|times|squared|cubed|factorial|dozens?|hundred|thousand"
    r"|(?:m|b|tr)illion|and\s+(?:a|one)\s)\b|\s+or\s+[A-Za-z]{2}",
    re.IGNORECASE,
)
_OR = re.compile(r"(?:[A-Za-z]{2}|\))\s+or\s+$")  # "banana or 0"
_LATER = 400


def paragraph(text: str) -> tuple[str, str]:
    """Return the last paragraph that contains mathematics, and the text before it."""
    end = len(text)
    while end > 0:
        start = text.rfind("\n\n", 0, end)
        start = 0 if start < 0 else start + 2
        if MARKS.search(text, start, end):
            return text[start:end], text[:start]
        end = start - 2
    return text, ""


def result(part: str, before: str) -> str | None:
    """Return the result of a paragraph of prose; None if there is none, or if it is denied.

    The only bold expression; else the one after its last equals sign, or computed last before it; else the last one.
    """
    line = next((line for line in reversed(part.splitlines()) if MARKS.search(line)), part)
    bold = [one for one in map(formula.latex, BOLD.findall(line)) if _RUN.fullmatch(one)]
    if len(set(bold)) == 1:
        return bold[0]
    text = formula.notation(
        _ASIDE.sub(" ", _SENTENCE_END.split(line)[-1]).replace("**", "").replace("\\$", "").replace("$", "")
    )
    found = [run for run in _runs(text) if not _DENIED.search(text[: run.start()][-60:])]
    if not found or text.rstrip().endswith("?"):
        return None
    before_last = text[: found[-1].start()]
    if _OR.search(before_last) or _BOUND_BEFORE.search(before_last) or _ALTERED.match(text, found[-1].end()):
        return None
    equals = max(text.rfind("="), text.rfind("\\approx"))
    behind = [run for run in found if run.start() > equals]
    if equals >= 0:
        return _joint(found[: found.index(behind[0]) + 1], text) if behind else None
    if len(found) > 1:
        computed = _computed(before[-_LATER:])
        if any(run[0] == computed for run in found):
            return computed
    return _joint(found, text)


def _joint(found: list[re.Match[str]], text: str) -> str:
    """Return the last run, with those before it that are joined to it by "and", "or" or a comma."""
    joint = [found[-1]]
    for run in reversed(found[:-1]):
        if not _AND.fullmatch(text, run.end(), joint[0].start()):
            break
        joint.insert(0, run)
    return ", ".join(run[0].strip() for run in joint)


def only(text: str) -> str | None:
    """Return the expression of a short text: a single run, or the only bold one of a sentence."""
    bold = BOLD.findall(text)
    if len(bold) == 1:
        return formula.latex(bold[0])
    plain = formula.latex(text)
    return plain if _RUN.fullmatch(plain) else None


def _runs(text: str) -> list[re.Match[str]]:
    return [run for run in _RUN.finditer(text) if _MEANS.search(run[0])]


def _computed(text: str) -> str | None:
    equals = text.rfind("=")
    found = _runs(formula.notation(text[equals + 1 :].replace("\\$", "").replace("$", ""))) if equals >= 0 else []
    return found[0][0].strip() if found else None
