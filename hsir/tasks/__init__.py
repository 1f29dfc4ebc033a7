"""Tasks: one file per benchmark, with its source, its prompt and its answer type.

- `base.py` defines a task; `benchmark.py` is the base class of those with rows on a hub or in files.
- `jsonl.py`: the user's own questions.
- `generated.py`: the base of the generated benchmarks. `chains.py` and `wordproblems.py`: the embedded default.
  `bags.py` and `bagproblems.py`: one in which the shortest solution is not the best.
- `rows.py`, `record.py`, `distilled.py`: reading rows and traces.

The stage `data` calls these.
"""

from typing import Annotated

from pydantic import Field

from hsir.tasks.amc23 import Amc23
from hsir.tasks.arc import Arc
from hsir.tasks.bags import Bags
from hsir.tasks.chains import Chains
from hsir.tasks.commonsenseqa import CommonsenseQA
from hsir.tasks.gpqa import Gpqa
from hsir.tasks.gsm8k import Gsm8k
from hsir.tasks.jsonl import Jsonl
from hsir.tasks.math500 import Math500
from hsir.tasks.medbullets import Medbullets
from hsir.tasks.medqa import MedQA
from hsir.tasks.medxpertqa import MedXpertQA
from hsir.tasks.strategyqa import StrategyQA

Task = Annotated[
    Chains | Bags | Jsonl | Gsm8k | MedQA | Arc | CommonsenseQA | StrategyQA
    | Medbullets | MedXpertQA | Math500 | Amc23 | Gpqa,
    Field(discriminator="kind"),
]  # fmt: skip
