"""HSIR on one page: Algorithm 2 of arXiv 2605.24998 on the embedded model, in a few minutes on a CPU.

    python -m examples.one_page

There is no workflow and no config: each block calls the functions that the stages of the pipeline call. A question q
and a solution y are dicts with the columns of `hsir.storage.tables`. Names are those of the paper and docs/method.md.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from transformers import PreTrainedModel

import hsir
from hsir.config.training import Sft
from hsir.diversity.indiv.reading import Solution
from hsir.diversity.indiv.score import score
from hsir.evaluation.statistics import graded, summary
from hsir.grading.verdicts import verdicts
from hsir.progress import say
from hsir.recycling.matchers import Explicit
from hsir.recycling.veriexit import recycle
from hsir.sampling.engines.base import Prompt
from hsir.sampling.engines.transformers import TransformersRunner
from hsir.sampling.questions import question_rows
from hsir.sampling.samples import question_prompts, recycled_prompts, sample
from hsir.selection.filters import AtMost, InDiv, Right
from hsir.selection.training_set import candidates, given_rows, kept_rows
from hsir.storage.models import load_model, load_tokenizer
from hsir.tasks.base import Split
from hsir.tasks.chains import Chains
from hsir.training.finetune import finetune

Row = dict[str, Any]
Questions = dict[str, Row]  # by question_id
Solutions = dict[str, Row]  # by sample_id

BASE = str(Path(hsir.__file__).parent / "embedded" / "model")  # M, the base model: L = 4 blocks, d = 128
K = 10  # solutions per question
J = 5  # answers per recycled solution
TAU = -0.5  # threshold of InDiv: a z-score over all candidates
SFT = Sft(learning_rate=8e-4, epochs=3, batch_size=32, device_batch_size=8)
SPLITS: tuple[Split, ...] = ("seed", "unlabelled", "test")  # S, U and the test set T

tokenizer = load_tokenizer(BASE)
task = Chains(kind="chains")  # word problems of 2 to 8 steps from a seeded generator
grader = task.grading.in_tags()  # only an answer in <answer> tags counts


def questions(split: Split, size: float) -> Questions:
    """Sample a share of a set's questions, the same number of each difficulty, and tokenize them."""
    records = list(task.records(split, 0))[: max(7, round(size * task.size(split)))]
    return {q["question_id"]: q for q in question_rows(records, task, tokenizer)}


def solve(M: PreTrainedModel, pool: str, prompts: list[Prompt], Q: Questions, temperature: float, n: int) -> Solutions:
    """Sample a solution of at most n tokens for each prompt from policy M, and verify it against the answer of its q.

    A solution's `verdict` is right, wrong, no_answer or undecided.
    """
    Y = sample(TransformersRunner(M, tokenizer, temperature, max_new_tokens=n), prompts, batch_size=128)
    judged = verdicts(Y, Q, grader)
    return {y["sample_id"]: y | {"source": pool} | v for y, v in zip(Y, judged, strict=True)}


def sft(D: list[Row]) -> PreTrainedModel:
    """Section 3.1, equation 1: fine-tune the base model M on D, by the NLL of the solutions."""
    M = load_model(BASE, "float32")
    finetune(M, tokenizer, D, SFT)
    return M


def improve(M: PreTrainedModel, U: Questions) -> list[Row]:
    """Algorithm 2, iteration i: from policy M = M_{i-1} and the unlabelled set U to the training data of M_i."""
    # Section 3.1, self-training: sample K solutions of each question, |U| * K in all, and verify them.
    Y = solve(M, "k10", question_prompts(U.values(), "k10", K), U, temperature=1.0, n=320)
    F = [y for y in Y.values() if y["verdict"] != "right"]

    # Section 3.2, VeriExit: cut each failed solution after the first step that states the answer of q, and append the
    # exit prompt; if no step does, `cut_step` is None. Sample J answers after each cut, and verify them.
    cuts = recycle(F, U, Explicit(), grader, tokenizer)
    R = solve(M, "k10-veriexit", recycled_prompts(cuts, "k10-veriexit", J), U, temperature=1.0, n=64)
    Y |= R
    W = [y for y in Y.values() if y["verdict"] == "right"]

    # Section 3.3, InDiv of each correct solution (equation 5): H [d, m] are the states of its m tokens after block L/2
    # of
    # M, A [m, m] is diagonal with the attention that they receive, and J_d centres each state:
    # log det((HA)^T J_d (HA) + alpha I_m) / m.
    scored = score(M, [Solution(y["sample_id"], y["prompt_ids"], y["completion_ids"]) for y in W])
    indiv = {name: parts.indiv for name, parts in scored}

    # Merge correct solutions and correct recycled answers, keep a random K per question, then drop those whose z-score
    # of InDiv is below tau.
    kept = candidates(Y, {name: y["verdict"] for name, y in Y.items()}, indiv, U)
    left = [len(kept)]
    for choose in (Right(), AtMost(per_question=K), InDiv(threshold=TAU)):
        kept = choose(kept, seed=0)
        left.append(len(kept))
    cut = sum(row["cut_step"] is not None for row in cuts)
    say(f"{len(F)} of {len(Y) - len(R)} solutions failed, {cut} of them were cut and answered {len(R)} times")
    say("{} solutions, right {}, at most K per question {}, InDiv >= tau {}".format(*left))
    return kept_rows(kept, Y, U)


def evaluate(M: PreTrainedModel, T: Questions) -> Row:
    """Section 4.1: answer the test questions T greedily; returns accuracy with its interval, and mean tokens."""
    Y = solve(M, "greedy", question_prompts(T.values(), "greedy", 1), T, temperature=0.0, n=480).values()
    return summary(graded(Y, Y, T.values()))


def main(
    size: Annotated[float, typer.Option(help="Share of the questions of `make demo`.")] = 0.4,
    iterations: Annotated[int, typer.Option(min=1, help="Number of policies trained after M_0.")] = 1,
) -> None:
    """Let the embedded model improve itself, and compare its policies on the test set."""
    S, U, T = (questions(split, size) for split in SPLITS)

    D = given_rows(S.values(), "seed")  # S = {(q, r, y)}: questions with traces
    M = sft(D)  # M_0, SFT-Initial
    table = [("sft-initial", evaluate(M, T), len(D))]
    for i in range(1, iterations + 1):
        kept = improve(M, U)  # U = {(q, y)}: questions with answers only
        M = sft(D + kept)  # M_i, from the base model again
        table.append((f"hsir-sft.{i}", evaluate(M, T), len(D + kept)))

    print(f"{'policy':<12}{'accuracy %':>19}{'tokens':>8}{'trained on':>12}")
    for policy, result, trained_on in table:
        accuracy, low, high = (100 * result["accuracy"][end] for end in ("value", "low", "high"))
        interval = f"{accuracy:.1f} [{low:.1f}, {high:.1f}]"
        print(f"{policy:<12}{interval:>19}{result['tokens']['mean']:>8.1f}{trained_on:>12,}")


if __name__ == "__main__":
    typer.run(main)
