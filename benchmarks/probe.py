"""VeriExit's matchers where the truth is known: precision, recall and cost on the embedded benchmark.

    snakemake --profile profiles/local --configfile config/bench-probe.yaml -- bench-probe
    PYTHONPATH=. python benchmarks/probe.py results/embedded/chains/seed0/sft-initial > benchmarks/probe.md

Each question of the embedded benchmark has one chain of equations. A failed solution *arrives* at the first step that
completes this chain, and it arrives soundly if no equation up to there is false. A cut is right if it is at or after
that step and its prefix has no false equation.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.machine import described
from hsir import traces
from hsir.evaluation.statistics import wilson
from hsir.selection.filters.sound import false_equations
from hsir.storage import tables

SOURCE, MORE = "k10", "k20"
EVENTS = {"finds": "+", "buys": "+", "loses": "-", "gives": "-", "doubles": "*", "halves": "/"}
EVENT = re.compile(r"\w+ (finds|buys|loses|gives|doubles|halves) (\d+|them)\.")


def main() -> None:
    """Print the page."""
    policy = Path(sys.argv[1])
    questions = {row["question_id"]: row for row in tables.read("questions", policy.parent / "data/unlabelled.parquet")}
    drawn = {row["sample_id"]: row for row in samples(policy, SOURCE)}
    correct = right_in(policy, SOURCE)
    failed = {name: row for name, row in drawn.items() if name not in correct}
    solved = {drawn[name]["question_id"] for name in correct}
    asked = {name: questions[row["question_id"]]["question"] for name, row in failed.items()}
    arrivals = {name: arrival(row["completion"], asked[name]) for name, row in failed.items()}
    print("# VeriExit's matchers where the truth is known\n")
    print((__doc__ or "").split("\n\n", 1)[1])
    sound = sum(found is not None for found in arrivals.values())
    print(described(), f"Of {len(drawn):,} solutions {len(failed):,} failed, and {sound:,} of these arrive soundly.")
    print(f"{len(questions) - len(solved)} of {len(questions)} questions have no correct solution.\n")
    print("| pool | cuts | right cuts % | recall % | recovered solutions | of these unsound % |\n|---|" + "---:|" * 5)
    recycled = sorted(path.parent.name for path in policy.glob("*/veriexit.parquet"))
    for pool in recycled:
        cuts(policy, pool, failed, arrivals)
    wrong = [unsound(drawn[name]["completion"]) for name in correct]
    print(f"\nOf the correct solutions of `{SOURCE}` itself {share(wrong, len(wrong))} % are unsound.\n")
    print("| way | questions solved | tokens generated | tokens read | generated per solved | all per solved |")
    print("|---|" + "---:|" * 5)
    open_questions = set(questions) - solved
    for pool in recycled:
        probes = [path.parent.name for path in policy.glob("*/probes.parquet")] if "probe" in pool else []
        cost(pool, [pool, *probes], pool, policy, open_questions)
    cost(f"{SOURCE} again", [MORE], MORE, policy, open_questions, afresh=True)
    print(
        "\nThe second table counts what was spent on the questions without a correct solution alone. A prefix is read"
    )
    print("once per answer, as the engine `transformers` does; an engine that shares prefixes reads each trace once.")


def samples(policy: Path, pool: str) -> list[tables.Row]:
    """Read the samples of a pool."""
    return tables.read("samples", sorted((policy / pool / "samples").glob("*.parquet")))


def right_in(policy: Path, pool: str) -> set[str]:
    """Name the correct samples of a pool."""
    rows = tables.read("verified", policy / pool / "verified.parquet")
    return {row["sample_id"] for row in rows if row["verdict"] == "right"}


def chain(question: str) -> list[str]:
    """Work out the equations that a question asks for, in order."""
    found = re.search(r"has (\d+)", question)
    amount, equations = int(found[1]) if found else 0, []
    for verb, what in EVENT.findall(question):
        by, sign = 2 if what == "them" else int(what), EVENTS[verb]
        after = {"+": amount + by, "-": amount - by, "*": amount * by, "/": amount // by}[sign]
        equations.append(f"{amount}{sign}{by}={after}")
        amount = after
    return equations


def arrival(completion: str, question: str) -> int | None:
    """Find the step at which the chain is complete; None if it never is, or not without a false equation."""
    left = chain(question)
    for number, (step, _) in enumerate(traces.steps(completion)):
        if false_equations(step):
            return None
        if left and re.search(rf"(?<!\d){re.escape(left[0])}(?!\d)", step):
            left.pop(0)
        if not left:
            return number
    return None


def unsound(text: str) -> bool:
    """Say whether a text has a false equation."""
    return bool(false_equations(text))


def share(found: Iterable[bool], total: int) -> str:
    """Write a share in percent with its Wilson interval."""
    hits = sum(found)
    low, high = wilson(hits, total)
    return f"{100 * hits / total:.1f} [{100 * low:.1f}, {100 * high:.1f}]" if total else "-"


def cuts(policy: Path, pool: str, failed: dict[str, tables.Row], arrivals: dict[str, int | None]) -> None:
    """Print a pool's row of precision and recall."""
    cut = {row["parent_id"]: row["cut_step"] for row in tables.read("veriexit", policy / pool / "veriexit.parquet")}
    cut = {name: step for name, step in cut.items() if step is not None}
    right = {name for name, step in cut.items() if is_right(failed[name]["completion"], step, arrivals[name])}
    able = [name for name, found in arrivals.items() if found is not None]
    good = right_in(policy, pool)
    recovered = {row["parent_id"] for row in samples(policy, pool) if row["sample_id"] in good}
    wrong = [unsound(prefix(failed[name]["completion"], cut[name])) for name in recovered]
    columns = [
        f"{len(cut):,}", share([name in right for name in cut], len(cut)),
        share([name in right for name in able], len(able)), f"{len(recovered):,}", share(wrong, len(wrong)),
    ]  # fmt: skip
    print(f"| `{pool}` | {' | '.join(columns)} |")


def prefix(completion: str, step: int) -> str:
    """Give a completion up to the end of a step."""
    return completion[: traces.steps(completion)[step][1]]


def is_right(completion: str, step: int, arrived: int | None) -> bool:
    """Say whether a cut keeps a completed chain and no false equation."""
    return arrived is not None and step >= arrived and not unsound(prefix(completion, step))


def cost(way: str, pools: list[str], judged: str, policy: Path, open_questions: set[str], afresh: bool = False) -> None:
    """Print what it took to solve questions that had no correct solution; `afresh`: by the later half of a pool."""
    good = right_in(policy, judged)
    spent = [
        row for pool in pools for row in samples(policy, pool)
        if row["question_id"] in open_questions and not (afresh and int(row["sample_id"].rsplit("-", 1)[1]) < 10)
    ]  # fmt: skip
    solved = {row["question_id"] for row in spent if row["sample_id"] in good}
    generated = sum(row["n_generated"] for row in spent)
    read = sum(len(row["prompt_ids"]) + row["n_tokens"] - row["n_generated"] for row in spent)
    each = [f"{count / len(solved):,.0f}" if solved else "-" for count in (generated, generated + read)]
    print(f"| {way} | {len(solved)} of {len(open_questions)} | {generated:,} | {read:,} | {' | '.join(each)} |")


if __name__ == "__main__":
    main()
