"""The exactness of InDiv: log-determinants against eigenvalues in float64, and half precision against single.

PYTHONPATH=. python benchmarks/exactness.py > benchmarks/exactness.md      (8 minutes)
"""

import math
from pathlib import Path

import torch
from scipy.stats import spearmanr

from benchmarks.machine import described
from hsir.config.settings import Score
from hsir.diversity.indiv.logdet import parts
from hsir.diversity.indiv.reading import Solution
from hsir.diversity.indiv.score import score
from hsir.diversity.indiv.states import Seen
from hsir.storage.models import load_tokenizer
from hsir.tasks.chains import Chains

TOKENS = (1, 2, 17, 512, 2048, 4096)
FEATURES = (128, 1536, 3584)
KINDS = ("plain", "massive activations", "duplicated tokens")
ALPHA = 1e-3
EMBEDDED = "hsir/embedded/model"


def main() -> None:
    """Print the page."""
    torch.set_num_threads(2)
    print("# The exactness of InDiv\n\n`PYTHONPATH=. python benchmarks/exactness.py > benchmarks/exactness.md`,")
    print(described())
    print("\n## Log-determinant: relative error against float64 eigenvalues, alpha = 0.001\n")
    print("| tokens | features | " + " | ".join(KINDS) + " |\n|---|---|---|---|---|")
    for m in TOKENS:
        for d in FEATURES:
            print(f"| {m:,} | {d:,} | " + " | ".join(f"{error(m, d, kind):.0e}" for kind in KINDS) + " |", flush=True)
    precision()


def error(m: int, d: int, kind: str) -> float:
    """Return the relative error of one log-determinant."""
    noise = torch.Generator().manual_seed(m * d)
    states = torch.randn(m, d, generator=noise)
    attention = 0.05 + 0.95 * torch.rand(m, generator=noise)
    if kind == "massive activations":
        states[:, 3] *= 1e3
    if kind == "duplicated tokens":
        states, attention = states[torch.arange(m) // 2], attention[torch.arange(m) // 2]
    (got,) = parts([Seen(states, attention, sink=False)], ALPHA)
    wanted = by_eigenvalues(states, attention / attention.max())
    return abs(got.logdet - wanted) / abs(wanted)


def by_eigenvalues(states: torch.Tensor, weights: torch.Tensor) -> float:
    """Sum the logs of the eigenvalues of the smaller of the two matrices; all other eigenvalues are alpha."""
    m, d = states.shape
    h, a = states.double().T, weights.double()
    centred = (torch.eye(d, dtype=torch.float64) - 1 / d) @ (h * a)
    matrix = centred.T @ centred if m <= d else centred @ centred.T
    spectrum = torch.linalg.eigvalsh(matrix).clamp_min(0) + ALPHA
    return float(spectrum.log().sum()) + max(m - d, 0) * math.log(ALPHA)


def precision() -> None:
    """Print how half precision ranks the traces of the embedded benchmark, compared with single precision."""
    encoder = load_tokenizer(EMBEDDED)
    solutions = []
    for record in Chains(kind="chains", test=350).records("test", 0):
        prompt = encoder.apply_chat_template(
            [{"role": "user", "content": record.question}], add_generation_prompt=True, tokenize=False
        )
        ids = [encoder(text, add_special_tokens=False)["input_ids"] for text in (prompt, record.trace or "")]
        solutions.append(Solution(record.id, *ids))
    whole = dict(score(str(Path(EMBEDDED)), solutions, Score()))
    print(
        "\n## Half precision in the forward pass: rank correlation with single precision, 350 traces, embedded model\n"
    )
    print("| dtype | Spearman | largest difference |\n|---|---|---|")
    for dtype in ("bfloat16", "float16"):
        half = dict(score(EMBEDDED, solutions, Score.model_validate({"dtype": dtype})))
        pairs = [(whole[name].indiv, half[name].indiv) for name in whole]
        ranks = spearmanr(*zip(*pairs, strict=True)).statistic
        print(f"| {dtype} | {ranks:.5f} | {max(abs(a - b) for a, b in pairs):.1e} |")


if __name__ == "__main__":
    main()
