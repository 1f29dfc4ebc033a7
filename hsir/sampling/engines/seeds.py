"""Seeds of samples, which depend only on a sample's own name."""

import hashlib


def sample_seed(run_seed: int, question_id: str, n: int) -> int:
    """Return the 63-bit seed of the n-th sample of a question (or of a recycled prefix)."""
    key = f"{run_seed}\0{question_id}\0{n}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()) >> 1


def rollout_seed(run_seed: int, step: int, question_id: str, n: int) -> int:
    """Return the 63-bit seed of a question's n-th rollout in a step of reinforcement learning."""
    return sample_seed(run_seed, f"{question_id}\0step {step}", n)
