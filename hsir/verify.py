"""Verdicts: does a completion arrive at the gold answer? (paper, section 3.1: none found is wrong)"""

from typing import NamedTuple

from hsir.tasks.base import BaseTask, Verdict


class Judgement(NamedTuple):
    """A verdict, and the answer that it is about, if there was one."""

    extracted: str | None
    verdict: Verdict


def judge(task: BaseTask, completion: str, gold: str) -> Judgement:
    """Grade one completion.

    `no_answer`: it gives none. `undecided`: it gives several that differ, or one that cannot be compared.
    """
    found = task.extract(completion)
    if not found:
        return Judgement(None, "no_answer")
    if len(found) > 1:
        return Judgement(" | ".join(found), "undecided")
    same = task.equal(found[0], gold)
    verdict: Verdict = "undecided" if same is None else "right" if same else "wrong"
    return Judgement(found[0], verdict)
