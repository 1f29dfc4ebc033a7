"""Assumptions used if nothing was measured; the output lists those it used."""

from collections.abc import Sequence

from pydantic import Field, ValidationError

from hsir.errors import InputError
from hsir.options import Count, Options


class Assumptions(Options):
    """Numbers to plan with. `--assume NAME=VALUE` sets one."""

    questions: Count = Field(1000, description="Number of questions in a set whose size is in no option and no file.")
    prompt_tokens: Count = Field(200, description="Tokens of a prompt.")
    length: float = Field(0.5, gt=0, le=1, description="Tokens of a completion, as a share of its limit.")
    failed: float = Field(0.5, ge=0, le=1, description="Share of solutions that are not correct.")
    recyclable: float = Field(0.35, ge=0, le=1, description="Share of failed solutions that VeriExit can cut.")
    mentioned: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Share of a failed solution's steps that contain the gold answer, or follow such a step.",
    )
    unsolved: float = Field(0.2, ge=0, le=1, description="Share of questions without a correct solution.")
    kept: float = Field(0.7, ge=0, le=1, description="Share of correct solutions that the filters after `right` keep.")
    parameters: float = Field(
        7e9,
        gt=0,
        description="Number of parameters of a model if neither its folder, its config nor its name shows it.",
    )
    least_parameters: float = Field(1e9, gt=0, description="Number of parameters below which models do not get faster.")
    sampling_teraflops: float = Field(
        5.0, gt=0, description="TFLOP/s of one GPU while generating: 2 operations per parameter and token."
    )
    scoring_teraflops: float = Field(
        40.0,
        gt=0,
        description="The same while scoring InDiv with half of the model: 1 operation per parameter and token.",
    )
    training_teraflops: float = Field(
        40.0, gt=0, description="The same while training: 6 operations per parameter and token."
    )
    cpu_teraflops: float = Field(
        0.03, gt=0, description="TFLOP/s of one CPU thread, if there is no GPU; a job uses one."
    )
    gpu_memory: float = Field(80e9, gt=0, description="Memory of a GPU, in bytes.")
    bytes_per_token: float = Field(8.0, gt=0, description="Bytes per token in a table, as id and as text.")
    trainings_at_once: Count = Field(
        4, description="Number of training runs whose resumable state is on disk at the same time."
    )
    accuracy: float = Field(0.5, gt=0, lt=1, description="Accuracy of both policies; 0.5 needs the most questions.")
    between: float = Field(0.6, ge=0, le=1, description="Share of an answer's variance that is due to its question.")
    correlation: float = Field(
        0.8, ge=0, le=1, description="Correlation of two policies' chances over the questions of a benchmark."
    )
    level: float = Field(0.05, gt=0, lt=1, description="Level of the two-sided test.")
    power: float = Field(0.8, gt=0, lt=1, description="Probability that an existing difference is detected.")


def assumptions(given: Sequence[str]) -> Assumptions:
    """Apply NAME=VALUE pairs to the defaults; raises InputError for an unknown name or invalid value."""
    pairs = dict(pair.partition("=")[::2] for pair in given)
    try:
        return Assumptions.model_validate(pairs)
    except ValidationError as error:
        wrong = error.errors()[0]
        known = ", ".join(Assumptions.model_fields)
        raise InputError(f"--assume {'.'.join(map(str, wrong['loc']))}: {wrong['msg']}; known: {known}") from error
