"""What rejects a statement of the answer, by kind, and what does not."""

import pytest

from hsir.grading import Choice, Grader, Math, Number, Text, YesNo
from hsir.recycling import refusals
from hsir.recycling.matchers import Explicit

OPTIONS = {"A": "Aspirin", "B": "Heparin", "C": "CT scan", "D": "No treatment", "E": "Two of them"}

REFUSED = [
    ("condition", "If it leaks, then the answer is B.", "B"),
    ("condition", "If the tank holds twice as much, the answer is 14.", "14"),
    ("condition", "So if we count both ends, then the answer would be 14.", "14"),
    ("condition", "But in that case, the answer is 14.", "14"),
    ("condition", "Assuming four weeks per month, the answer is 14.", "14"),
    ("condition", "Unless she was paid twice, the answer is $14.", "14"),
    ("condition", "Suppose each box is full, then the answer is 14.", "14"),
    ("condition", "If the ECG is normal, then B is correct.", "B"),
    ("condition", "If the scan shows nothing (as is usual in E. coli disease), then B is the correct answer.", "B"),
    ("condition", "If whales were fish, the answer is yes.", "yes"),
    ("condition", "If x is positive, then the answer is $\\frac{1}{2}$.", "\\frac{1}{2}"),
    ("condition after", "The answer is 14, provided that no one else came.", "14"),
    ("condition after", "The answer is B in that case, depending on the dose, if she is pregnant.", "B"),
    ("hypothesis", "So if the pulse is weak, then fluids come first. So the answer would be B.", "B"),
    ("hypothesis", "Suppose she works six days. Then the answer is 14.", "14"),
    ("hypothesis", "In that case, the nerve is cut. So the hand drops. So the answer would be B.", "B"),
    ("hypothesis", "Maybe he bought two. Then the answer would be 14.", "14"),
    ("hypothesis", "For example, if two songs last 6 and 8 minutes, how long are both? The answer would be 14.", "14"),
    ("supposition", "Perhaps each has two, so the answer is 14.", "14"),
    ("supposition", "Let's say the answer is 14.", "14"),
    ("supposition", "The answer is possibly B.", "B"),
    ("supposition", "I thought the answer is 14.", "14"),
    ("supposition", "The answer is 14, maybe.", "14"),
    ("altered problem", "The question might have a typo. Therefore, the answer is 14.", "14"),
    ("altered problem", "If it was a misprint and should say 7, the answer would be 14.", "14"),
    ("listing", "The answer choices are (B) Heparin and others.", "B"),
    ("listing", "The answer options are: B. Heparin", "B"),
    ("listing", "Another option is (B).", "B"),
    ("listing", "The other choice is B.", "B"),
    ("listing", "A possible answer is 14.", "14"),
    ("listing", "The first answer is 14.", "14"),
    ("several", "The answer is B) Heparin or D) No treatment.", "B"),
    ("several", "The correct answers are likely B (Heparin) and C (CT scan).", "B"),
    ("several", "The correct answer is probably (A) Aspirin, (B) Heparin, or (C) CT scan.", "A"),
    ("several", "The answer is 14 plates and 3 cups.", "14"),
    ("several", "The answer is 14 (or maybe 15).", "14"),
    ("several", "The values are \\boxed{14} and \\boxed{15}.", "14"),
    ("option under review", "Option B: thins the blood. Yes, it does. So B is correct.", "B"),
    ("option under review", "(B) Heparin. It acts at once. So B is correct.", "B"),
    ("option under review", "Heparin (B): Acts at once. So B is correct.", "B"),
    ("option under review", "1. Heparin acts at once (B is correct).", "B"),
    ("claim of others", "Some might say that the answer is 14.", "14"),
    ("claim of others", "The user says the answer is 14.", "14"),
    ("claim of others", "Tom's answer is 14.", "14"),
    ("claim of others", "My friend claims that the answer is yes.", "yes"),
    ("quotation", 'The note reads "the answer is 14" in red ink.', "14"),
    ("restricted", "The answer for the red boxes is 14.", "14"),
    ("restricted", "The answer that fits the first clue is B.", "B"),
    ("restricted", "The answer to the first question is 14.", "14"),
    ("restricted", "First, do whales have lungs? The answer is yes.", "yes"),
    ("supposition", "Alternatively, maybe they meant halves, but then again, the answer is 14.", "14"),
    ("several", "The answer is 14 cups, $36.", "14"),
    ("retraction", "To say that the answer is 14 is wrong.", "14"),
    ("retraction", "The answer is 14. Wait, no.", "14"),
    ("retraction", "The answer is 14. But that's not right, as some were lost.", "14"),
    ("retraction", "So the answer is B. Hmm, that can't be. The dose is too low.", "B"),
    ("retraction", "So the answer is B. But the dose is low. So B is incorrect.", "B"),
    ("retraction", "Hence \\boxed{14}. Actually, I made a mistake above.", "14"),
    ("expression", "The answer is 14\u221a3.", "14"),
    ("expression", "The answer is 14 divided by 2.", "14"),
    ("expression", "The answer is 14 - \u221a57 over 2.", "14"),
]  # fmt: skip

HELD = [
    ("Since no one else came, the answer is 14.", "14"),
    ("If each pays 7, two pay 14. So the answer is 14.", "14"),
    ("Even if some were lost, the answer is 14.", "14"),
    ("If I recall correctly, the answer is B.", "B"),
    ("If it were a misprint, it would be 12, but it is not, so the answer is 14.", "14"),
    ("Maybe 7 days. Therefore, the answer would be 14.", "14"),
    ("Perhaps a month has 4 weeks here. Therefore, the answer is 14.", "14"),
    ("In this case, the answer is B.", "B"),
    ("So the answer would be B, since the others are harmless.", "B"),
    ("The answer is B (Heparin).", "B"),
    ("The answer is B, not C.", "B"),
    ("The answer is B rather than (C) CT scan.", "B"),
    ("The answer is B because A and C are too slow.", "B"),
    ("The best option is B.", "B"),
    ("The only possible answer is B.", "B"),
    ("I'll go with B.", "B"),
    ("A and C are wrong. So B is the correct answer.", "B"),
    ("The drug acts at once, and it is safe. So option B is correct.", "B"),
    ("The answer is 14. However, let me check that.", "14"),
    ("The answer is 14. But wait, what if he had two?", "14"),
    ("The answer is B. But I'm not entirely sure.", "B"),
    ("The answer is 14 dollars and not 15.", "14"),
    ("The answer to this question is 14.", "14"),
    ("The answer to the problem is 14.", "14"),
    ("We can see that the answer is 14.", "14"),
    ("The answer in simplest form is 14.", "14"),
    ("So what is left? The answer is 14.", "14"),
    ("The problem says 7 each; two of them, so the answer is 14.", "14"),
    ("The final answer is \\boxed{14}.", "14"),
    ("So the answer is no, because whales are mammals.", "no"),
    ("The answer is $\\frac{1}{2}$, as above.", "\\frac{1}{2}"),
    ('The answer is "B".', "B"),
]  # fmt: skip


def grader(gold: str) -> Grader:
    if gold in OPTIONS:
        return Choice()
    if gold in ("yes", "no"):
        return YesNo()
    return Number() if gold.isdigit() else Math()


def options(gold: str) -> dict[str, str] | None:
    return OPTIONS if gold in OPTIONS else None


@pytest.mark.parametrize(("kind", "step", "gold"), REFUSED)
def test_what_is_retracted_does_not_reach_the_answer(kind: str, step: str, gold: str) -> None:
    assert not Explicit()(step, gold, grader(gold), options(gold))
    read = [
        one for one in grader(gold).stated(step, options(gold)) if grader(gold).same(one.answer, gold, options(gold))
    ]
    assert {refusals.refused(step, one) for one in read} <= {kind}


@pytest.mark.parametrize(("step", "gold"), HELD)
def test_what_is_not_retracted_reaches_the_answer(step: str, gold: str) -> None:
    assert Explicit()(step, gold, grader(gold), options(gold))


def test_every_kind_has_a_case() -> None:
    assert {kind for kind, _, _ in REFUSED} == set(refusals.KINDS)


def test_the_last_statement_that_holds_decides() -> None:
    step = "So the answer is 14. Hmm, one was lost, so the answer is 13."
    assert not Explicit()(step, "14", Number())
    assert Explicit()(step, "13", Number())


def test_text_answers_are_rejected_by_the_same_words() -> None:
    assert Explicit()("So the answer is Paris.", "Paris", Text())
    assert not Explicit()("If he flew north, the answer is Paris.", "Paris", Text())
