"""The benchmarks: one file each."""

from typing import Annotated

from pydantic import Field

from hsir.tasks.chains import Chains
from hsir.tasks.jsonl import Jsonl

Task = Annotated[Chains | Jsonl, Field(discriminator="kind")]
