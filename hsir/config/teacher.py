"""Models behind OpenAI-compatible endpoints: the teacher that distils seed traces, and the judge of steps."""

from typing import Annotated

from pydantic import Field

from hsir.options import Count, Options


class Served(Options):
    """A model behind an OpenAI-compatible endpoint; its key is read from an environment variable only."""

    model: str = Field(description="The model's name at the endpoint.")
    endpoint: str = Field(description="OpenAI-compatible URL, such as http://localhost:8000/v1.")
    key_from: str = Field("OPENAI_API_KEY", description="Environment variable with the API key, if one is needed.")
    system: str | None = Field(None, description="System prompt.")
    parallel: Count = Field(8, description="Number of parallel requests.")
    requests_per_minute: Annotated[float, Field(ge=0.1)] | None = Field(None, description="Rate limit; retries count.")


class Teacher(Served):
    """The model that generates traces for the rule `distill`."""

    temperature: float = Field(0.6, ge=0, description="Divides the logits before sampling.")
    max_new_tokens: Count = Field(16_384, description="Token limit of reasoning and answer together.")
    attempts: Count = Field(1, description="Answers requested per question, until one is correct.")

    def flags(self) -> list[str]:
        """Return the options for the stage's command line."""
        return [
            f"--{name.replace('_', '-')}={value}"
            for name, value in self.model_dump(mode="json").items()
            if value is not None
        ]


class Judge(Served):
    """The model that judges the steps of failed traces, for the matcher `judge`."""

    temperature: float = Field(0.0, ge=0, description="Divides the logits before sampling; 0 is greedy.")
    max_new_tokens: Count = Field(1_024, description="Token limit of reasoning and reply together.")
