"""The generated benchmark in which work and redundancy lengthen a trace independently."""

import itertools
import random
import re

import pytest
from safetensors.torch import load_file
from transformers import AutoTokenizer

from hsir import traces
from hsir.config import home
from hsir.tasks import bagproblems
from hsir.tasks.bagproblems import Counts
from hsir.tasks.bags import Bags
from hsir.tasks.base import Split

MODEL = home.found("hsir/embedded/bags")
SPLITS: tuple[Split, ...] = ("seed", "unlabelled", "test")
SMALL = Bags(kind="bags", seed=300, unlabelled=120, test=60)
EVENT = re.compile(r"(\w+) (finds|buys|loses|sells) (\d+) (\w+) of (\d+)")


def solved(question: str) -> int:
    """Solve a question from its words alone."""
    amount = int(re.search(r"\d+", question).group())  # type: ignore[union-attr]
    for _, verb, bags, _, each in EVENT.findall(question):
        amount += int(bags) * int(each) * (1 if verb in ("finds", "buys") else -1)
    return amount


def counts_of(rates: tuple[float, float], seed: int, length: int = 4) -> Counts:
    """Count the steps of a trace written with given rates of work and redundancy."""
    rng = random.Random(seed)
    return bagproblems.counted(bagproblems.trace(rng, bagproblems.problem(rng, length), *rates))


@pytest.mark.parametrize("length", [1, 2, 7, 20])
def test_problems_have_their_length_and_amounts_within_bounds(length: int) -> None:
    rng = random.Random(length)
    for _ in range(100):
        problem = bagproblems.problem(rng, length)
        assert len(problem.steps) == len(EVENT.findall(problem.question)) == length
        assert int(problem.answer) == solved(problem.question)
        assert all(1 <= step.after <= bagproblems.LARGEST for step in problem.steps)
        assert [step.before for step in problem.steps[1:]] == [step.after for step in problem.steps[:-1]]


@pytest.mark.parametrize("split", SPLITS)
def test_traces_are_correct_and_every_equation_holds(split: Split) -> None:
    for record in SMALL.records(split, 3):
        assert record.trace is not None and record.difficulty is not None
        assert traces.answers(record.trace) == [record.answer] == [str(solved(record.question))]
        assert bagproblems.false_equations(record.trace) == []
        assert record.trace.count("*") >= record.difficulty


def test_false_equations_are_found() -> None:
    text = (
        "3 bags of 4 are 3*4=11 coins.\n\n17+12=29.\n\n29-2*5+2*2=22.\n\nWait, let me check: 19+10=29. 29-2*5+2*2=23."
    )
    assert bagproblems.false_equations(text) == ["3*4=11", "29-2*5+2*2=22"]


@pytest.mark.parametrize("work", [0.0, 1.0])
@pytest.mark.parametrize("redundancy", [0.0, 1.0])
def test_the_counts_are_what_was_written(work: float, redundancy: float) -> None:
    for seed in range(50):
        assert counts_of((work, redundancy), seed) == (4 * work, 4 - 4 * work, 4 * redundancy)


def test_every_step_is_either_written_out_or_skipped() -> None:
    for record in SMALL.records("seed", 0):
        counts = bagproblems.counted(record.trace or "")
        assert counts.written + counts.skipped == record.difficulty
        assert counts.redundant <= record.difficulty


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("3 bags of 4 are 3*4=12 coins.", (1, 0, 0)),
        ("3 bags of 4 are 3*4=11 coins.", (1, 0, 0)),  # an error, but written out
        ("3 bags of 4 are 2*4=8 coins.", (0, 0, 0)),
        ("17+12=29.", (0, 0, 0)),
        ("17+3*4=29.", (0, 1, 0)),
        ("17+3*4-2*5=19.", (0, 2, 0)),
        ("17+3*4-2*5+2*2=23.", (0, 3, 0)),
        ("so 17+3*4=29.", (0, 0, 0)),
        ("Wait, let me check: 29-3*4=17.", (0, 0, 1)),
        ("Wait, let me start over. No, 29 is fine.", (0, 0, 1)),
        ("Wait, let us see.", (0, 0, 0)),
    ],
)
def test_recognisers_are_exact(text: str, counts: tuple[int, int, int]) -> None:
    assert bagproblems.counted(traces.compose(["Ann starts with 17 coins.", text], "29")) == counts


def test_an_unfinished_trace_is_counted_as_far_as_it_goes() -> None:
    assert bagproblems.counted("<think>\n17+3*4=29.\n\n29-2*5=") == (0, 1, 0)


def test_redundancy_leaves_the_solution_as_it_is() -> None:
    """Without its redundant steps, a trace is one that was written without any."""
    problem = bagproblems.problem(random.Random(1), 6)
    for seed in range(20):
        steps = [step for step, _ in traces.steps(bagproblems.trace(random.Random(seed), problem, 1.0, 0.5))]
        kept = [step for step in steps if not step.startswith("Wait")]
        assert traces.compose(kept, problem.answer) == bagproblems.trace(random.Random(0), problem, 1.0, 0.0)


def test_work_and_redundancy_are_independent_in_the_seed_set() -> None:
    """Correlation of the two counts, relative to the steps: within 3 standard errors of 0 over 1,200 traces."""
    task = SMALL.model_copy(update={"seed": 1200})
    pairs = []
    for record in task.records("seed", 0):
        counts = bagproblems.counted(record.trace or "")
        pairs.append((counts.written / (record.difficulty or 1), counts.redundant / (record.difficulty or 1)))
    works, redundancies = zip(*pairs, strict=True)
    assert len({work > 0.5 for work in works}) == len({rate > 0.5 for rate in redundancies}) == 2
    assert abs(correlation(works, redundancies)) < 3 / len(pairs) ** 0.5


def correlation(xs: tuple[float, ...], ys: tuple[float, ...]) -> float:
    """Pearson's correlation."""
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    dx, dy = [x - mean_x for x in xs], [y - mean_y for y in ys]
    products = sum(a * b for a, b in zip(dx, dy, strict=True))
    return float(products / (sum(a * a for a in dx) * sum(b * b for b in dy)) ** 0.5)


def test_seeds_are_reproducible_and_the_test_set_is_the_same_for_all() -> None:
    for split in SPLITS:
        first, again, other = (list(SMALL.records(split, seed)) for seed in (0, 0, 1))
        assert first == again
        assert (first == other) is (split == "test")


def test_no_question_is_in_two_splits() -> None:
    questions = [{record.question for record in SMALL.records(split, 0)} for split in SPLITS]
    assert all(not one & other for one, other in itertools.combinations(questions, 2))


def test_a_rate_outside_0_to_1_is_refused() -> None:
    with pytest.raises(ValueError, match="less than or equal to 1"):
        Bags(kind="bags", work=(0.5, 1.5))
    with pytest.raises(ValueError, match="at least 1 item"):
        Bags(kind="bags", redundancy=())


def test_the_base_model_is_small_and_its_tokenizer_keeps_traces() -> None:
    weights = load_file(MODEL / "model.safetensors")
    assert sum(tensor.numel() for tensor in weights.values()) <= 3_000_000
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    for record in SMALL.records("seed", 0):
        ids = tokenizer(record.trace)["input_ids"]
        assert tokenizer.decode(ids) == record.trace
        assert max(ids) < weights["model.embed_tokens.weight"].shape[0]
    assert len(tokenizer("17+42=59")["input_ids"]) == 5  # a number is one token
