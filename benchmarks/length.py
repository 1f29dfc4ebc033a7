"""Does a diversity score detect repetition, or only length? Compares score sets at equal length, on any text.

PYTHONPATH=. python benchmarks/length.py --policy FOLDER --rows FILE.jsonl          rows of `question`, `completion`
PYTHONPATH=. python benchmarks/length.py --policy FOLDER --pool results/.../k10     the correct samples of a pool
PYTHONPATH=. python benchmarks/length.py --policy FOLDER --shared ../shared         QwQ's traces in the shared test data

The reasoning of every solution is read five times: unchanged, with a span of steps repeated twice, with two re-checks,
and with as many characters of other solutions' steps in the same places. A score that detects repetition is lower for
the repeated span than for the others' steps. The policy runs once per text, and all score sets read the same states.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from benchmarks.machine import described
from hsir import traces
from hsir.config.settings import Score
from hsir.diversity.indiv.logdet import parts
from hsir.diversity.indiv.reading import Solution, read
from hsir.diversity.indiv.score import Scorer, opened
from hsir.diversity.indiv.states import Seen, look
from hsir.diversity.redundancy import variants
from hsir.evaluation.statistics import spearman, wilson
from hsir.progress import Progress
from hsir.storage import tables
from hsir.storage.chat import rendered
from hsir.storage.models import load_tokenizer

COPIES = 2
OTHERS = 200
"""Number of solutions that provide steps for others, and are not scored themselves."""
PAIRS = {"repeated steps": ("repeat", "other"), "re-checks": ("recheck", "aside")}
KINDS = ("original", *(kind for pair in PAIRS.values() for kind in pair))
READ = Score(tokens="think", states="token")
SETS: dict[str, dict[str, object]] = {
    "paper: a state per token": {},
    "weights: none": {"weights": "none"},
    "scale: unit": {"scale": "unit"},
    "alpha: 0.1": {"alpha": 0.1},
    "states: 8": {"states": 8},
    "states: 32": {"states": 32},
    "states: 32, weights: none": {"states": 32, "weights": "none"},
    "states: step": {"states": "step"},
    "states: step, weights: none": {"states": "step", "weights": "none"},
    "states: step, alpha: 0.1": {"states": "step", "alpha": 0.1},
    "states: step, scale: unit (`indiv-steps`)": {"states": "step", "scale": "unit"},
    "the same, weights: none": {"states": "step", "scale": "unit", "weights": "none"},
}
Texts = list[tuple[str, list[int], str]]
"""Solutions: id, prompt ids, completion."""
Scores = dict[str, float]
Rows = dict[str, list[Scores]]
"""By kind, the scores of each solution, and its tokens."""
Values = dict[str, NDArray[np.float64]]


def from_rows(path: Path, encoder: PreTrainedTokenizerBase) -> Texts:
    """Read solutions from a file; their prompt is the question in the model's chat template."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        row = json.loads(line)
        prompt = rendered(encoder, [{"role": "user", "content": row["question"]}])
        found.append((str(number), encoder(prompt, add_special_tokens=False)["input_ids"], row["completion"]))
    return found


def from_shared(folder: Path, encoder: PreTrainedTokenizerBase) -> Texts:
    """Read QwQ's traces of GSM8K in the shared test data: those of 6 to 40 steps and below 6,000 characters."""
    rows = json.loads((folder / "data/model_outputs/mip_gsm8k/QwQ.json").read_text(encoding="utf-8"))
    found: Texts = []
    for row in rows:
        reasoning, closed, _ = row["model_answer"].partition(traces.CLOSED)
        text = reasoning.strip()
        if closed and 6 <= len(traces.steps(text)) <= 40 and len(text) < 6000:
            prompt = rendered(encoder, [{"role": "user", "content": row["question"]}])
            ids = encoder(prompt, add_special_tokens=False)["input_ids"]
            found.append((str(len(found) + 1), ids, f"<think>\n{text}\n</think>"))
    return found


def from_pool(folder: Path) -> Texts:
    """Read the correct solutions of a pool."""
    right = {
        row["sample_id"] for row in tables.read("verified", folder / "verified.parquet") if row["verdict"] == "right"
    }
    shards = sorted((folder / "samples").glob("*.parquet"))
    rows = tables.tuples("samples", shards, ["sample_id", "prompt_ids", "completion"])
    return [row for row in rows if row[0] in right]


def made(name: str, completion: str, others: Sequence[str]) -> dict[str, str]:
    """Return a solution unchanged, and with redundant or others' steps; empty if it has no step."""
    return {one.kind: one.completion for one in variants(completion, others, name) if one.copies in (0, COPIES)}


def scores(
    scorer: Scorer, name: str, prompt: list[int], text: str, encoder: PreTrainedTokenizerBase
) -> dict[str, float]:
    """Run the policy over one text; score it by each score set, and count its tokens."""
    whole = Solution(name, prompt, encoder(text, add_special_tokens=False)["input_ids"])
    base = read(whole, encoder, READ)
    if base is None:
        raise SystemExit(f"{name}: no reasoning")
    (seen,) = look(scorer.model, [base.tokens])
    found: Scores = {"tokens": len(seen.states)}
    for label, options in SETS.items():
        chosen = Score.model_validate({"tokens": "think", **options})
        one = read(whole, encoder, chosen) or base
        last = one.tokens.end_or_last - one.start
        cut = Seen(seen.states[:last], seen.attention[:last], seen.sink, one.tokens.sizes)
        found[label] = parts([cut], chosen.alpha, chosen.weights, chosen.scale)[0].indiv
    return found


def measured(texts: Texts, scorer: Scorer, encoder: PreTrainedTokenizerBase, most: int) -> Rows:
    """Score the variants of up to `most` solutions: by kind, a row of scores per solution."""
    texts = Random(0).sample(texts, len(texts))
    lenders = min(OTHERS, len(texts) // 2)
    lent, texts = texts[:lenders], texts[lenders:]
    others = list(dict.fromkeys(step for _, _, text in lent for step, _ in traces.steps(text)))
    rows: Rows = {kind: [] for kind in KINDS}
    with Progress("reading", "solutions", most, 0) as progress:
        for name, prompt, text in texts:
            versions = made(name, text, others)
            longest = max((len(one) for one in encoder(list(versions.values()))["input_ids"]), default=0)
            if len(traces.steps(text)) < 2 or not versions or len(prompt) + longest > scorer.limit:
                continue
            for kind, version in versions.items():
                rows[kind].append(scores(scorer, name, prompt, version, encoder))
            progress.advance(1)
            if len(rows["original"]) == most:
                break
    return rows


def column(rows: Rows, label: str) -> Values:
    """Return the values of a score set, or the tokens, by kind."""
    return {kind: np.array([row[label] for row in rows[kind]]) for kind in KINDS}


def given_length(values: Values, tokens: Values) -> Values:
    """Remove the effect of length: the residuals of a parabola in log(tokens), fitted to all variants."""
    x, y = (np.concatenate([of[kind] for kind in KINDS]) for of in (tokens, values))
    fit = np.polynomial.Polynomial.fit(np.log(x), y, 2)
    return {kind: values[kind] - fit(np.log(tokens[kind])) for kind in KINDS}


def share(lower: NDArray[np.bool_]) -> str:
    """Format a share with its 95 % interval."""
    interval = wilson(int(lower.sum()), len(lower))
    return f"{100 * interval.value:.0f} [{100 * interval.low:.0f}, {100 * interval.high:.0f}]"


def table(rows: Rows) -> Iterator[str]:
    """Print one line per score set."""
    tokens = column(rows, "tokens")
    yield (
        "| score set | "
        + " | ".join(f"{name}: lower than others' %" for name in PAIRS)
        + (" | ... given length | ... given length | others' steps lower than none % | rank correlation with length |")
    )
    yield "|---|" + "---:|" * 6
    for label in SETS:
        values = column(rows, label)
        left = given_length(values, tokens)
        cells = [share(of[kind] < of[control]) for of in (values, left) for kind, control in PAIRS.values()]
        rank = spearman(values["original"].tolist(), tokens["original"].tolist())
        yield f"| {label} | " + " | ".join([*cells, share(values["other"] < values["original"]), f"{rank:+.2f}"]) + " |"


def main() -> None:
    """Print the page."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--policy", required=True)
    asked.add_argument("--rows", type=Path)
    asked.add_argument("--pool", type=Path)
    asked.add_argument("--shared", type=Path)
    asked.add_argument("--solutions", type=int, default=60)
    asked.add_argument("--layer", default="middle")
    given = asked.parse_args()
    torch.set_num_threads(1)
    encoder = load_tokenizer(given.policy)
    if given.shared:
        texts = from_shared(given.shared, encoder)
    else:
        texts = from_rows(given.rows, encoder) if given.rows else from_pool(given.pool)
    layer = float(given.layer) if "." in given.layer else given.layer
    scorer = opened(given.policy, Score.model_validate({"layer": layer}))
    began = time.perf_counter()
    rows = measured(texts, scorer, encoder, given.solutions)
    tokens = column(rows, "tokens")
    print(f"{described()} {time.perf_counter() - began:.0f} seconds on one thread.\n")
    means = ", ".join(f"{tokens[kind].mean():.0f} ({kind})" for kind in KINDS)
    print(f"{len(tokens['original'])} solutions, {scorer.model.config.hidden_size} dimensions; mean tokens {means}.\n")
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
