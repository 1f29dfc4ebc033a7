"""Models behind OpenAI-compatible endpoints: the teacher that distils seed traces, and the judge of steps."""

from typing import Annotated

from pydantic import Field

from hsir.config.training import Count
from hsir.options import Options


class Served(Options):
    """A model behind an OpenAI-compatible endpoint; its key is in an environment variable, and nowhere else."""

    model: str = Field(description="The model's name there.")
    endpoint: str = Field(description="OpenAI-compatible address, such as http://localhost:8000/v1.")
    key_from: str = Field("OPENAI_API_KEY", description="Environment variable that holds the key, if any.")
    system: str | None = Field(None, description="System prompt.")
    parallel: Count = Field(8, description="Requests at once.")
    requests_per_minute: Annotated[float, Field(ge=0.1)] | None = Field(None, description="Limit; retries count.")


class Teacher(Served):
    """The model that the rule `distill` asks for traces."""

    temperature: float = Field(0.6, ge=0, description="Divides the logits before sampling.")
    max_new_tokens: Count = Field(16_384, description="Token limit of reasoning and answer together.")
    attempts: Count = Field(1, description="Answers asked for each question until one is right.")

    def flags(self) -> list[str]:
        """Give the options of the stage's command line."""
        return [
            f"--{name.replace('_', '-')}={value}"
            for name, value in self.model_dump(mode="json").items()
            if value is not None
        ]


class Judge(Served):
    """The model that the matcher `judge` asks about the steps of failed traces."""

    temperature: float = Field(0.0, ge=0, description="Divides the logits before sampling; 0 is greedy.")
    max_new_tokens: Count = Field(1_024, description="Token limit of reasoning and reply together.")
