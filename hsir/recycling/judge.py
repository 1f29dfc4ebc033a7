"""A model as the judge of steps: its prompt, and how its reply is parsed.

The question, the step and the reply are untrusted texts. They are quoted, and never obeyed or evaluated.
"""

import re
from collections.abc import Sequence

from hsir import traces

BEFORE = 1_500
"""Number of characters of the reasoning before a step that are shown to the judge."""

PROMPT = """\
Below are a question, the end of somebody's reasoning about it, and the next step of that reasoning. Judge the step.

<question>
{question}
</question>

<reasoning>
{before}
</reasoning>

<step>
{step}
</step>

Does this step conclude that the answer to the question is {answer}? A step that only mentions {answer}, supposes it,
computes it on the way to something else, doubts it or rules it out does not. Reply with one word: yes or no."""

_WORD = re.compile(r"\b(yes|no)\b", re.IGNORECASE)
_TAG = re.compile(r"</?(?:question|reasoning|step)>", re.IGNORECASE)


def prompt(question: str, answer: str, steps: Sequence[str], number: int) -> str:
    """Build the judge's prompt about a step; a tag inside a quoted text cannot close the quotation."""
    before = traces.STEP_BREAK.join(steps[:number])[-BEFORE:]
    texts = {"question": question, "before": before, "step": steps[number], "answer": answer}
    return PROMPT.format(**{name: _TAG.sub(" ", text) for name, text in texts.items()})


def concluded(reply: str) -> bool | None:
    """Parse a reply: the last yes or no after its reasoning; None if there is neither."""
    said = _WORD.findall(traces.final_part(reply) or "")
    return said[-1].lower() == "yes" if said else None
