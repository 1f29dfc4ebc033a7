"""The result of a sentence or of a last line: its only bold number, the one computed last, or the last one."""

import re

from hsir.grading import numerals, statements
from hsir.grading.reading import BOUND, TAIL, TOKEN, altered, clean, token_value

_NOT = re.compile(r"(?:\bnot|n['\u2019]t)\s+(?:be\s+|equal(?:\s+to)?\s+|=\s*)?[$*]{0,4}$", re.IGNORECASE)
_LABEL = re.compile(r"\b(?:step|line|part|equation)\s+\d+\s*[:.)]|^[ \t]*\d{1,2}[.)]\s", re.IGNORECASE | re.MULTILINE)
# "40 dwarves can mine 43,200 pounds": the number is the sentence's subject, not the answer
_SENTENCE = re.compile(
    r"\W{0,6}[\d,.]+\s(?:[^\W\d_]+\s){1,6}?(?:can|could|will|would|should|must|have|has|are|were|cost|make)\b.*\d"
)
_BEFORE_WORD = re.compile(r"[:=]|\b(?:is|are|equals)\s")
HAS_DIGIT = re.compile(r"[\d\u00bc-\u00be\u2150-\u215e]")
_BOLD = re.compile(r"\*\*(?=\S)([^*\n]{1,80})\*\*")
_ASIDE = re.compile(r"\([^()\n]{1,100}\)")
# "She needs 18 more vlogs to reach her goal of 72": the number after this is not a result
_PURPOSE = re.compile(r"\b(?:to\s+[a-z]+|if|when|because|since|before|while|until)\b", re.IGNORECASE)
# "= 16.7, which rounds to 17", "= 0.5 hours or 30 minutes"
_REVISED = re.compile(r"[^\n]{0,80}?\b(?:round(?:s|ed|ing)?|or|meaning|equals)\b[^\n]{0,40}\d", re.IGNORECASE)


def last(text: str) -> str | None:
    """Read the result of the last line with numbers, or else its last number."""
    for size in (TAIL, 10 * TAIL, len(text)):
        tail = text[-size:]
        end = len(tail)
        while end > 0:
            start = tail.rfind("\n", 0, end) + 1
            if start == 0 and size < len(text):
                break  # the line may begin before the tail
            tokens = tokens_of(tail[start:end])
            if tokens and hedged(tail[start:end]):
                return None
            if tokens:
                return _result(tokens, tail[start:end], tail[:start])
            end = start - 1
        if size >= len(text):
            break
    return None


def in_sentence(text: str, cue: re.Match[str], found: str | None) -> str | None:
    """Read the number of the sentence after "Answer:": "Rosie can run **50 miles** in 7 hours"."""
    sentence = text[cue.end() :].lstrip().split("\n", 1)[0]
    if found and not _SENTENCE.match(sentence):
        return found
    tokens = tokens_of(sentence)
    return _result(tokens, sentence, text[: cue.start()]) if tokens and not hedged(sentence) else None


def hedged(line: str) -> bool:
    """Return whether a line states a bound or a range as the answer: "the answer is at least 5"."""
    said = statements.FINAL.search(line)
    rest = clean(line[said.end() :]) if said else ""
    token = TOKEN.search(rest)
    return bool(token and (BOUND.search(rest[: token.start()]) or altered(rest, token.end())))


def in_words(text: str) -> str | None:
    """Read the number in words that ends a text without digits: `five`, `Result: three apples.`"""
    line = text.rstrip()[-TAIL:].rsplit("\n", 1)[-1]
    word = _BEFORE_WORD.split(line)[-1].strip("*_`. ")
    return word if word and numerals.spelt(word) is not None else None


def tokens_of(line: str) -> list[re.Match[str]]:
    """Find the numbers of a line, without step numbers and denied ones."""
    if not HAS_DIGIT.search(line):
        return []
    line = _LABEL.sub(" ", clean(line))
    return [
        token for token in TOKEN.finditer(line) if not _NOT.search(line[max(0, token.start() - 20) : token.start()])
    ]


def _result(tokens: list[re.Match[str]], line: str, before: str) -> str:
    """Choose a number of the last line: the only bold one, else the one computed last, else the last one.

    "= 120. So Tim deals with 120 calls during his 5-day week." yields 120.
    """
    if len(tokens) > 1:
        bold = {token[0].strip() for part in _BOLD.findall(line) for token in tokens_of(part)}
        if len(bold) == 1:
            return bold.pop()
        computed = _computed(line if "=" in line else before[-2 * TAIL :])
        wanted = token_value(computed) if computed else None
        if computed and wanted is not None and any(token_value(token) == wanted for token in tokens):
            return computed[0].strip()
    text = tokens[-1].string
    aside = [found.span() for found in _ASIDE.finditer(text)]
    purpose = _PURPOSE.search(text, tokens[0].end()) if "=" not in text else None
    if purpose:
        aside.append((purpose.start(), len(text)))
    main = [token for token in tokens if not any(start < token.start() < end for start, end in aside)]
    return (main or tokens)[-1][0].strip()


def _computed(text: str) -> re.Match[str] | None:
    """Find the result after the last equals sign; none if it is rounded or converted afterwards."""
    text = clean(text)
    equals = text.rfind("=")
    found = TOKEN.search(text, equals, equals + 40) if equals >= 0 else None
    return None if found is None or _REVISED.match(text, found.end()) else found
