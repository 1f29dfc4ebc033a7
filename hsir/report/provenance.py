"""The provenance of a run: models, data, code, packages, time."""

from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import hsir
from hsir.report.run import Made
from hsir.report.sheets import Entry, Sheet
from hsir.storage import tables
from hsir.storage.files import read_json

PACKAGES = ("torch", "transformers", "trl", "accelerate", "deepspeed", "vllm", "math-verify", "snakemake")
NOTE = (
    "Hashes are of file contents (for weights over 64 MiB, of both ends). Seconds are sums over jobs, without"
    " evaluations; a shared pool counts once. Packages are those of the environment that created this page; if"
    " rules have their own environments, see envs/ for the others."
)


def sheet(made: Made) -> Sheet:
    """Return the provenance of a run, one line per item."""
    lines = [
        ("HSIR", hsir.__version__, f"commit {tables.commit()}"), *_models(made), *_data(made), *_time(made),
        *_devices(made), *_packages(),
    ]  # fmt: skip
    rows = [[Entry(what), Entry(which), Entry(detail)] for what, which, detail in lines]
    return Sheet("Made with", ["what", "which", "detail"], rows, NOTE)


REHEARSED = "Rehearsal with a tiny model and generated questions: these numbers mean nothing. "


def said(made: Made) -> str:
    """Describe the run in a sentence."""
    run, policies = made.run, dict.fromkeys(cell.policy for cell in made.evaluated())
    benchmarks = dict.fromkeys(name for task in run.tasks for name in made.plan.benchmarks(run, task))
    begin = REHEARSED if made.plan.config.rehearse else ""
    return (
        f"{begin}{', '.join(run.models)} trained on {', '.join(run.tasks)}: {len(run.methods)} methods, {len(policies)}"
        f" policies, {len(run.seeds)} {'seed' if len(run.seeds) == 1 else 'seeds'}, evaluated on"
        f" {', '.join(benchmarks)}. HSIR {hsir.__version__}, commit {tables.commit()}."
    )


def _models(made: Made) -> list[tuple[str, str, str]]:
    """Return the base models recorded by training runs, with every recorded hash."""
    hashes: dict[str, Counter[str]] = {name: Counter() for name in made.run.models}
    for cell in made.cells():
        path = Path(made.plan.config.models[cell.model].path)
        for given, found in read_json(made.folder(cell) / "train.json")["provenance"]["inputs"].items():
            if given.endswith(path.as_posix()):
                hashes[cell.model][found] += 1
    paths = {name: made.plan.config.models[name].path for name in made.run.models}
    return [(f"model {name}", paths[name], f"hash {' and '.join(found) or '-'}") for name, found in hashes.items()]


def _data(made: Made) -> list[tuple[str, str, str]]:
    run, root = made.run, Path(made.plan.config.results)
    places = dict.fromkeys((cell.model, cell.task, cell.seed) for cell in made.cells())
    trained = [
        (f"{model}/{task}/seed{seed}/data", split) for model, task, seed in places for split in ("seed", "unlabelled")
    ]
    tested = [(f"{model}/benchmarks", name) for model in run.models for task in run.tasks
              for name in made.plan.benchmarks(run, task)]  # fmt: skip
    return [
        ("questions", f"{folder}/{name}", f"{_count(path):,}, hash {tables.file_hash(path)}")
        for folder, name in dict.fromkeys([*trained, *tested])
        if (path := root / folder / f"{name}.parquet").is_file()
    ]


def _count(path: Path) -> int:
    return sum(1 for _ in tables.tuples("questions", path, ["question_id"]))


def _time(made: Made) -> list[tuple[str, str, str]]:
    """Sum the seconds of sampling, scoring and training, each job once."""
    drawn: dict[object, dict[str, float]] = {}
    for cell in made.cells():
        ledger, pools = read_json(made.folder(cell) / "ledger.json"), made.last_pools(cell)
        parent = pools[0].cell if pools else cell
        drawn |= {(parent, name): entry for name, entry in ledger["pools"].items()}
        drawn[parent, made.method(cell).score, tuple(pools)] = ledger["scored"]
        drawn[cell] = ledger["training"]
    total: Counter[str] = Counter()
    for entry in drawn.values():
        total.update({name: value for name, value in entry.items() if name.endswith("seconds")})
    parts = ", ".join(f"{stage} {total[f'{stage}_seconds']:,.0f}" for stage in ("sample", "score", "train"))
    on = f"{total['device_seconds']:,.0f} s of GPUs" if total["device_seconds"] else "no GPU"
    return [("seconds", f"{sum(total[f'{s}_seconds'] for s in ('sample', 'score', 'train')):,.0f}", f"{parts}; {on}")]


def _devices(made: Made) -> list[tuple[str, str, str]]:
    """Return the devices recorded in ledgers."""
    ledgers = [read_json(made.folder(cell) / "ledger.json") for cell in made.cells()]
    found = Counter(name for ledger in ledgers for name in ledger.get("devices", []))
    return [("device", name, f"{count} {'policy' if count == 1 else 'policies'}") for name, count in found.items()]


def _packages() -> list[tuple[str, str, str]]:
    found = []
    for name in PACKAGES:
        try:
            found.append(("package", name, version(name)))
        except PackageNotFoundError:
            continue
    return found
