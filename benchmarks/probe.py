"""VeriExit's matchers, measured with known correct cuts: precision, recall and cost on the embedded benchmark.

    snakemake --profile profiles/local --configfile config/bench-probe.yaml -- bench-probe
    PYTHONPATH=. python benchmarks/probe.py results/embedded/chains/seed0/sft-initial > benchmarks/probe.md

Each question of the embedded benchmark has one chain of equations. A failed solution *arrives* at the first step that
completes this chain. It arrives soundly if no equation up to there is false. A cut is correct if it is at or after
that step and its prefix has no false equation.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.machine import described
from hsir import traces
from hsir.evaluation.statistics import wilson
from hsir.recycling.matchers import AllOf, AnyOf, BaseMatcher, Explicit, Probe
from hsir.recycling.veriexit import Evidence, find_cut
from hsir.sampling.engines.base import Prompt, batches
from hsir.sampling.engines.shared import origins
from hsir.selection.filters.sound import false_equations
from hsir.stages.veriexit import probe_shares
from hsir.storage import ledger, tables
from hsir.storage.files import read_json
from hsir.tasks.chains import Chains

SOURCE, MORE, PROBES, EVERYWHERE = "k10", "k20", "k10-probe", "k10-probe-all"
Rows = dict[str, tables.Row]
GRADER = Chains(kind="chains").grading
EXPLICIT, PROBE = Explicit(), Probe(kind="probe", pool=PROBES)
MATCHERS: dict[str, BaseMatcher] = {
    "explicit": EXPLICIT,
    "explicit, with conclusions": Explicit(conclusions=True),
    "probe, stable 0": Probe(kind="probe", pool=PROBES, stable=0),
    "probe, stable 1": PROBE,
    "probe, stable 3": Probe(kind="probe", pool=PROBES, stable=3),
    "probe at all steps, stable 0": Probe(kind="probe", pool=EVERYWHERE, stable=0),
    "probe at all steps, stable 1": Probe(kind="probe", pool=EVERYWHERE),
    "probe at all steps, stable 3": Probe(kind="probe", pool=EVERYWHERE, stable=3),
    "all: explicit, probe": AllOf(kind="all", of=(EXPLICIT, PROBE)),
    "any: explicit, probe": AnyOf(kind="any", of=(EXPLICIT, PROBE)),
}
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
    print("# VeriExit's matchers, measured with known correct cuts\n")
    print((__doc__ or "").split("\n\n", 1)[1])
    sound = sum(found is not None for found in arrivals.values())
    print(described(), f"Of {len(drawn):,} solutions, {len(failed):,} failed, and {sound:,} of these arrive soundly.")
    print(f"{len(questions) - len(solved)} of {len(questions)} questions have no correct solution.\n")
    print("| matcher | cuts | correct cuts % | recall % | cuts with a false equation % |\n|---|" + "---:|" * 4)
    evidence = Evidence(probed(policy))
    for name, matcher in MATCHERS.items():
        row = cuts(matcher, failed, arrivals, questions, evidence)
        print(f"| {name} | {' | '.join(row)} |")
    wrong = [unsound(drawn[name]["completion"]) for name in correct]
    print(f"\nOf the correct solutions of `{SOURCE}` itself {share(wrong, len(wrong))} % are unsound.\n")
    print("| way | questions solved | generated | read | cached | generated per solved | computed per solved |")
    print("|---|" + "---:|" * 6)
    open_questions = set(questions) - solved
    for pool in sorted(path.parent.name for path in policy.glob("*/veriexit.parquet")):
        probes = pool.replace("veriexit-", "")
        read = [probes] if (policy / probes / "probes.parquet").is_file() else []
        cost(pool, [pool, *read], pool, policy, open_questions)
    cost(f"{SOURCE} again", [MORE], MORE, policy, open_questions, afresh=True)
    print(
        "\nThe second table counts only the tokens spent on questions without a correct solution. Tokens of prompts and"
        "\nprefixes are read by the model, or cached (taken from another answer). Computed tokens are those read and"
        "\nthose generated. These are complete pools:\n"
    )
    print("| pool | answers | generated | read | cached | seconds, all shards |\n|---|" + "---:|" * 5)
    for pool in sorted({path.parents[1].name for path in policy.glob("*/samples/*.parquet")}):
        whole(pool, policy)


def samples(policy: Path, pool: str) -> list[tables.Row]:
    """Read the samples of a pool."""
    return tables.read("samples", sorted((policy / pool / "samples").glob("*.parquet")))


def right_in(policy: Path, pool: str) -> set[str]:
    """Return the correct samples of a pool."""
    rows = tables.read("verified", policy / pool / "verified.parquet")
    return {row["sample_id"] for row in rows if row["verdict"] == "right"}


def chain(question: str) -> list[str]:
    """Compute the equations that a question requires, in order."""
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
    """Return whether a text has a false equation."""
    return bool(false_equations(text))


def share(found: Iterable[bool], total: int) -> str:
    """Format a share in percent with its Wilson interval."""
    hits = sum(found)
    _, low, high = wilson(hits, total)
    return f"{100 * hits / total:.1f} [{100 * low:.1f}, {100 * high:.1f}]" if total else "-"


def probed(policy: Path) -> dict[str, dict[str, dict[int, float]]]:
    """Read the results of the probes: the share of correct answers by pool, solution and step."""
    pools = PROBES, EVERYWHERE
    shards = {pool: sorted((policy / pool / "samples").glob("*.parquet")) for pool in pools}
    return probe_shares(shards, {pool: [policy / pool / "verified.parquet"] for pool in pools})


def cuts(
    matcher: BaseMatcher, failed: Rows, arrivals: dict[str, int | None], questions: Rows, evidence: Evidence
) -> list[str]:
    """Return a matcher's columns: how many failed solutions it cuts, and how many of the cuts are correct."""
    found = {
        name: find_cut(row["completion"], questions[row["question_id"]]["gold"], matcher, GRADER, None,
                       evidence.about(name))
        for name, row in failed.items()
    }  # fmt: skip
    cut = {name: one.step for name, one in found.items() if one is not None}
    right = {name for name, step in cut.items() if is_right(failed[name]["completion"], step, arrivals[name])}
    able = [name for name, arrived in arrivals.items() if arrived is not None]
    wrong = [unsound(prefix(failed[name]["completion"], step)) for name, step in cut.items()]
    return [
        f"{len(cut):,}", share([name in right for name in cut], len(cut)),
        share([name in right for name in able], len(able)), share(wrong, len(wrong)),
    ]  # fmt: skip


def prefix(completion: str, step: int) -> str:
    """Return a completion up to the end of a step."""
    return completion[: traces.steps(completion)[step][1]]


def is_right(completion: str, step: int, arrived: int | None) -> bool:
    """Return whether a cut keeps a completed chain and no false equation."""
    return arrived is not None and step >= arrived and not unsound(prefix(completion, step))


def cost(way: str, pools: list[str], judged: str, policy: Path, open_questions: set[str], afresh: bool = False) -> None:
    """Print the cost of solving questions without a correct solution; `afresh`: with the second half of a pool."""
    good = right_in(policy, judged)
    spent = [
        row for pool in pools for row in samples(policy, pool)
        if row["question_id"] in open_questions and not (afresh and int(row["sample_id"].rsplit("-", 1)[1]) < 10)
    ]  # fmt: skip
    solved = {row["question_id"] for row in spent if row["sample_id"] in good}
    names = {row["sample_id"] for row in spent}
    generated, kept = sum(row["n_generated"] for row in spent), sum(cached(policy, pool, names) for pool in pools)
    read = sum(len(row["prompt_ids"]) + row["n_tokens"] - row["n_generated"] for row in spent) - kept
    each = [f"{count / len(solved):,.0f}" if solved else "-" for count in (generated, generated + read)]
    counts = f"{generated:,} | {read:,} | {kept:,} | {' | '.join(each)}"
    print(f"| {way} | {len(solved)} of {len(open_questions)} | {counts} |")


def cached(policy: Path, pool: str, names: set[str]) -> int:
    """Count the tokens that the engine `transformers` takes from another sample of the same batch."""
    kept = 0
    for shard in (policy / pool / "samples").glob("*.parquet"):
        size = tables.metadata(shard)["options"]["engine"]["batch_size"]
        rows = [row for row in tables.read("samples", shard) if row["sample_id"] in names]
        for batch in batches(list(map(prompt, rows)), size):
            kept += sum(one.kept for one in origins([[*one.prompt_ids, *one.prefix_ids] for one in batch]))
    return kept


def prompt(row: tables.Row) -> Prompt:
    """Return the prompt of a sample."""
    given = row["completion_ids"][: row["n_tokens"] - row["n_generated"]]
    return Prompt(row["sample_id"], row["question_id"], row["prompt_ids"], row["seed"], given, row["parent_id"])


def whole(pool: str, policy: Path) -> None:
    """Print the cost of a pool, as counted by its engine."""
    shards = sorted((policy / pool / "samples").glob("*.parquet"))
    entry = ledger.pool(tables.read("samples", shards), [read_json(path.with_suffix(".cost.json")) for path in shards])
    names = ("samples", "generated_tokens", "prefill_tokens", "cached_tokens", "sample_seconds")
    print(f"| {pool} | {' | '.join(f'{entry[name]:,.0f}' for name in names)} |")


if __name__ == "__main__":
    main()
