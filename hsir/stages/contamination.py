"""Stage contamination: the overlap of a training set with test sets; an exact match stops the run."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from hsir.config.schema import TestSets
from hsir.config.settings import Contamination
from hsir.errors import InputError
from hsir.progress import say
from hsir.selection.contamination import Exact, Question, Text, compare
from hsir.selection.training_set import prefix
from hsir.stages import cli
from hsir.storage import belonging, tables

COLUMNS = ["question_id", "question", "options", "trace"]
NAMED = 20
"""Maximum number of complete questions that the error names."""


def main(
    filtered: Annotated[Path, typer.Option(help="Table of training examples.")],
    tests: Annotated[TestSets, cli.json_option(TestSets, "Tasks by name, as JSON; their test sets are checked.")],
    output: Annotated[Path, cli.file_option("--out", "JSON output: the overlap, by source and test set.", ".json")],
    contamination: Annotated[
        Contamination, cli.json_option(Contamination, "The allowed overlap, as JSON.")
    ] = Contamination(),
    given: Annotated[list[str], typer.Option(help="NAME=TABLE of questions with traces, as given to filter.")] = [],
    questions: Annotated[Path | None, typer.Option(help="Table of the pools' questions.")] = None,
    samples: Annotated[
        list[Path], typer.Option(help="Sample shards of the pools; repeat the option for each shard.")
    ] = [],
    other_samples: Annotated[
        list[str], typer.Option(help="POLICY/POOL=SHARD of another policy's pool; repeat the option for each shard.")
    ] = [],
) -> None:
    """Compare the training set with test sets; writes nothing if a complete test question is found."""
    asked = [
        Question(name, record.id, record.question, tuple((record.options or {}).values()))
        for name, task in tests.root.items()
        for record in task.questions("test", 0)
    ]
    tables_given, drawn = dict(cli.named(given, "given")), [("", path) for path in samples]
    drawn += [(name.partition("/")[0], path) for name, path in cli.named(other_samples, "other-samples")]
    shards = [path for _, path in drawn]
    belonging.check_made_of([filtered], [*tables_given.values(), *shards])
    texts = training_texts(filtered, tables_given, questions, drawn)
    overlaps, exact = compare(asked, texts, contamination.ngrams)
    if exact and contamination.exact == "fail":
        raise InputError(refusal(filtered, exact))
    inputs = [filtered, *tables_given.values(), *([questions] if questions else []), *shards]
    made_by = tables.provenance("contamination", inputs, tests=tests, contamination=contamination)
    found = {"overlaps": [row._asdict() for row in overlaps], "exact": [hit._asdict() for hit in exact]}
    tables.write_json(found | {"provenance": made_by}, output)
    for row in overlaps:
        shared = ", ".join(f"{count} share {n} words" for n, count in row.shared.items())
        say(f"{row.source}, {row.benchmark}: of {row.questions} test questions {row.exact} match exactly, {shared}")


def training_texts(
    filtered: Path, given: dict[str, Path], questions: Path | None, samples: list[tuple[str, Path]]
) -> Iterator[Text]:
    """Read the questions and traces of a training set, by source; raises InputError if one is not found.

    `samples` are shards, each with the name of its policy if that is another one.
    """
    rows = tables.read("filtered", filtered, ["sample_id", "question_id", "source"])
    sources = {row["sample_id"]: row["source"] for row in rows}
    asked: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        asked[row["source"]].add(row["question_id"])
    for source, wanted in asked.items():
        table = given.get(source, questions)
        for row in tables.read("questions", table, COLUMNS) if table else []:
            if (name := row["question_id"]) in wanted:
                yield Text(source, name, "question", row["question"], [text for _, text in row["options"] or ()])
                wanted.remove(name)
                if source in given:
                    sources.pop(f"{name}-{source}")
                    if source != "questions":
                        yield Text(source, f"{name}-{source}", "trace", row["trace"])
    for policy, shard in samples:
        for row in tables.read("samples", shard, ["sample_id", "completion"]):
            if (name := prefix(policy) + row["sample_id"]) in sources:
                yield Text(sources.pop(name), name, "trace", row["completion"])
    if left := [*sources, *(name for wanted in asked.values() for name in wanted)]:
        raise InputError(f"{filtered}: {left[0]} is in none of the given tables; give all inputs of the stage filter")


def refusal(filtered: Path, exact: list[Exact]) -> str:
    """Return the error message: which training texts contain which test questions, and a fix."""
    told = [
        f"  - {hit.row}, its {hit.part} ({hit.source}): question {hit.question_id} of {hit.benchmark}"
        for hit in exact[:NAMED]
    ]
    more = [f"  - and {len(exact) - NAMED} more"] if len(exact) > NAMED else []
    return "\n".join(
        [
            f"{filtered}: the training data contain complete test questions:", *told, *more,
            "remove them from the training data (or the test set), or set contamination: {exact: allow} in the task's"
            " settings or in overrides",
        ]
    )  # fmt: skip


if __name__ == "__main__":
    cli.run(main)
