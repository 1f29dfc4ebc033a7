"""The trace format: steps between blank lines, inside tags (paper, section 3).

<think>
step

step

</think>
<answer>
answer
</answer>
"""

import re

from hsir.splitting import Layout, gaps

STEP_BREAK = "\n\n"
EXIT_PROMPT = "\n\n</think>\n<answer>\n"
TAGS = ("<think>", "</think>", "<answer>", "</answer>")

CLOSED = "</think>"

_OPEN = "<think>\n"
_OPENED_AT_END = re.compile(r"<think>\s{0,9}(?:</think>\s{0,9})?\Z")
_CLOSE = "\n</answer>"
_BRACE = re.compile(r"(?<!\\)[{}]")
_ANSWER = re.compile(r"<answer>((?:(?!<answer>).)*?)</answer>", re.DOTALL)


def split_opening(prompt: str) -> tuple[str, str]:
    """Split a rendered prompt into the prompt and the reasoning tags at its end, with the white space after them."""
    found = _OPENED_AT_END.search(prompt)
    return (prompt, "") if found is None else (prompt[: found.start()], found[0])


def compose(steps: list[str], answer: str) -> str:
    """Build a trace from its steps and its answer."""
    return _OPEN + STEP_BREAK.join(steps) + EXIT_PROMPT + answer + _CLOSE


def reasoning_span(completion: str) -> tuple[int, int]:
    """Return the character span [start, end) of the reasoning, without tags and outer white space.

    If a completion never closes its reasoning (cut off by the token limit), the span extends to its end.
    """
    opened = completion.find("<think>")
    start = 0 if opened < 0 else opened + len("<think>")
    closed = completion.find("</think>", start)
    end = len(completion) if closed < 0 else closed
    inner = completion[start:end]
    if not inner.strip():
        return start, start
    return start + len(inner) - len(inner.lstrip()), start + len(inner.rstrip())


def steps(completion: str, layout: Layout = "blank_line") -> list[tuple[str, int]]:
    """Split the reasoning into (step, end), where `end` is an offset into the completion."""
    start, end = reasoning_span(completion)
    between = gaps(completion, start, end, layout)
    starts, ends = [start, *(gap[1] for gap in between)], [*(gap[0] for gap in between), end]
    parts = [(completion[a:b], b) for a, b in zip(starts, ends, strict=True)]
    return [(part.strip(), b - len(part) + len(part.rstrip())) for part, b in parts if part.strip()]


def reasoning(text: str) -> str:
    """Return the reasoning of a text in any layout: the content of the tags, or the text before the answer."""
    head, closed, _ = text.rpartition(CLOSED)
    if closed:
        return head.partition("<think>")[2] if "<think>" in head else head
    return text.partition("<answer>")[0]


def loose_steps(thoughts: str) -> list[str]:
    """Split a reasoning without its outer tags into steps; tags that are mentioned in it are removed."""
    for tag in TAGS:
        thoughts = thoughts.replace(tag, "")
    if any(tag in thoughts for tag in TAGS):  # nested tags: no trace would parse back to this
        return [thoughts]
    return [step for step, _ in steps(thoughts.replace("\r\n", "\n"))]


def answers(completion: str) -> list[str]:
    """Return the text of every closed answer block, in order, with outer white space stripped."""
    return [block.strip() for block in _ANSWER.findall(completion)]


def final_part(completion: str, must_close: bool = False) -> str | None:
    """Return the text after the reasoning; None if it was opened, or `must_close` is set, and never closed."""
    closed = completion.rfind("</think>")
    if closed >= 0:
        return completion[closed + len("</think>") :]
    return None if must_close or "<think>" in completion else completion


def open_answer(text: str) -> str | None:
    """Return the text after an answer tag that is never closed, for example if generation stops at the closing tag."""
    opened = text.rfind("<answer>")
    return None if opened < 0 else text[opened + len("<answer>") :].strip() or None


def boxed(text: str, most: int = 8) -> list[tuple[int, int, str]]:
    r"""Return (start, end, content) of the last `most` closed \boxed{}, first to last."""
    found: list[tuple[int, int, str]] = []
    before, tried = len(text), 0
    while (start := text.rfind("\\boxed{", 0, before)) >= 0 and tried < most:
        end = _closing(text, start + len("\\boxed{"))
        if end is not None:
            found.append((start, end + 1, text[start + len("\\boxed{") : end].strip()))
        before, tried = start, tried + 1
    return found[::-1]


def last_boxed(text: str) -> str | None:
    r"""Return the content of the last closed \boxed{}."""
    found = boxed(text, most=1) or boxed(text)
    return found[-1][2] if found else None


def _closing(text: str, start: int) -> int | None:
    """Find the closing brace of the group that contains `start`."""
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.start()
    return None
