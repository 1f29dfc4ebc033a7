"""One question of a benchmark, in the common form of all stages."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _plain(text: str) -> str:
    """Reject text that no text file or table can store."""
    if "\0" in text:
        raise ValueError("it contains a NUL character; remove it")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"character {error.start} is half of a surrogate pair; remove it") from None
    return text


Text = Annotated[str, AfterValidator(_plain)]
Level = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]


class Record(BaseModel):
    """A question with its gold answer, as a line of a benchmark's JSONL file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Text = Field(min_length=1, description="Unique within the task.")
    question: Text = Field(pattern=r"\S", description="The question's text.")
    answer: Text = Field(pattern=r"\S", description="The gold answer.")
    options: dict[Text, Text] | None = Field(None, description="Options by letter, if any.")
    difficulty: Level | None = Field(None, description="Level by which the report breaks results down.")
    trace: Text | None = Field(None, description="A correct solution in the trace format, if known.")
