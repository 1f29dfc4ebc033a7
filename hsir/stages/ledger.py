"""Stage ledger: the cost of a policy in samples, tokens and seconds, alone and including its ancestors."""

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from hsir.progress import say
from hsir.stages import cli
from hsir.storage import belonging, ledger, tables
from hsir.storage.files import read_json

READ = ["prompt_ids", "n_tokens", "n_generated"]


def main(
    train: Annotated[Path, typer.Option(help="JSON of the policy's training.")],
    output: Annotated[Path, cli.file_option("--out", "JSON output: the cost.", ".json")],
    pool: Annotated[list[str], typer.Option(help="POOL=SHARD of its samples; repeat the option for each shard.")] = [],
    scores: Annotated[list[Path], typer.Option(help="Its scores; repeat the option for each pool.")] = [],
    before: Annotated[Path | None, typer.Option(help="Ledger of its parent policy.")] = None,
) -> None:
    """Sum the cost of sampling, scoring and training for a policy; a shared pool counts in full for each method."""
    shards: dict[str, list[Path]] = defaultdict(list)
    for name, path in cli.named(pool, "pool"):
        shards[name].append(path)
    belonging.check_shards([path for paths in shards.values() for path in paths])
    belonging.check_pool(belonging.made_into(shards.values(), scores), scores=scores)  # probes are not scored
    pools = {name: ledger.pool(tables.read("samples", paths, READ), map(took, paths)) for name, paths in shards.items()}
    indiv = [path for path in scores if tables.metadata(path).get("table") == "indiv-scores"]
    scored = ledger.scores(tables.read("indiv-scores", indiv, ["n_tokens"]), map(took, indiv))
    trained = ledger.training(read_json(train), took(train))
    own = ledger.total([*pools.values(), scored, trained])
    cumulative = ledger.total([own, read_json(before)["cumulative"]] if before else [own])
    drawn = [path for paths in shards.values() for path in paths]
    inputs = [*drawn, *scores, train, *([before] if before else [])]
    told = {"pools": pools, "scored": scored, "training": trained, "own": own, "cumulative": cumulative}
    told["devices"] = ledger.devices(map(took, [*drawn, *indiv, train]))
    tables.write_json(told | {"provenance": tables.provenance("ledger", inputs)}, output)
    say(
        f"{own['samples']:,} samples, {own['generated_tokens']:,} tokens generated,"
        f" {own['training_tokens']:,} trained on"
    )


def took(path: Path) -> tables.Row:
    """Read the seconds and devices that a file took, from the cost file next to it."""
    told: tables.Row = read_json(path.with_suffix(".cost.json"))
    return told


if __name__ == "__main__":
    cli.run(main)
