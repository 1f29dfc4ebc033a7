"""Conclusions that a step does not call the answer; and matchers that combine others."""

import pytest
from pydantic import TypeAdapter, ValidationError

from hsir.grading import Choice, Grader, Math, Number, Text, YesNo
from hsir.recycling.matchers import AllOf, AnyOf, BaseMatcher, Explicit, Matcher

OPTIONS = {"A": "Aspirin", "B": "Heparin", "C": "CT scan", "D": "No treatment"}
MATCHER = Explicit(conclusions=True)
CONCLUDED: list[tuple[Grader, str, str]] = [
    (Number(), "Therefore, Mia has 17 marbles left.", "17"),
    (Number(), "So the total cost is $42.", "42"),
    (Number(), "Thus x = 42.", "42"),
    (Number(), "Hence, after 3 days, 12 birds remain.", "12"),
    (Number(), "Therefore, 3 loaves cost $4 more than 2 rolls.", "4"),
    (Number(), "Therefore, the 5 boys need to save $26 to reach their goal of $200.", "26"),
    (Number(), "So, Ray takes 54 minutes to swim 3 miles.", "54"),
    (Number(), "**Answer:** Rosa can run **50** miles in 7 hours.", "50"),
    (Number(), "**Rosa paid \\$1,050 for 17 balloons.**", "1050"),
    (Number(), "Rosa needs to write 18 more letters to reach her goal of 72.", "18"),
    (Number(), "12 + 5 = 17, as above. In total, they picked 17 pears.", "17"),
    (Number(), "Therefore, the smallest number of coins that she could have had is 203.", "203"),
    (Math(), "Thus, the angle is $\\frac{\\pi}{2}$.", "\\frac{\\pi}{2}"),
    (Math(), "Therefore,\n\\[ x = \\frac{1}{2}. \\]", "\\frac{1}{2}"),
    (Choice(), "Therefore, B.", "B"),
    (Choice(), "So I think it's heparin.", "B"),
    (Choice(), "So option B seems best.", "B"),
    (Choice(), "It acts at once, which would make B the best choice.", "B"),
    (Choice(), "So the most appropriate next step is CT scan (C).", "C"),
    (Choice(), "This points to (B) Heparin.", "B"),
    (YesNo(), "So no, it would sink.", "no"),
    (Text(), "Therefore, the capital is Paris.", "Paris"),
]  # fmt: skip
NOT_CONCLUDED: list[tuple[Grader, str, str]] = [
    (Number(), "20 + 22 = 42.", "42"),
    (Number(), "So she has 6 * 7 = 42 eggs.", "42"),
    (Number(), "Step 3: So she has 42 eggs.", "42"),
    (Number(), "He bought 42 eggs.", "42"),
    (Number(), "The problem says that there are 42 eggs.", "42"),
    (Number(), "So she has 42 eggs. Now let me subtract the broken ones.", "42"),
    (Number(), "So we need to subtract that from the remaining 42 eggs.", "42"),
    (Number(), "Therefore, in that case, she has 42 eggs.", "42"),
    (Number(), "So if he buys two, she has 42 eggs.", "42"),
    (Number(), "Therefore, 42 is wrong.", "42"),
    (Number(), "So maybe she has 42 eggs.", "42"),
    (Number(), "Therefore, she has 42 eggs and 3 hens.", "42"),
    (Number(), "Therefore, the area is 42\u221a3.", "42"),
    (Number(), "So, can she have 42 eggs?", "42"),
    (Choice(), "So option B seems unlikely.", "B"),
    (Choice(), "Heparin acts at once.", "B"),
    (Choice(), "So B or C.", "B"),
    (Choice(), "That could point to heparin.", "B"),
    (Choice(), "If it leaks, option B seems best.", "B"),
    (Choice(), "So A patient needs heparin at once.", "A"),
    (YesNo(), "So no one knows.", "no"),
]  # fmt: skip


@pytest.mark.parametrize(("grader", "step", "gold"), CONCLUDED)
def test_a_conclusion_reaches_the_answer_only_with_the_option(grader: Grader, step: str, gold: str) -> None:
    options = OPTIONS if isinstance(grader, Choice) else None
    assert MATCHER(step, gold, grader, options)
    assert not Explicit()(step, gold, grader, options)


@pytest.mark.parametrize(("grader", "step", "gold"), NOT_CONCLUDED)
def test_what_is_on_the_way_is_not_a_conclusion(grader: Grader, step: str, gold: str) -> None:
    assert not MATCHER(step, gold, grader, OPTIONS if isinstance(grader, Choice) else None)


def test_a_stated_answer_outweighs_a_conclusion() -> None:
    step = "The answer is 13. Therefore, Mia has 17 marbles left."
    assert MATCHER(step, "13", Number())
    assert not MATCHER(step, "17", Number())


def test_the_statement_is_returned_by_its_place_in_the_step() -> None:
    step = "x" * 30_000 + ". So the answer is 42."
    said = MATCHER.arrival(step, "42", Number())
    assert said is not None
    assert step[said.start : said.end] == "answer is"


HOSTILE = [
    "answer is ", "The answer is A. ", "a's answer is A ", "so the answer is 5, ", "So 5 ", "if ", "wait, but ", "\n",
    "\\[ ", "** ", "**A", "1,", "Option A: ", "So A is correct. ", "\\boxed{5} ", "= ", "one might ", "A) ", "$x$ ",
    "\"",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_long_line_does_not_hold_the_matcher_up(piece: str) -> None:
    step = piece * ((1 << 20) // len(piece))
    for grader, gold in ((Number(), "7919"), (Choice(), "D"), (YesNo(), "no"), (Text(), "zebra")):
        assert not MATCHER(step, gold, grader, OPTIONS if isinstance(grader, Choice) else None)


STATED, DRAWN = {"kind": "explicit"}, {"kind": "explicit", "conclusions": True}
COMBINED: list[tuple[dict[str, object], type, bool, bool]] = [
    ({"kind": "any", "of": [STATED, DRAWN]}, AnyOf, True, True),
    ({"kind": "all", "of": [STATED, DRAWN]}, AllOf, True, False),
    ({"kind": "all", "of": [DRAWN, {"kind": "any", "of": [STATED, DRAWN]}]}, AllOf, True, True),
]  # fmt: skip


@pytest.mark.parametrize(("written", "kind", "stated", "concluded"), COMBINED)
def test_matchers_combine(written: dict[str, object], kind: type, stated: bool, concluded: bool) -> None:
    adapter: TypeAdapter[BaseMatcher] = TypeAdapter(Matcher)
    matcher = adapter.validate_python(written)
    assert isinstance(matcher, kind)
    assert matcher("So the answer is 42.", "42", Number()) is stated
    assert matcher("So the total cost is $42.", "42", Number()) is concluded
    assert not matcher("So the answer is 41.", "42", Number())


def test_a_combination_of_nothing_is_rejected() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        TypeAdapter(Matcher).validate_python({"kind": "any", "of": []})
