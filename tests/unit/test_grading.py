"""Graders: the answer formats of models, and near misses."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from hsir.grading import Auto, Choice, Grader, Item, Math, Number, Text, YesNo

OPTIONS = {"A": "Aspirin", "B": "Heparin", "C": "Aspirin and heparin", "D": "No treatment", "E": "None of the above"}
MATH = Math(workers=2, deadline=30.0)

Rows = Sequence[tuple[str, str]]


def failures(grader: Grader, rows: Rows, right: bool, options: dict[str, str] | None = None) -> list[Any]:
    """Return the rows whose verdict is not as wanted."""
    judged = grader.judge_all(Item(text, gold, options) for text, gold in rows)
    found = list(zip(rows, judged, strict=True))
    return [(row, tuple(one)) for row, one in found if (one.verdict == "right") != right]


def rows_of(gold: str, texts: Iterable[str], more: Rows = ()) -> Rows:
    return [*((text, gold) for text in texts), *more]


NUMBERS = rows_of(
    "1234.5",
    [
        "1234.5", "$1,234.50", "\\$1,234.50", "1,234.50 USD", "€1,234.50", "1234.50$", "1\u00a0234.5", "#### 1234.5",
        "#### 1,234.50 dollars", "####1234.5", "The answer is $1,234.50.", "The answer is **$1,234.50**.",
        "**Final Answer:** 1,234.50", "Answer - 1234.5", "### Answer\n1234.5", "= 1234.5", "x = 1234.5",
        "\\boxed{1{,}234.5}", "\\boxed{1\\,234.5}", "\\boxed{\\$1{,}234.50}", "\\boxed{1234.5\\text{ dollars}}",
        "The final answer is $\\boxed{1234.5}$. I hope it is correct.",
        "The answer is 1234.5 because 2 * 617.25 is it.",
        "<answer>1 234.5</answer>", "<answer>\\boxed{1234.5}</answer>", "<answer>1.2345e3</answer>",
        "<answer>1.2345 \\times 10^3</answer>", "<answer>2469/2</answer>", "<answer>\\frac{2469}{2}</answer>",
        "<answer>1234 1/2</answer>", "<answer>1234 \\frac{1}{2}</answer>", "<answer>1234\\frac12</answer>",
        "<answer>1234½</answer>", "<answer>$1234.5$</answer>", "<answer>1234.5^\\circ</answer>",
        "<answer>1234.5 m^2</answer>", "<answer>1234.5 \\text{ cm}^2</answer>", "<answer>1234.5\\%</answer>",
        "<answer>The answer is 1234.5.</answer>", "<answer>**1234.5**</answer>", "<answer>+1234.5</answer>",
        '{"answer": 1234.5}', "答案是1234.5。", "一共1234.5元", "Respuesta: 1234.5",
    ],
    [
    ("The answer is \u221242", "-42"), ("-$5", "-5"), ("$-5", "-5"), ("<answer>-\\frac{1}{2}</answer>", "-0.5"),
    ("<answer>-½</answer>", "-1/2"), ("<answer>-3 1/2</answer>", "-3.5"), ("<answer>4/6</answer>", "2/3"),
    ("The answer is 1.5 million.", "1500000"), ("<answer>5 hundred</answer>", "500"), ("The answer is 50 %", "50"),
    ("The answer is 5.0 hours, i.e. 300 minutes", "5"), ("The answer is 6*7 = <<6*7=42>>42", "42"),
    ("#### 41\n#### 42", "42"), ("The answer is 41. No wait, the answer is 42.", "42"), ("It is 41, not 42.", "41"),
    ("1. first 5\n2. then 7\n3. so 42", "42"), ("42\n\nStep 3: done", "42"), ("<answer>42", "42"),
    ("<answer>5 miles per hour</answer>", "5"), ("<answer>5km</answer>", "5"), ("<answer>.5</answer>", "0.5"),
],
)  # fmt: skip
NO_NUMBERS = rows_of(
    "5",
    [
        "<answer>5-6</answer>", "<answer>5 to 6</answer>", "<answer>5 or 6</answer>", "<answer>5, 6</answer>",
        "<answer>5:30</answer>", "<answer>5^2</answer>", "<answer>2^{5}</answer>", "<answer>5²</answer>",
        "<answer>5x</answer>", "<answer>5π</answer>", "<answer>5i</answer>", "<answer>\\sqrt{5}</answer>",
        "<answer>5*5</answer>", "<answer>5 + 5</answer>", "<answer>5x5</answer>", "<answer>10 = 5 + 5</answer>",
        "<answer>x > 5</answer>", "<answer>less than 5</answer>", "<answer>not 5</answer>", "<answer>$5M</answer>",
        "<answer>5 hundred</answer>", "<answer>5 million</answer>", "<answer>x=3, y=5</answer>",
        "<answer>-5</answer>",
        "<answer>5 feet 6 inches</answer>", "<answer>16 hours 5 minutes</answer>", "<answer>(2, 5)</answer>",
        "<answer>H5</answer>", "<answer>1/5</answer>", "<answer>5/0</answer>", "<answer>50</answer>",
        "<answer>0.5</answer>", "<answer>2020-05-05</answer>", "<answer>" + "5" * 5000 + "</answer>",
        "<answer>4</answer> no, 5", "<answer>4</answer><answer>5</answer>", "<answer></answer> 5",
        "<think>5", "<think>The answer is 5</think> I do not know.", "5 </think> unknown", "The answer is not 5.",
        "The answer is 5 or 6", "The answer is 5 hundred.", "The answer is 5. Wait. The answer is 4.", "x5",
    ],
    [("The answer is 120.", "12"), ("12 in 120", "12"), ("The answer is 3/4 cup", "3"),
("1.234,50", "1.234")],
)  # fmt: skip

LETTERS = [
    "B", "b", "(B)", "[B]", "B.", "B)", "**B**", "$B$", "Option B", "**B.** Heparin", "B) Heparin", "(B) Heparin",
    "B: Heparin",
    "\\boxed{B}", "\\boxed{\\text{(B)}}", "\\boxed{b}", "\\boxed{B. Heparin}", "$\\boxed{\\mathbf{B}}$",
    "\\boxed{\\text{Heparin}}",
    "**Final Answer:** B", "### Answer\nB", "## Final Response\n\nThe answer is B.", "**Answer**: B", "**Answer: B**",
    "Answer: (B) Heparin", "answer: b", "the answer is b.", "The answer is (b).", "The answer is b) Heparin",
    "Answer - B",
    "Answer \u2013 B", "ANSWER: B", "The answer is \u2018B\u2019", "The answer is 'B'.",
    "The answer is \u201cB\u201d.",
    "The answer is B because it thins.", "The answer is therefore B.", "The answer is heparin (B).",
    "The answer is B, not A.",
    "The answer is **Heparin**, because it thins.", "The correct answer is heparin.", "Correct option: B",
    "Selected option: B",
    "**Correct option:** B", "I'd go with B.", "Therefore, option B is the correct answer.", "**B** is correct.",
    "The answer is B.\n\nA is wrong because it is aspirin.", "Reasoning.\n\n**B. Heparin**", "reasoning</think>\n\nB",
    '{"answer": "B"}', '```json\n{"answer_choice": "B"}\n```', "B\n\nExplanation: it thins the blood.",
    "<answer>Heparin (B)</answer>", "<answer>b) heparin</answer>", "<answer>B. heparin, because it thins</answer>",
    "<answer>The correct answer is B. Heparin thins the blood.</answer>", "<answer>\\boxed{B}</answer>",
    "答案是B", "正确答案\uff1aB。", "因此, 答案是\uff08B\uff09。",
    "La réponse est B.", "Die Antwort ist B.", "La respuesta es B.",
    "정답은 B입니다",
]  # fmt: skip
OTHER_LETTERS = [
    ("The answer is a.", "A"), ("None of the above", "E"), ("The answer is aspirin and heparin.", "C"),
    ("The answer is B... no wait, the answer is A.", "A"), ("No treatment.", "D"),
]  # fmt: skip
NO_LETTERS = rows_of(
    "B",
    [
        "Vitamin B", "Hepatitis B", "Plan B", "Type B blood", "<answer>Hepatitis B</answer>",
        "The answer is vitamin B.",
        "The answer is not B.", "B is not correct.", "B is wrong.", "B was ruled out.", "<answer>B is wrong</answer>",
        "<answer>B is not right, A is</answer>", "B can't be right.", "The wrong answer is B.",
        "The incorrect option is B.",
        "The answer is A or B.", "The answer is both A and B.", "B or C", "<answer>A, B</answer>",
        "<answer>either B or C</answer>",
        "\\boxed{A, B}", "\\boxed{AB}", "The answer is B12.", "The answer is B-12", "The answer is A/B",
        "A. Aspirin\nB. Heparin\nC. Aspirin and heparin\nD. No treatment", "If the answer is B, it thins.",
        "Is the answer B?",
        "Maybe B", "<think>The answer is B", "<think>The answer is B</think> I do not know.",
        "<answer>A</answer><answer>B</answer>",
        "The answer is B. Wait, actually the answer is A.", "The answer is aspirin and heparin.",
        "I would not choose B.",
        "答案不是B", "答案是B或C", "如果答案是B, 那么", "La respuesta no es B", "Si la réponse est B, alors",
        "La réponse est B ou C.",
    ],
    [
    ("The answer is a patient.", "A"), ("A patient came in.", "A"), ("The answer is E. coli", "E"),
    ("<answer>C. difficile</answer>", "C"), ("The answer is D-dimer", "D"),
    ("<answer>none of the above</answer>", "D"),
    ("The answer is F.", "F"),
],
)  # fmt: skip

SAID = rows_of(
    "yes",
    [
        "Yes.", "yes", "Yes, it can.", "Yes it can.", "YES!", "True", "**Yes**, it can.", "The answer is: **Yes**",
        "Therefore, yes.",
        "So the final answer (yes or no) is yes", "### Answer\nYes", "\\boxed{\\text{yes}}", "In short: yes",
        "Conclusion: Yes",
        "<answer>Yes, because.</answer>", "<answer>The answer is yes.</answer>", "<answer>Answer: true</answer>",
        "<answer>Yes it is</answer>", "Yes, no doubt.", "The answer is yes, as no rule forbids it.", "答案是yes",
    ],
    rows_of(
    "no",
    ["No.", "No, it cannot.", "No it isn't.", "False", 'The answer is "no".', "So the answer (yes or no) is no"]),
)  # fmt: skip
NOT_SAID = rows_of(
    "yes",
    [
        "No.", "The answer is not yes.", "Not yes", "It is not possible to say", "yes or no",
        "<answer>yes and no</answer>",
        "<answer>not yes</answer>", "<answer>the answer is yes or no</answer>", "Is the answer yes?", "yesterday",
        "True north",
        "<think>Yes</think>", "<answer>Yes</answer><answer>No</answer>", "Yes, he wrote it. But in the end, no.",
        "The answer is yes. Wait, the answer is no.", "<answer>untrue</answer>", "\\boxed{yes/no}",
    ],
    rows_of(
    "no",
    ["No one knows.", "No doubt yes.", "<answer>no idea</answer>", "The answer is no longer clear.",
     "<answer>None</answer>"]),
)  # fmt: skip

PARIS = [
    "<answer>Paris</answer>", "<answer>paris.</answer>", "<answer>**Paris**</answer>", '<answer>"Paris"</answer>',
    "\\boxed{Paris}",
    "\\boxed{\\text{Paris}}", "The answer is **Paris**.", "Answer:\nParis", "The answer is \u201cParis\u201d.",
]  # fmt: skip
TEXTS = [
    *rows_of("Paris", PARIS),
    ("The answer is St. Louis.", "St. Louis"), ("<answer>don\u2019t</answer>", "don't"),
    ("<answer>New  York</answer>", "new york"),
    ("<answer>cafe\u0301</answer>", "caf\u00e9"), ("答案是巴黎。", "巴黎"),
]  # fmt: skip
NO_TEXTS = rows_of(
    "Paris",
    ["The answer is not Paris.", "The answer is Paris or Rome.", "The answer is Parish.", "Is the answer Paris?",
     "<think>Paris",
     "<answer>Paris</answer><answer>Rome</answer>"],
    [("<answer>5²</answer>", "52")],
)  # fmt: skip

FORMULAS = [
    ("\\boxed{\\frac 1 2}", "\\frac{1}{2}"), ("\\boxed{\\frac12}", "0.5"), ("\\boxed{\\tfrac{1}{2}}", "1/2"),
    ("\\boxed{x=5}", "5"),
    ("\\boxed{5}", "x=5"), ("\\boxed{5 \\text{ cm}^2}", "5"), ("\\boxed{5\\mathrm{~cm}}", "5"),
    ("\\boxed{\\$1,000}", "1000"),
    ("\\boxed{1{,}000}", "1000"), ("\\boxed{1\\,000}", "1000"), ("\\boxed{45°}", "45"), ("\\boxed{45}", "45^\\circ"),
    ("\\boxed{50\\%}", "50"), ("\\boxed{(-\\infty,0)\\cup(1,\\infty)}", "(-\\infty,0)\\cup(1,\\infty)"),
    ("\\boxed{\\{3,2,1\\}}", "\\{1,2,3\\}"), ("\\boxed{2,-2}", "\\pm 2"), ("\\boxed{1\\frac12}", "\\frac{3}{2}"),
    ("\\boxed{3.14 \\times 10^5}", "314000"), ("\\boxed{101_{2}}", "101_2"),
    ("\\boxed{\\textbf{(B)}}", "\\text{(B)}"),
    ("\\boxed{\\text{Even}}", "even"), ("\\boxed{y=3+2x}", "y = 2x+3"), ("\\boxed{3 < x}", "x>3"),
    ("\\boxed{\\sqrt{8}}", "2\\sqrt2"),
    ("\\boxed{\\begin{bmatrix} 1 \\\\ 2 \\end{bmatrix}}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}"),
    ("\\boxed{\u22122}", "-2"),
    ("\\boxed{x^2-1}", "(x-1)(x+1)"), ("\\boxed{4i+3}", "3+4i"), ("$\\boxed{3}$ and $\\boxed{4}$", "4,3"),
    ("\\fbox{5}", "5"),
    ("\\boxed{18.90}", "\\$18.90"), ("**5**", "5"), ("**x+1**", "1+x"), ("**Answer:** 5", "5"), ("一共**3**个", "3"),
    ("<answer>\\boxed{5}</answer>", "5"), ("<answer>1/2</answer>", "\\frac{1}{2}"),
    ("The answer is $\\frac12$.", "0.5"),
]  # fmt: skip
NO_FORMULAS = [
    ("\\boxed{120}", "12"), ("\\boxed{-5}", "5"), ("\\boxed{(2,1)}", "(1,2)"), ("\\boxed{[1,2]}", "(1,2)"),
    ("\\boxed{x\\geq3}", "x>3"),
    ("\\boxed{101_3}", "101_2"), ("\\boxed{\\{1,2\\}}", "\\{1,2,3\\}"), ("\\boxed{2}", "\\pm 2"),
    ("\\boxed{5,6}", "5"),
    ("\\boxed{x=5,y=6}", "5"), ("\\boxed{}", "5"), ("<think>\\boxed{5}", "5"),
    ("<think>\\boxed{5}</think> I do not know.", "5"),
    ("<answer>4</answer>\\boxed{5}", "5"), ("\\boxed{5} then \\boxed{4}", "5"), ("The answer is not 5.", "5"),
    ("\\boxed{5x}", "5"),
    ("\\boxed{\\text{B or C}}", "\\text{B}"), ("\\boxed{x \\neq 5}", "5"), ("\\boxed{1/0}", "1"),
    ("\\boxed{-\\infty}", "\\infty"),
    ("\\boxed{\\text{6:00 PM}}", "\\text{6:00 AM}"), ("\\boxed{\\text{yes}}", "\\text{no}"), ("\\boxed{3:2}", "2:3"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("grader", "right", "wrong", "options"),
    [
        (Number(), NUMBERS, NO_NUMBERS, None),
        (Choice(), rows_of("B", LETTERS, OTHER_LETTERS), NO_LETTERS, OPTIONS),
        (YesNo(), SAID, NOT_SAID, None),
        (Text(), TEXTS, NO_TEXTS, None),
        (MATH, FORMULAS, NO_FORMULAS, None),
        (Auto(), [*NUMBERS, *SAID, *TEXTS], [*NO_NUMBERS, *NOT_SAID, *NO_TEXTS], None),
        (Auto(), rows_of("B", LETTERS, OTHER_LETTERS), NO_LETTERS, OPTIONS),
    ],
    ids=["number", "choice", "yesno", "text", "math", "auto", "auto-choice"],
)
def test_what_counts_and_what_does_not(grader: Grader, right: Rows, wrong: Rows, options: Any) -> None:
    assert failures(grader, right, True, options) == []
    assert failures(grader, wrong, False, options) == []


def test_letters_are_read_without_options_as_well() -> None:
    bare = [text for text in LETTERS if "eparin" not in text and "aspirin" not in text]
    assert failures(Choice(), rows_of("B", bare), True) == []


PLACES = [
    (Number(), "<answer>42</answer> or 41", "tags"), (Number(), "<answer>42", "open_tag"),
    (Number(), "41\n#### 42", "hash"),
    (Number(), "\\boxed{42} is it", "boxed"), (Number(), "The answer is 42, I think, of 50", "stated"),
    (Number(), "so 42", "last"),
    (Choice(), "<answer>B</answer>", "tags"), (Choice(), "<answer>B", "open_tag"),
    (Choice(), "so \\boxed{B}", "boxed"),
    (Choice(), "The answer is B.", "stated"), (Choice(), "B", "alone"), (YesNo(), "<answer>yes</answer>", "tags"),
    (YesNo(), "\\boxed{yes}", "boxed"), (YesNo(), "The answer is yes.", "stated"), (YesNo(), "Yes, it is.", "alone"),
    (Text(), "<answer>Paris", "open_tag"), (Text(), "\\boxed{Paris}", "boxed"),
    (Text(), "The answer is Paris.", "stated"),
    (MATH, "<answer>$x$</answer>", "tags"), (MATH, "<answer>$x$", "open_tag"), (MATH, "\\boxed{x}", "boxed"),
    (MATH, "It is $x$", "last"),
]  # fmt: skip
GOLDS = {"number": "42", "choice": "B", "yesno": "yes", "text": "Paris", "math": "x"}


@pytest.mark.parametrize(("grader", "text", "why"), PLACES)
def test_a_verdict_shows_where_the_answer_was(grader: Grader, text: str, why: str) -> None:
    gold = GOLDS[getattr(grader, "kind")]  # noqa: B009
    judged = grader.judge(Item(text, gold))
    assert (judged.verdict, judged.why) == ("right", why)
    judged = grader.in_tags().judge(Item(text, gold))
    assert (judged.verdict, judged.why) == (("right", "tags") if why == "tags" else ("no_answer", "none"))
    cut = grader.judge(Item(text, gold, truncated=True))
    assert (cut.verdict, cut.why) == (("right", "tags") if why == "tags" else ("no_answer", "truncated"))
    always = grader.model_copy(update={"thinking": "always"})
    assert always.judge(Item(text, gold)) == (None, "no_answer", "unfinished")
    assert always.judge(Item(f"I think.</think>{text}", gold)).verdict == "right"
    assert grader.judge(Item(f"<think>{text}", gold)) == (None, "no_answer", "unfinished")
    assert grader.judge(Item(f"<think>{text}</think>", gold)) == (None, "no_answer", "none")


def test_several_answers_are_undecided_unless_they_say_the_same() -> None:
    for grader, same, other in [
        (Number(), ["42", "42.0", "$42"], "41"), (Choice(), ["B", "(b)", "B. Heparin"], "A"),
        (YesNo(), ["yes", "True", "Yes."], "no"),
        (Text(), ["Paris", "paris."], "Rome"), (MATH, ["x", "x"], "y"),
    ]:  # fmt: skip
        said = "".join(f"<answer>{answer}</answer>" for answer in same)
        item = Item(said, GOLDS[getattr(grader, "kind")], OPTIONS)  # noqa: B009
        assert grader.judge(item).verdict == "right"
        judged = grader.judge(item._replace(completion=f"{said}<answer>{other}</answer>"))
        assert judged == (f"{same[0]} | {other}", "undecided", "several")


@pytest.mark.parametrize(
    ("kind", "golds"),
    [
        ("number", ["42", "-4.5", "1,000", "$5", "50%", "3/4", "1 1/2", "1e5", "\u22125"]),
        ("yesno", ["yes", "No", "True"]),
        ("text", ["(2,3)", "2x", "x=5", "10 apples", "\\frac{1}{2}", "10:30", "2020-05-12", "5-6", "B", "yes and no"]),
    ],
)
def test_auto_chooses_the_kind_by_the_gold_answer(kind: str, golds: list[str]) -> None:
    assert {gold: getattr(Auto().of(gold), "kind") for gold in golds} == dict.fromkeys(golds, kind)  # noqa: B009
    assert all(Auto().of(gold, OPTIONS) == Choice() for gold in golds)


def test_auto_hands_its_options_on() -> None:
    for chosen in (Auto(thinking="always").of("42"), Auto(thinking="always").in_tags().of("yes")):
        assert chosen.thinking == "always"
    assert Auto().in_tags().of("42") == Number(fallbacks=())
    assert Auto(fallbacks=("last", "boxed")).of("42") == Number(fallbacks=("boxed", "last"))
    with pytest.raises(TypeError, match="depend on the question"):
        Auto().stated("42")


BAD_GOLDS = [
    (Number(), "a few", None, "'a few' is not a number"), (Number(), "5-6", None, "not a number"),
    (Number(), "", None, "not a number"),
    (Choice(), "F", OPTIONS, "'F' is none of the options A, B, C, D, E"),
    (Choice(), "Z", None, "none of the options"),
    (Choice(), "Ibuprofen", OPTIONS, "none of the options"), (YesNo(), "maybe", None, "neither yes nor no"),
    (Text(), " . ", None, "empty"), (MATH, " ", None, "empty"), (Auto(), "", None, "empty"),
    (Auto(), "F", OPTIONS, "none of the"),
]  # fmt: skip


@pytest.mark.parametrize(("grader", "gold", "options", "message"), BAD_GOLDS)
def test_a_gold_answer_that_cannot_be_read_is_named(grader: Grader, gold: str, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grader.check_gold(gold, options)


@pytest.mark.parametrize(
    ("grader", "gold", "options", "plain"),
    [
        (Number(), " 1,000 ", None, "1,000"), (Choice(), "heparin", OPTIONS, "B"), (Choice(), "(b)", OPTIONS, "B"),
        (YesNo(), "True", None, "yes"), (Text(), " Paris ", None, "Paris"), (MATH, " \\frac12", None, "\\frac12"),
    ],
)  # fmt: skip
def test_a_gold_answer_is_given_in_its_plain_form(grader: Grader, gold: str, options: Any, plain: str) -> None:
    assert grader.check_gold(gold, options) == plain
