"""Multiple choice: a letter of the question's options, or the full text of one of them."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from pydantic import Field

from hsir import traces
from hsir.grading import reading, statements, wordings
from hsir.grading.base import Choices, Grader, Place, Stated

LETTERS = "ABCDEFGHIJ"
"""Letters assumed if a question's options are not given."""

# Letters of scripts without spaces may follow it.
_LETTER = r"([A-Z])(?![^\W\u2e80-\ud7ff]|['\u2019-]\w|\+)"
_AT = re.compile(_LETTER)
_AFTER = re.compile(r"[\s)*\].:}\"'\u201d$\u3002,-]*")
# More letters after one: "A or B", "A, C", "A and D"; not words that merely start with a letter.
_MORE = re.compile(
    r"[.)*]*+[^\S\n]*+\n\s*+[(*]*+[A-J][.)*]*+\s*+$|[\s)*\]\"']*+(?:,|/|&|\b(?:or|and|ou|et|oder|und|o|y|e)\b|\u6216|\u548c|\u3001)\s*+(?:(?:or|and)\b\s*+)?"
    r"(?:(?:maybe|perhaps|possibly|probably)\s++)?(?:option\s++)?[\s(*\[\"']*+[A-J](?![\w'\u2019])"
)
_SHORT = re.compile(
    rf"(?i:\W*+(?:(?:the\s+)?(?:final\s+|correct\s+)?(?:option|choice|answer|letter|response)\b(?:\s+is\b)?)?)\W*?{_LETTER}"
)
_BARE = re.compile(
    r"(?:[-\u2022>]\s)?(?:[*_#\s]*(?i:(?:final\s+)?(?:option|choice|answer|response))[*\s]*:?)?\s*"
    rf"(?:[*_`$]*\(?{_LETTER}[).]?|[*_`$]*\[{_LETTER}\])[*_`$.\s]*"
)
LONGEST = 2000
"""Maximum number of characters of an option's text."""

_SPELT = 4
"""Minimum number of characters of an option's text for finding it inside sentences."""

SHORT = 300
"""Maximum number of characters of a text that starts with a letter, without the option's text after it."""

_LOWER = re.compile(r"\W*([a-z])\W*")
_LOWER_HEADS = re.compile(r"\W*([a-z])[).:\]]+\s*(?=\S)")
_LOWER_AT = re.compile(r"([a-z])(?:[).*\]\"']*[ \t]*(?:$|\n)|[)\]])")
# Retractions of a letter: "B is wrong", "A isn't it".
_TAKEN_BACK = re.compile(
    r"[\s)*\]\"']*(?:\b(?:is|was|seems|would\s+be|can|could|does)(?:n['\u2019]t|\s+(?:(?:the|an?|most|\w+ly)\s+){0,3}"
    r"(?:not|never|wrong|incorrect|false|unlikely|excluded|eliminated|ruled\s+out))|\b(?:could|might|may)\s+be|\bcannot|\bcan['\u2019]t)\b",
    re.IGNORECASE,
)
# Continuations that turn an option's text into a different answer: "aspirin and heparin", "27 minutes or 30".
_EXTENDED = re.compile(r"[\s(]*(?:and|or|with|without|plus|but|nor|to|not|is|are|was|of|if|and/or)\b|\s*[-+/&]")
_BECAUSE = re.compile(r",?(?<!\s)\s+(?:because|since|as|due\s+to)\s", re.IGNORECASE)
_PICKS = re.compile(
    r"\b(?:it[\u2019']?s|it\s+(?:is|must\s+be|should\s+be)|(?:choose|pick|select)\b|go(?:ing)?\s+with|opt(?:ing)?\s+for"
    r"|(?:correct|right|best|final|selected|chosen)\s+(?:answer|choice|option|one)(?:\s+(?:is|would\s+be|should\s+be|must\s+be)\b|\**\s*:)"
    r"|(?:choice|option)\s+(?:is|must\s+be|should\s+be|would\s+be))"
    r"\s*:?\s*(?:(?:definitely|therefore|thus|likely|probably|option|choice|letter|answer)\s+)*",
    re.IGNORECASE,
)
_CONFIRMED = re.compile(
    r"(?:\b(?i:option|choice|answer|so|then|thus|therefore|think|believe|that)\s+|^|[.,;:!?\n(*]\s{0,3})"
    rf"[(*\[]{{0,4}}{_LETTER}[)\]*\"'\u201d]{{0,4}}(?:\s*\([^()\n]{{0,80}}\)|,\s[^,.!?\n;]{{0,80}},)?"
    r"\s+(?:is|would\s+be|must\s+be|should\s+be)\s+(?:therefore\s+|thus\s+|indeed\s+)?(?:the\s+)?(?:most\s+)?"
    r"(?:correct|right|best|appropriate|final)\b(?:\s+(?:answer|choice|option))?"
    r"(?=\s*(?:[.,;!)*\n]|$|because\b|since\b))"
)
_HEADS = re.compile(rf"[\s(*\[\"'#]*{_LETTER}(?=[)\].:*\u3002\s]|$)")
_BOLD_LINE = re.compile(r"\*\*\(?[A-J][).:]{1,2}\s[^*]{1,200}\*\*")
_GENUS = re.compile(r"\.\s?[a-z]")
_REASON = re.compile(
    r"[\s)*\].:\"']*(?:$|[\n.;,!?(\u2013\u2014-]|because|since|as\b|which|for\b|is\b|not\b|non\b|with\b|due\b)", re.I
)


class Choice(Grader):
    """The letter of an option; the full text of an option counts as its letter if it is unique."""

    kind: Literal["choice"] = "choice"
    fallbacks: tuple[Place, ...] = Field(
        ("open_tag", "boxed", "stated", "alone"),
        description="Places to look for the answer, in order, if there are no closed tags.",
    )

    def check_gold(self, gold: str, options: Choices | None = None) -> str:
        letter = read(gold, options)
        if letter is None:
            raise ValueError(f"{gold!r} is none of the options {', '.join(options or LETTERS)}")
        return letter

    def alternatives(self, gold: str, options: Choices | None = None) -> list[str]:
        return [letter for letter in options or () if self.same(letter, gold, options) is False]

    def same(self, answer: str, gold: str, options: Choices | None = None) -> bool | None:
        given, wanted = read(answer, options), read(gold, options)
        return None if given is None or wanted is None else given == wanted

    def find(self, place: Place, text: str, options: Choices | None) -> str | None:
        if place == "boxed":
            contents = [content for _, _, content in traces.boxed(text) if read(content, options)]
            return contents[-1] if contents else None
        if place == "alone":
            return _alone(text, options)
        return super().find(place, text, options)

    def _latest(self, text: str, options: Choices | None) -> Stated | None:
        found = [*self.stated(text, options), *_worded(text, options)]
        return max(found, key=lambda stated: stated.start, default=None)

    def stated(self, text: str, options: Choices | None = None) -> Iterator[Stated]:
        for start, end, content in traces.boxed(text):
            if read(content, options) and not statements.undone(text, start, end):
                yield Stated(content, start, end)
        for cues in (statements.CUE, _PICKS):
            for cue in cues.finditer(text):
                # "because it is heparin" names no option: after "it is", only a letter does.
                found = at(text, cue.end(), options, spelt=not cue[0].lower().startswith("it"))
                if found and not statements.undone(text, cue.start(), found[1]):
                    yield Stated(found[0], cue.start(), found[1])
        for said in _CONFIRMED.finditer(text):
            if has(said[1], options) and not statements.undone(text, said.start(), said.end()):
                yield Stated(said[1], said.start(), said.end())


def _worded(text: str, options: Choices | None) -> Iterator[Stated]:
    """Return the answers found by the tables of wordings, and options whose text is called correct."""
    for cue in wordings.before.finditer(text):
        found = at(text, cue.end(), options)
        if found and not statements.undone(text, cue.start() + len(cue[0]) - len(cue[0].lstrip()), found[1]):
            yield Stated(found[0], cue.start(), found[1])
    for pattern in wordings.after:
        for said in pattern.finditer(text):
            if has(said[1], options) and not statements.undone(text, said.start(), said.end()):
                yield Stated(said[1], said.start(), said.end())
    for letter, option in (options or {}).items():
        start = text.casefold().rfind(option.casefold()) if len(option) >= _SPELT else -1
        correct = wordings.CORRECT.match(text, start + len(option)) if start >= 0 else None
        apart = text[max(0, start - 1) : start] in ("", " ", "*", '"')
        if correct and apart and not statements.undone(text, start, correct.end()):
            yield Stated(letter, start, correct.end())


def has(letter: str, options: Choices | None) -> bool:
    """Return whether the question has an option with this letter."""
    return letter in options if options else letter in LETTERS


def read(text: str, options: Choices | None = None) -> str | None:
    """Return the letter that a short answer stands for; None if there is none, or several."""
    text = text.strip()
    if len(text) == 1 and text.isalpha():
        return text.upper() if has(text.upper(), options) else None
    text = _unwrapped(text[:LONGEST])
    return _of_text(text, options) or _of_letter(text[:SHORT], options) or _of_number(text, options)


def _of_letter(text: str, options: Choices | None) -> str | None:
    alone = _LOWER.fullmatch(text)
    if alone:
        return alone[1].upper() if has(alone[1].upper(), options) else None
    found = _SHORT.match(text)
    if found is None or not has(found[1], options) or _MORE.match(text, found.end(1)):
        return _at_end(text, options) or _lower(text, options)
    if _TAKEN_BACK.match(text, found.end(1)):
        return None
    rest = text[_AFTER.match(text, found.end(1)).end() :]  # type: ignore[union-attr]
    if not rest or (options and _plain(rest) == _plain(options[found[1]])):
        return found[1]
    if _is_word(text, found, options, rest):
        return None
    return found[1]


def _is_word(text: str, letter: re.Match[str], options: Choices | None, rest: str) -> bool:
    """Return whether a capital letter begins a phrase: "A patient", "E. coli", "I think"."""
    text_of = _plain(options[letter[1]])[:12] if options else ""
    if text_of and _plain(rest).startswith(text_of):
        return False
    if _GENUS.match(text, letter.end(1)) and not _REASON.match(text, letter.end(1) + 1):
        return True
    following = text[letter.end(1) : letter.end(1) + 2]
    return letter[1] in "AI" and following[:1] == " " and following.isascii() and not _REASON.match(text, letter.end(1))


def _at_end(text: str, options: Choices | None) -> str | None:
    """Read `Aspirin (B)`."""
    found = re.search(r"[(\[]\s*([A-Z])\s*[)\]]\W*$", text[-20:])
    text_of = options.get(found[1]) if found and options else None
    return found[1] if found and text_of and _plain(text_of) in _plain(text) else None


def _lower(text: str, options: Choices | None) -> str | None:
    """Read `b) Heparin`."""
    found = _LOWER_HEADS.match(text)
    text_of = options.get(found[1].upper()) if found and options else None
    return found[1].upper() if found and text_of and _plain(text[found.end() :]) == _plain(text_of) else None


def _of_text(text: str, options: Choices | None) -> str | None:
    return _by_text(tuple(options.items())).get(_plain(text)) if options else None


def _of_number(text: str, options: Choices | None) -> str | None:
    """Read a number as the only option that contains it: `32` if B is "32 degrees"."""
    if not options or not reading.plain(text):
        return None
    value = reading.value(text)
    same = [letter for letter, option in options.items() if reading.value(option) == value]
    return same[0] if len(same) == 1 else None


@lru_cache(maxsize=4096)
def _by_text(options: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Index the options by their text; a text shared by two of them stands for neither."""
    plain = [(_plain(text), letter) for letter, text in options]
    texts = [text for text, _ in plain]
    return {text: letter for text, letter in plain if text and texts.count(text) == 1}


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[*_`\"'\u2018\u2019\u201c\u201d]", "", text)).strip(" .;:,()").casefold()


def _unwrapped(text: str) -> str:
    if "\\" in text:
        text = re.sub(r"\\(?:text|textbf|mathbf|mathrm|textrm|mbox|boxed|bf)\s*\{([^{}]*)\}", r"\1", text)
        text = re.sub(r"\\[()\[\]]", "", text)
    return text.strip(" $\n\t")


def at(text: str, start: int, options: Choices | None, spelt: bool = True) -> tuple[str, int] | None:
    """Read the letter, or the option's full text, at `start`."""
    begin = statements.opening(text, start)
    found = _AT.match(text, begin)
    if found and has(found[1], options):
        if _MORE.match(text, found.end(1)):
            return None
        after = _AFTER.match(text, found.end(1)).end()  # type: ignore[union-attr]
        rest = re.split(r"[.\n]", text[after : after + 200], maxsplit=1)[0]
        if not _is_word(text, found, options, rest):
            return found[1], found.end(1)
    small = _LOWER_AT.match(text, begin)
    if small and has(small[1].upper(), options):
        return small[1].upper(), small.end(1)
    return _text_at(text, begin, options) if spelt and options else None


def _text_at(text: str, begin: int, options: Choices) -> tuple[str, int] | None:
    """Read the full text of an option: `heparin`, `heparin (B)`, `heparin, because ...`."""
    line = re.split(r"[\n;]|\.(?=\s|$)", text[begin : begin + 400], maxsplit=1)[0]
    for part in (line, re.sub(r"\s*\(([A-Z])\)\W*$", "", line), _BECAUSE.split(line, maxsplit=1)[0]):
        letter = _of_text(part, options)
        if letter:
            return letter, begin + len(part)
    return _headed_by(line, begin, options)


def _headed_by(line: str, begin: int, options: Choices) -> tuple[str, int] | None:
    """Read an option's text followed by more words: "27 minutes after scaling"; the longest one that fits."""
    plain = line.lstrip("*_\"' ").casefold()
    fits = [(option, letter) for letter, option in options.items() if plain.startswith(f"{option.casefold()} ")]
    option, letter = max(fits, key=lambda fit: len(fit[0]), default=("", ""))
    if " " not in option or _EXTENDED.match(plain, len(option)):
        return None
    return letter, begin + len(option)


def _alone(text: str, options: Choices | None) -> str | None:
    """Read a letter, or an option, that is the whole text, its last line, or its beginning: "B. Aspirin"."""
    lines = [line.strip(" \t_") for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    if len(lines) == 1 and len(lines[0]) < 8 and _LOWER.fullmatch(lines[0]):
        return lines[0] if read(lines[0], options) else None
    bold = [line for line in lines if _BOLD_LINE.fullmatch(line)]
    if len(bold) == 1:
        return bold[0] if read(bold[0], options) else None
    heads = {head[1] for head in map(_HEADS.match, lines) if head}
    if len(heads) > 1:  # the options, checked one by one
        return None
    if _BARE.fullmatch(lines[-1]) or _of_text(lines[-1], options) or (options and _spelt_out(lines[-1], options)):
        return lines[-1] if read(lines[-1], options) else None
    head = _HEADS.match(lines[0])
    if head and (len(text) <= SHORT or (options and _spelt_out(lines[0], options))):
        return lines[0] if read(lines[0], options) else None
    return None


def _spelt_out(line: str, options: Choices) -> bool:
    """Return whether a line consists of a letter and its option's text: `B. Aspirin`."""
    head = _HEADS.match(line)
    return bool(head) and _plain(line[head.end(1) :].lstrip("):.]* ")) == _plain(options.get(head[1], "\n"))  # type: ignore[index,union-attr]
