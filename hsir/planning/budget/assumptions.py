"""What is assumed where nothing was measured; the output names each that it used."""

from collections.abc import Sequence

from pydantic import Field, ValidationError

from hsir.config.training import Count
from hsir.errors import InputError
from hsir.options import Options


class Assumptions(Options):
    """Figures to plan by. `--assume NAME=VALUE` sets one."""

    questions: Count = Field(1000, description="Questions of a set whose size is told by no option and no file.")
    prompt_tokens: Count = Field(200, description="Tokens of a prompt.")
    length: float = Field(0.5, gt=0, le=1, description="Tokens of a completion, as a share of its limit.")
    failed: float = Field(0.5, ge=0, le=1, description="Share of solutions that are not right.")
    recyclable: float = Field(0.35, ge=0, le=1, description="Share of failed solutions that VeriExit can cut.")
    mentioned: float = Field(
        0.2, ge=0, le=1, description="Share of a failed solution's steps that hold the gold answer, or follow one."
    )
    unsolved: float = Field(0.2, ge=0, le=1, description="Share of questions without a right solution.")
    kept: float = Field(0.7, ge=0, le=1, description="Share of right solutions that the filters behind `right` keep.")
    parameters: float = Field(
        7e9, gt=0, description="Parameters of a model of which neither its folder nor its name tells."
    )
    least_parameters: float = Field(1e9, gt=0, description="Parameters below which a model gets no faster.")
    sampling_teraflops: float = Field(
        5.0, gt=0, description="What one GPU makes of its arithmetic while it generates: 2 operations a parameter."
    )
    scoring_teraflops: float = Field(
        40.0, gt=0, description="The same while it reads for InDiv, half of the model: 1 operation a parameter."
    )
    training_teraflops: float = Field(40.0, gt=0, description="The same while it trains: 6 operations a parameter.")
    cpu_teraflops: float = Field(
        0.03, gt=0, description="What one CPU thread makes of its arithmetic, where there is no GPU: a job takes one."
    )
    gpu_memory: float = Field(80e9, gt=0, description="Bytes of memory of a GPU.")
    bytes_per_token: float = Field(8.0, gt=0, description="Bytes of a token in a table, as id and as text.")
    accuracy: float = Field(0.5, gt=0, lt=1, description="Accuracy of both policies; 0.5 needs the most questions.")
    between: float = Field(0.6, ge=0, le=1, description="Share of an answer's variance that is due to its question.")
    correlation: float = Field(
        0.8, ge=0, le=1, description="Correlation of two policies' chances over the questions of a benchmark."
    )
    level: float = Field(0.05, gt=0, lt=1, description="Level of the two-sided test.")
    power: float = Field(0.8, gt=0, lt=1, description="Probability that an existing difference is detected.")
    trainings_at_once: Count = Field(4, description="Trainings whose resumable state lies on the disk at a time.")


def assumptions(given: Sequence[str]) -> Assumptions:
    """Read NAME=VALUE pairs over the defaults; raises InputError for what is no assumption."""
    pairs = dict(pair.partition("=")[::2] for pair in given)
    try:
        return Assumptions.model_validate(pairs)
    except ValidationError as error:
        wrong = error.errors()[0]
        known = ", ".join(Assumptions.model_fields)
        raise InputError(f"--assume {'.'.join(map(str, wrong['loc']))}: {wrong['msg']}; known: {known}") from error
