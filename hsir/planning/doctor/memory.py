"""Is there enough memory for training on the CPU?"""

from collections.abc import Iterator, Mapping

from hsir.planning.budget.summary import size
from hsir.planning.doctor.finding import Finding, ok, problem, skipped

REMEDY = (
    "set `lora`, a smaller device_batch_size or limits.max_length for its training, or use a machine with more memory"
)


def memory(needed: Mapping[str, float | None], here: float) -> Iterator[Finding]:
    """Compare the peak training memory of each model with that of the machine, in bytes."""
    for model, most in needed.items():
        what = f"memory, model {model}"
        if most is None:
            yield skipped(what, "the model's size is unknown")
            continue
        told = f"{size(most)} for training on the CPU, {size(here)} here"
        if most > here:
            yield problem(what, told, REMEDY)
        else:
            yield ok(what, f"{told}: {here // most:.0f} at a time, if there are enough cores")
