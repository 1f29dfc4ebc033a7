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

STEP_BREAK = "\n\n"
EXIT_PROMPT = "\n\n</think>\n<answer>\n"
TAGS = ("<think>", "</think>", "<answer>", "</answer>")

_OPEN = "<think>\n"
_CLOSE = "\n</answer>"
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


def compose(steps: list[str], answer: str) -> str:
    """Write a trace from its steps and its answer."""
    return _OPEN + STEP_BREAK.join(steps) + EXIT_PROMPT + answer + _CLOSE


def reasoning_span(completion: str) -> tuple[int, int]:
    """Give the characters [start, end) of the reasoning, tags and outer white space left out.

    A completion that never closes its reasoning (cut off by the token limit) ends where it ends.
    """
    opened = completion.find("<think>")
    start = 0 if opened < 0 else opened + len("<think>")
    closed = completion.find("</think>", start)
    end = len(completion) if closed < 0 else closed
    inner = completion[start:end]
    return start + len(inner) - len(inner.lstrip()), start + len(inner.rstrip())


def steps(completion: str) -> list[tuple[str, int]]:
    """Split the reasoning at blank lines into (step, end), `end` an offset into the completion."""
    start, end = reasoning_span(completion)
    found = []
    for part in re.finditer(r"(?:(?!\n\s*\n).)+", completion[start:end], re.DOTALL):
        if part.group().strip():
            found.append((part.group().strip(), start + part.start() + len(part.group().rstrip())))
    return found


def answers(completion: str) -> list[str]:
    """Give the text of every closed answer block, in order, outer white space stripped."""
    return [block.strip() for block in _ANSWER.findall(completion)]
