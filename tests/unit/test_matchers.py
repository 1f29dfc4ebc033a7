"""When a step reaches the gold answer, and when it only seems to."""

import pytest

from hsir.grading import Auto, Choice, Grader, Math, Number, YesNo
from hsir.recycling.matchers import Explicit, Known, Probe


def grader(gold: str) -> Grader:
    return Choice() if len(gold) == 1 and gold.isalpha() else Auto()


STATED = [
    ("So the answer is 42.", "42"),
    ("So the answer is 42", "42"),
    ("SO THE ANSWER IS 42!", "42"),
    ("The answer is 42, which we check.", "42"),
    ("The answer is 42 coins.", "42"),
    ("Answer: 42", "42"),
    ("**Answer:** 42", "42"),
    ("The final answer is: **42**", "42"),
    ("The answer should be $42$.", "42"),
    ("The answer must be \\boxed{42}.", "42"),
    ("The answer is $\\boxed{42}$.", "42"),
    ("Therefore we get \\boxed{42}.", "42"),
    ("The answer is \\(42\\).", "42"),
    ("The answer is -42.", "-42"),
    ("The answer is 1,200.", "1,200"),
    ("The answer is 1,200.", "1200"),
    ("The answer is 3.5.", "3.5"),
    ("First, 20+22=42. So the answer is 42.", "42"),
    ("The answer is not 41. The answer is 42.", "42"),
    ("Is it 41? No, the answer is 42.", "42"),
    ("The answer is A.", "A"),
    ("The answer is (A).", "A"),
    ("the answer is option A.", "A"),
    ("The answer is \\text{A}.", "A"),
    ("answer: **A**", "A"),
    ("The answer is A: the first one.", "A"),
    ("The answer is new york.", "New York"),
    ("The answer is (2, 3).", "(2, 3)"),
    ("The answer is 50%.", "50%"),
]

NOT_STATED = [
    ("So the answer is 120.", "12"),
    ("So the answer is 412.", "12"),
    ("The answer is not 42.", "42"),
    ("The answer isn't 42.", "42"),
    ("The answer is 42?", "42"),
    ("Could it be that the answer is 42, perhaps?", "42"),
    ("I do not think the answer is 42.", "42"),
    ("It is not true that the answer is 42.", "42"),
    ("It cannot be that the answer is 42.", "42"),
    ("I don\u2019t think the answer is 42.", "42"),
    ("The answer is 12 + (5).", "12"),
    ("If the answer is 42, then x is 1.", "42"),
    ("Suppose the answer is 42; then x is 1.", "42"),
    ("20+22=42.", "42"),
    ("We want the answer. There are 42 coins.", "42"),
    ("The answer is 42.5.", "42"),
    ("The answer is 42.", "42.5"),
    ("The answer is 0.42.", "42"),
    ("The answer is -42.", "42"),
    ("The answer is 42.", "-42"),
    ("The answer is 1,200.", "200"),
    ("The answer is 1,200.", "1"),
    ("The answer is 42/7.", "42"),
    ("The answer is 12+5=17.", "12"),
    ("The answer is 12 + 5 = 17.", "12"),
    ("Then the answer is 42 - 3 = 39.", "42"),
    ("The answer is 10:30.", "10"),
    ("The answer is xx2+1.", "x.2+1"),
    ("The answer is a bit tricky.", "A"),
    ("The answer is a number below 10.", "A"),
    ("The answer is either A or B.", "A"),
    ("The answer is A or B.", "A"),
    ("The answer is A, B, C or D.", "A"),
    ("A. 42\nB. 43\nC. 44", "A"),
    ("A. 42 B. 43 C. 44", "42"),
    ("The answer is New Yorker.", "New York"),
    ("", "42"),
]


@pytest.mark.parametrize(("step", "gold"), STATED)
def test_a_stated_answer_is_seen(step: str, gold: str) -> None:
    assert Explicit()(step, gold, grader(gold))


@pytest.mark.parametrize(("step", "gold"), NOT_STATED)
def test_an_answer_that_is_not_stated_is_not_seen(step: str, gold: str) -> None:
    assert not Explicit()(step, gold, grader(gold))


OPTIONS = {"A": "Aspirin", "B": "Heparin", "C": "Aspirin and heparin", "D": "No treatment"}
CHOICE_STATED = [
    ("So the answer is B.", "B"),
    ("The answer is (B) Heparin.", "B"),
    ("The answer is heparin.", "B"),
    ("The correct answer is aspirin and heparin.", "C"),
    ("Option B is correct.", "B"),
    ("Therefore, the best answer is **B**.", "B"),
    ("\\boxed{B}", "B"),
    ("\\boxed{\\text{Heparin}}", "B"),
]
CHOICE_NOT_STATED = [
    ("The options are A. Aspirin, B. Heparin, C. Aspirin and heparin.", "B"),
    ("The answer is B or C.", "B"),
    ("The answer is not B.", "B"),
    ("Option B is not correct.", "B"),
    ("Maybe the answer is B.", "B"),
    ("The answer is E.", "E"),
    ("The answer is aspirin and heparin.", "A"),
    ("Heparin thins the blood.", "B"),
    ("A patient needs heparin. The answer depends on it.", "A"),
    ("The answer is B. coli, of course.", "B"),
]


@pytest.mark.parametrize(("step", "gold"), CHOICE_STATED)
def test_a_stated_choice_is_seen(step: str, gold: str) -> None:
    assert Explicit()(step, gold, Choice(), OPTIONS)


@pytest.mark.parametrize(("step", "gold"), CHOICE_NOT_STATED)
def test_a_choice_that_is_not_stated_is_not_seen(step: str, gold: str) -> None:
    assert not Explicit()(step, gold, Choice(), OPTIONS)


YES_STATED = ["So the answer is yes.", "The answer is Yes, because it is.", "The answer (yes or no) is: **Yes**"]
YES_NOT_STATED = [
    "The answer is not yes.", "The answer is yes or no.", "The answer is no.", "If the answer is yes, it floats.",
    "Yes, I see the question.", "Is the answer yes?", "The answer is yesterday's.",
]  # fmt: skip


@pytest.mark.parametrize("step", YES_STATED)
def test_a_stated_yes_is_seen(step: str) -> None:
    assert Explicit()(step, "yes", YesNo())


@pytest.mark.parametrize("step", YES_NOT_STATED)
def test_a_yes_that_is_not_stated_is_not_seen(step: str) -> None:
    assert not Explicit()(step, "yes", YesNo())


def test_equal_values_arrive() -> None:
    assert Explicit()("The answer is $42.00.", "42", Number())
    assert Explicit()("The answer is $\\frac{1}{2}$.", "\\dfrac{1}{2}", Math())
    assert not Explicit()("The answer is $\\frac{1}{3}$.", "\\dfrac{1}{2}", Math())


SHARES = {"k10-probe": {0: 0.0, 1: 1.0, 2: 0.0, 4: 1.0, 6: 1.0, 7: 0.5}}


@pytest.mark.parametrize(
    ("confidence", "stable", "arrived"),
    [(1.0, 0, [1, 4, 6]), (1.0, 1, [4]), (0.5, 1, [4, 6, 7]), (0.5, 2, [4, 6, 7]), (0.6, 2, [])],
)
def test_probe_accepts_a_step_where_the_policy_answers_correctly_and_continues_to(
    confidence: float, stable: int, arrived: list[int]
) -> None:
    """Steps 3 and 5 were not probed, so they never arrive; at the end fewer later steps must agree."""
    matcher = Probe(kind="probe", pool="k10-probe", confidence=confidence, stable=stable)
    assert [n for n in range(9) if matcher("", "42", Number(), None, Known(n, SHARES))] == arrived


def test_probe_never_accepts_a_step_where_nothing_was_probed() -> None:
    assert not Probe(kind="probe", pool="other")("The answer is 42.", "42", Number(), None, Known(1, SHARES))
