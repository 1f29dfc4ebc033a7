"""Pools: named sampling strategies. A pool's kind defines what its prompts are built from."""

from typing import Annotated, Literal, TypeVar

from pydantic import Field, RootModel, model_validator

from hsir.options import Name, Options
from hsir.recycling.matchers import Explicit, Matcher

Count = Annotated[int, Field(ge=1)]
P = TypeVar("P", bound=Options)


def _everything(top_p: float) -> bool:
    """Leave top_p out of a pool's JSON where it changes nothing: pools sampled before it existed stay valid."""
    return top_p == 1.0


def _whole(parts: int | None) -> bool:
    """Leave parts out of a pool's JSON where there are none, for the same reason."""
    return parts is None


def _in_turn(order: str) -> bool:
    """Leave the default order out of a pool's JSON, for the same reason."""
    return order == "fixed"


class BasePool(Options):
    """The interface of all pools."""

    @property
    def asked(self) -> bool:
        """Whether the stage `ask` builds its prompts."""
        return False

    @property
    def source(self) -> str | None:
        """The pool that it is derived from, if any."""
        return None

    @property
    def sources(self) -> tuple[str, ...]:
        """All pools that must exist before this one."""
        return () if self.source is None else (self.source,)


class DrawnPool(BasePool):
    """Options shared by all pools that are sampled."""

    samples: Count = Field(description="Completions per prompt.")
    temperature: float = Field(1.0, ge=0, description="Divides the logits before sampling; 0 is greedy.")
    top_p: float = Field(
        1.0,
        gt=0,
        le=1,
        exclude_if=_everything,
        description="Nucleus sampling: tokens are drawn from the most likely ones that make up this probability.",
    )
    max_new_tokens: Count | None = Field(None, description="Token limit; if none, that of the settings.")


class SamplePool(DrawnPool):
    """Solutions sampled from the questions, K per question."""

    kind: Literal["sample"]
    parts: Annotated[int, Field(ge=2)] | None = Field(
        None,
        exclude_if=_whole,
        description="Number of parts that the questions are split into: iteration 1 samples the first part, iteration 2"
        " the second, and so on, from the beginning after the last. If none, every iteration samples all questions.",
    )
    order: Literal["fixed", "adaptive"] = Field(
        "fixed",
        exclude_if=_in_turn,
        description="Which questions an iteration samples, if there are `parts`: the next part, or as many questions,"
        " those sampled longest ago first, and of these the ones with the fewest correct samples (AdaSTaR).",
    )

    @property
    def asked(self) -> bool:
        return self.parts is not None

    @model_validator(mode="after")
    def _has_parts(self) -> "SamplePool":
        if self.order != "fixed" and self.parts is None:
            raise ValueError(f"order is {self.order}, but all questions are sampled; set parts, or remove order")
        return self


class VeriExitPool(DrawnPool):
    """Failed solutions of another pool, cut where they reach the gold answer, with J new answers each."""

    kind: Literal["veriexit"]
    of: Name = Field(description="The pool whose failed solutions are recycled.")
    max_new_tokens: Count | None = Field(64, description="Token limit of the answer.")
    matcher: Matcher = Field(Explicit(), description="Decides whether a step reaches the gold answer, by `kind`.")

    @property
    def source(self) -> str:
        return self.of

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.of, *self.matcher.pools)


class ProbePool(DrawnPool):
    """Failed solutions of another pool, cut after successive steps, to see what the policy would answer there.

    These answers are never used for training. The matcher `probe` reads from them at which step the policy knows the
    answer.
    """

    kind: Literal["probe"]
    of: Name = Field(description="The pool whose failed solutions are probed.")
    samples: Count = Field(1, description="Answers per step.")
    temperature: float = Field(0.0, ge=0, description="Divides the logits before sampling; 0 is greedy.")
    max_new_tokens: Count | None = Field(32, description="Token limit of an answer.")
    most: Count = Field(16, description="Largest number of steps probed per solution, evenly spaced.")
    mentions: bool = Field(
        False,
        description="Probe only steps that contain the gold answer (other than as a term of a calculation), and the"
        " step after each.",
    )
    per_question: Count | None = Field(
        None, description="Largest number of solutions probed per question: the first ones with a step to probe."
    )
    unsolved: bool = Field(False, description="Skip questions that have a correct solution in `of`.")

    @property
    def source(self) -> str:
        return self.of


class HintPool(DrawnPool):
    """Questions without a correct solution in another pool, prompted again with the gold answer as a hint.

    The hint is used for sampling only; training examples have the plain question as their prompt.
    """

    kind: Literal["hint"]
    of: Name = Field(description="The pool whose unsolved questions are prompted again.")
    template: str = Field(
        "{question}\n\nHint: the answer is {answer}.",
        description="User message; `{question}` is the task's own prompt, `{answer}` the gold answer.",
    )

    @property
    def asked(self) -> bool:
        return True

    @property
    def source(self) -> str:
        return self.of

    @model_validator(mode="after")
    def _asks(self) -> "HintPool":
        return _checked(self, self.template, ("{question}", "{answer}"))


class GuidePool(DrawnPool):
    """Questions wrapped in a template, with instructions and the policy's completions from an earlier pool."""

    kind: Literal["guide"]
    of: Name | None = Field(
        None, description="The pool whose completions the template quotes, one prompt per completion."
    )
    template: str = Field(
        description="User message; `{question}` is the task's own prompt, `{previous}` a completion of `of`."
    )
    quote: Count = Field(2000, description="Largest number of characters quoted from a completion.")

    @property
    def asked(self) -> bool:
        return True

    @property
    def source(self) -> str | None:
        return self.of

    @model_validator(mode="after")
    def _asks(self) -> "GuidePool":
        return _checked(self, self.template, ("{question}", "{previous}") if self.of else ("{question}",))


class AdaptivePool(DrawnPool):
    """More samples for questions with few correct ones in another pool (DART-style), `samples` per question on
    average."""

    kind: Literal["adaptive"]
    of: Name = Field(description="The pool whose failure rate determines how many samples a question gets.")

    @property
    def asked(self) -> bool:
        return True

    @property
    def source(self) -> str:
        return self.of


class MajorityPool(BasePool):
    """The solutions of another pool, judged without gold answers: the majority answer to a question counts as correct
    (self-consistency).

    Nothing is sampled for it. The samples of a question without a majority are not correct, and are not recycled.
    """

    kind: Literal["majority"]
    of: Name = Field(description="The pool, of kind sample, whose solutions vote.")
    least: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Share of a question's samples that must give the majority answer; samples without an answer count"
        " as well. In a tie there is no majority.",
    )

    @property
    def source(self) -> str:
        return self.of


Pool = Annotated[
    SamplePool | VeriExitPool | ProbePool | HintPool | GuidePool | AdaptivePool | MajorityPool,
    Field(discriminator="kind"),
]


class PoolEntry(RootModel[Pool]):
    """A pool, as written in a file in config/pools/."""


DEFAULT_POOLS = {
    "greedy": {"kind": "sample", "samples": 1, "temperature": 0.0},
    "k5": {"kind": "sample", "samples": 5},
    "k10": {"kind": "sample", "samples": 10},
    "k10-third": {"kind": "sample", "samples": 10, "parts": 3},
    "k2-third-adaptive": {"kind": "sample", "samples": 2, "parts": 3, "order": "adaptive"},
    "k30": {"kind": "sample", "samples": 30},
    "k10-veriexit": {"kind": "veriexit", "of": "k10", "samples": 5},
    "k10-probe": {"kind": "probe", "of": "k10", "mentions": True},
    "k10-veriexit-probe": {
        "kind": "veriexit",
        "of": "k10",
        "samples": 5,
        "matcher": {"kind": "probe", "pool": "k10-probe"},
    },
    "k10-majority": {"kind": "majority", "of": "k10"},
    "k10-majority-veriexit": {"kind": "veriexit", "of": "k10-majority", "samples": 5},
    "k10-hint": {"kind": "hint", "of": "k10", "samples": 10},
    "greedy-hint": {"kind": "hint", "of": "greedy", "samples": 1, "temperature": 0.0},
    "k5-adaptive": {"kind": "adaptive", "of": "k5", "samples": 5},
}


def _checked(pool: P, template: str, needed: tuple[str, ...]) -> P:
    absent = [place for place in needed if place not in template]
    if absent:
        raise ValueError(f"template has no {' and no '.join(absent)}; add it")
    return pool
