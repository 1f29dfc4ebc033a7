"""One question of a benchmark, in the form that every stage understands."""

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """A question with its gold answer, as a line of a benchmark's JSONL file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str = Field(min_length=1, description="Unique within the task.")
    question: str = Field(pattern=r"\S", description="The question's text.")
    answer: str = Field(pattern=r"\S", description="The gold answer.")
    options: dict[str, str] | None = Field(None, description="Options by letter, if any.")
    difficulty: int | None = Field(None, description="Level by which the report breaks results down.")
    trace: str | None = Field(None, description="A correct solution in the trace format, if known.")
