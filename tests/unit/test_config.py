"""The config: shipped files load, and all errors are reported at once, with suggested fixes."""

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from hsir.config import load, read_yaml
from hsir.config.overlay import overlay
from hsir.config.pools import DEFAULT_POOLS
from hsir.config.schema import Method
from hsir.errors import ConfigError

CONFIG = Path(__file__).parents[2] / "config"
RUN_FILES = sorted([*CONFIG.glob("*.yaml"), *CONFIG.glob("paper/*.yaml")])
FOLDERS = ("models", "tasks", "methods", "pools")
MODELS, TASKS, METHODS, POOLS = (sorted((CONFIG / kind).glob("*.yaml")) for kind in FOLDERS)

SOUND: dict[str, Any] = {
    "run": "small",
    "runs": {"small": {"models": ["tiny"], "tasks": ["sums"], "methods": ["start", "plain"]}},
    "models": {"tiny": {"path": "models/tiny"}},
    "tasks": {"sums": {"task": {"kind": "chains"}}},
    "methods": {
        "start": {"iterations": 0},
        "plain": {"initial": "start", "pools": ["k10"], "select": [{"kind": "right"}]},
    },
}


def changed(key: str, value: Any) -> dict[str, Any]:
    """Return the sound config with the value at a dotted key replaced, or left out for `...`."""
    raw = deepcopy(SOUND)
    *path, last = key.split(".")
    at = raw
    for part in path:
        at = at.setdefault(part, {})
    at[last] = value
    if value is ...:
        del at[last]
    return raw


def errors(raw: dict[str, Any], folder: Path) -> list[str]:
    """Load a config that is wrong and give its errors."""
    with pytest.raises(ConfigError) as error:
        load(raw, folder, {"my.yaml": raw})
    first, *rest = str(error.value).splitlines()
    assert first == "the config cannot be used:"
    return [line.removeprefix("  - ") for line in rest]


@pytest.mark.parametrize("path", RUN_FILES, ids=lambda path: path.name)
def test_shipped_configs_load_with_all_that_they_name(path: Path) -> None:
    config = load(read_yaml(path), CONFIG)
    assert config.runs
    for kind, files in (("models", MODELS), ("tasks", TASKS), ("methods", METHODS), ("pools", POOLS)):
        assert {file.stem for file in files} <= set(getattr(config, kind))


def test_files_are_shipped_for_every_kind() -> None:
    assert RUN_FILES
    assert MODELS
    assert TASKS
    assert METHODS


@pytest.mark.parametrize("path", METHODS, ids=lambda path: path.stem)
def test_shipped_methods_say_where_they_come_from(path: Path) -> None:
    assert path.read_text().startswith("# ")
    assert isinstance(load(read_yaml(CONFIG / "config.yaml"), CONFIG).methods[path.stem], Method)


def test_the_sound_config_loads_with_its_defaults(tmp_path: Path) -> None:
    config = load(SOUND, tmp_path)
    assert set(config.pools) == set(DEFAULT_POOLS)
    assert set(config.scores) == {"indiv", "indiv-steps", "div"}
    assert config.runs["small"].seeds == (0,)


def test_inline_entries_win_over_files_and_are_next_to_them(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for name in ("tiny", "other"):
        (tmp_path / "models" / f"{name}.yaml").write_text(f"path: from/file/{name}\n")
    config = load(SOUND, tmp_path)
    assert {name: model.path for name, model in config.models.items()} == {
        "tiny": "models/tiny", "other": "from/file/other"
    }  # fmt: skip


PROBED = {"kind": "probe", "pool": "k10-probe"}
RECYCLED = {"kind": "veriexit", "of": "k10", "samples": 5}
ALMOST = {"initial": "start", "pools": ["k10"]}
RIGHT = {"kind": "right"}
FORM = {"kind": "format"}
TWO = {"kind": "ddp", "processes": 2}
GRPO: dict[str, Any] = {"given": ["questions"], "initial": "start", "train": {"kind": "grpo"}}
INDIV: dict[str, Any] = {"train": {"kind": "grpo", "rewards": [{"kind": "indiv"}]}}
WRONG = [
    # a key that does not exist
    ("rums", {}, "rums: unknown key; did you mean 'runs'[?] Known: judge, methods, models"),
    ("overrides", {"train": {"sft": {"learning_rat": 1}}}, "overrides.train.sft.learning_rat: .*'learning_rate'"),
    ("methods.plain.select", [RIGHT, {"kind": "length", "treshold": 0.5}], "treshold: .*'threshold'"),
    ("models.tiny.settings", {"sampel": {}}, "models.tiny.settings.sampel: unknown key; did you mean 'sample'[?]"),
    ("pools.mine", {"kind": "sample", "samples": 2, "of": "k10"}, r"pools.mine.*\bof: unknown key"),
    # a key that is missing
    ("runs.small.models", ..., "runs.small.models: missing; it is required"),
    ("pools.mine", {"kind": "sample"}, "pools.mine.*samples: missing"),
    ("run", ..., "run: missing"),
    # a value of the wrong type or out of range
    ("runs.small.iterations", "two", "runs.small.iterations: .*integer.*, not 'two'"),
    ("runs.small.seeds", [-1], "runs.small.seeds.0: .*greater than or equal to 0, not -1"),
    ("runs.small.models", [], "runs.small.models: .*at least 1"),
    ("overrides", {"sample": {"shards": 0}}, "overrides.sample.shards: .*, not 0"),
    ("overrides", {"train": {"sft": {"schedule": "cosin"}}}, "schedule: .*'cosine'.*not 'cosin'"),
    ("methods.plain.select", [{"kind": "rihgt"}], "methods.plain.select.0: .*'rihgt'.*'right'"),
    ("methods.plain.select", [RIGHT, {"kind": "length", "threshold": 2}], "threshold: .*, not 2"),
    ("pools", ["k10"], "pools: "),
    ("models", ["tiny"], "models: "),
    ("scores", "indiv", "scores: "),
    ("runs", None, "runs: "),
    ("overrides", {"sample": 5}, "overrides.sample: .*, not 5"),
    # a name that stands for nothing
    ("run", "smal", "run: unknown run 'smal'; did you mean 'small'[?]"),
    ("run", ["small", "large"], "run: unknown run 'large'"),
    ("runs.small.models", ["tini"], "runs.small.models: unknown model 'tini'; did you mean 'tiny'[?] Known: tiny"),
    ("runs.small.tasks", ["sum"], "runs.small.tasks: unknown task 'sum'; did you mean 'sums'[?]"),
    ("runs.small.methods", ["plane"], "runs.small.methods: unknown method 'plane'; did you mean 'plain'[?]"),
    ("runs.small.benchmarks", ["sum"], "runs.small.benchmarks: unknown task 'sum'"),
    ("runs.small.benchmarks", {"sums": ["sum"]}, "runs.small.benchmarks.sums: unknown task 'sum'"),
    ("runs.small.benchmarks", {"sum": ["sums"]}, "runs.small.benchmarks.sum: the run does not train on this task,"
        " only on"),
    ("methods.plain.pools", ["k11"], "methods.plain.pools: unknown pool 'k11'; did you mean 'k10'[?]"),
    ("methods.plain.score", "indif", "methods.plain.score: unknown score set 'indif'; did you mean 'indiv'[?]"),
    ("methods.plain.initial", "strat", "methods.plain.initial: unknown method 'strat'; did you mean 'start'[?]"),
    ("pools.mine", {"kind": "veriexit", "of": "k11", "samples": 5}, "pools.mine.of: unknown pool 'k11'"),
    ("pools.mine", RECYCLED | {"matcher": {"kind": "probe", "pool": "k1"}}, "pools.mine.matcher: unknown pool 'k1'"),
    # parts that do not fit together
    (
        "pools.mine", RECYCLED | {"matcher": {"kind": "probe", "pool": "k10"}},
        "pools.mine.matcher: 'k10' does not probe 'k10'; name a pool of kind probe with of: k10",
    ),
    ("pools.mine", RECYCLED | {"matcher": {"kind": "judge"}}, "pools.mine.matcher: the matcher judge needs a model"),
    ("pools.mine", RECYCLED | {"of": "k5", "matcher": PROBED}, "'k10-probe' does not probe 'k5'; name a pool of kind"),
    (
        "methods.plain", ALMOST | {"pools": ["k10", "k10-probe"], "select": [RIGHT]},
        "methods.plain.pools: 'k10-probe' contains probes, which are not used for training; remove it",
    ),
    ("methods.plain", ALMOST | {"select": [RIGHT, {"kind": "indiv"}]}, "'indiv' reads scores, .* set score: indiv"),
    (
        "methods.plain", ALMOST | {"select": [RIGHT, {"kind": "at_most", "per_question": 1, "pick": "lowest"}]},
        "'at_most' reads scores",
    ),
    ("overrides", {"evaluate": {"samples": 1}}, "overrides.evaluate.samples: Input should be greater than .* 2, not 1"),
    (
        "overrides", {"evaluate": {"samples": 2, "reducers": [{"kind": "at_least", "n": 3}]}},
        "overrides.evaluate: reducer at_least needs 3 samples; set samples: 3 or more",
    ),
    ("methods.plain", {"iterations": 2}, "iterations is 2, but no pool is sampled; set pools, or iterations: 0"),
    ("methods.plain", ALMOST | {"iterations": 0, "select": [RIGHT]}, "pools, select and questions need iterations of"),
    ("methods.plain", {"iterations": 0, "given": []}, "nothing to train on; set given"),
    ("methods.plain", ALMOST, "the first filter must be {kind: right}"),
    ("methods.plain", ALMOST | {"select": [{"kind": "distinct"}, RIGHT]}, "the first filter must be {kind: right}"),
    (
        "methods.plain", ALMOST | {"pools": ["k10-veriexit"], "select": [RIGHT]},
        "methods.plain.pools: 'k10-veriexit' is sampled from 'k10', which is not one of the pools; add it",
    ),
    (
        "methods.plain",
        {"given": [], "initial": "start", "pools": ["greedy"], "select": [RIGHT], "train": {"kind": "dpo"}},
        "methods.plain.train: dpo needs correct and failed solutions of the same question, but its pools sample one"
        " per question",
    ),
    (
        "methods.other", {"initial": "plain", "pools": ["k10"], "select": [RIGHT]},
        "methods.other.initial: 'plain' has iterations; name one of them, such as plain.1",
    ),
    (
        "pools.again", {"kind": "veriexit", "of": "k10-veriexit", "samples": 5},
        "pools.again.of: 'k10-veriexit' is itself derived from a pool; name a pool of kind sample",
    ),
    (
        "pools.cold", {"kind": "sample", "samples": 3, "temperature": 0},
        "pools.cold: 3 samples at temperature 0 are all the same; set samples: 1 or a temperature",
    ),
    (
        "methods.plain.train", {"batch_size": 30, "device_batch_size": 4},
        "batch_size 30 is not a multiple of device_batch_size 4; change either",
    ),
    ("methods.plain.initial", "start.1", "methods.plain.initial: 'start' is trained only once; name it without"),
    ("methods.plain.initial", "plain.1", "methods.plain.initial: 'plain.1' comes from 'plain' itself"),
    ("methods.plain", GRPO | {"given": ["seed"]}, "train is grpo, which generates its own samples; set given:"
        " \\[questions\\]"),
    ("methods.plain", GRPO | {"pools": ["k10"]}, "train is grpo, which generates its own samples"),
    ("methods.plain", {"given": ["questions"], "iterations": 0}, "which cannot learn from questions alone"),
    ("methods.plain", GRPO | {"questions": {"of": "k11"}}, "methods.plain.questions.of: unknown pool 'k11'; did you"),
    ("methods.plain", GRPO | {"questions": {"of": "k10-veriexit"}}, "questions.of: 'k10-veriexit' does not sample"),
    ("methods.plain", GRPO | {"questions": {"of": "k10", "pass_rate": [0.9, 0.1]}}, "put the smaller share first"),
    ("methods.plain", {"questions": {"of": "k10"}}, "train is sft, which generates no rollouts; remove questions"),
    ("methods.plain", GRPO | INDIV, "the reward 'indiv' reads scores, but no score set is named; set score: indiv"),
    ("methods.plain", GRPO | INDIV | {"score": "div"}, "plain.score: the reward indiv reads a score set of"),
    ("methods.plain", GRPO | {"train": {"kind": "grpo", "rewards": []}}, "rewards: .*at least 1"),
    ("methods.plain", GRPO | {"train": {"kind": "grpo", "rewards": [FORM, FORM]}}, "rewards name format twice"),
    ("methods.plain", GRPO | {"train": {"kind": "grpo", "group_size": 1}}, "group_size: .*, not 1"),
    (
        "methods.plain", GRPO | {"train": {"kind": "grpo", "batch_size": 7, "device_batch_size": 16}},
        "batch_size 7 x 8 rollouts is not a multiple of device_batch_size 16; change either",
    ),
    (
        "methods.plain.train", {"devices": {"kind": "ddp", "processes": 3}},
        "batch_size 32 is not a multiple of device_batch_size 4 x 3 processes; change either",
    ),
    (
        "methods.plain.train", {"tokens_per_pass": 4096, "devices": {"kind": "ddp", "processes": 2}},
        "tokens_per_pass needs a single process, and devices has 2; set device_batch_size instead",
    ),
    ("methods.plain.train", {"devices": {"kind": "ddp", "processes": 1}}, "processes: .*, not 1"),
    (
        "methods.plain.train", {"devices": {"kind": "zero3", "processes": 4, "nodes": 3}},
        "processes 4 is not a multiple of nodes 3; change either",
    ),
    ("methods.plain.train", {"devices": {"kind": "zero2", "processes": 2, "offload": "all"}}, "offload: .*'all'"),
    (
        "methods.plain.train", {"lora": {}, "devices": {"kind": "zero2", "processes": 2}},
        "devices is zero2, which cannot merge lora adapters yet; set ddp or single",
    ),
    (
        "methods.plain", GRPO | {"train": {"kind": "grpo", "batch_counts": "rollouts"}},
        "batch_size 14 counts rollouts and would split groups of 8; make it a multiple of group_size",
    ),
    (
        "methods.plain", GRPO | {"train": {"kind": "grpo", "batch_size": 7, "devices": TWO}},
        "batch_size 7 on 2 processes would split groups of rollouts; make it a multiple of 2",
    ),
    ("pools.k10", {"kind": "sample", "samples": 4}, "pools.k10: its name says 10 samples per question, but it has 4;"),
    ("methods.plain.like", "starts", "methods.plain.like: unknown method 'starts'; did you mean 'start'[?]"),
    ("methods.plain.like", "plain", "methods.plain.like: unknown method 'plain'"),
    ("pools.told", {"kind": "hint", "of": "k10-veriexit", "samples": 2}, "pools.told.of: .* derived from a pool"),
    ("pools.told", {"kind": "hint", "of": "k10", "samples": 2, "template": "{question}"}, "template has no {answer}"),
    ("pools.mad", {"kind": "guide", "of": "mad", "samples": 1, "template": "{question}{previous}"}, "derived from"
        " itself"),
    ("pools.mad", {"kind": "guide", "samples": 1, "template": "?"}, "template has no {question}; add it"),
    ("methods.plain.select", [RIGHT, {"kind": "tokens", "share": 0}], "share: .*, not 0"),
    ("methods.plain.train", {"kind": "stf"}, "methods.plain.train.*: .*'sft'"),
    ("tasks.sums.task", {"kind": "chains", "shortest": 9, "longest": 8}, "tasks.sums.task.*shortest"),
    # a name that cannot be a folder
    ("models.base", {"path": "x"}, "models.base: the workflow uses this name; choose another"),
    ("tasks.benchmarks", {"task": {"kind": "chains"}}, "tasks.benchmarks: the workflow uses this name"),
    ("methods.data", {"iterations": 0}, "methods.data: the workflow uses this name"),
    ("runs.all", {"models": ["tiny"], "tasks": ["sums"], "methods": ["start"]}, "runs.all: the workflow uses this"
        " name"),
    ("pools.eval", {"kind": "sample", "samples": 2}, "pools.eval: the workflow uses this name"),
    ("pools.checkpoint", {"kind": "sample", "samples": 2}, "pools.checkpoint: the workflow uses this name"),
    ("methods.my plain", {"iterations": 0}, "methods.my plain.*: .*pattern"),
]  # fmt: skip
IDS = [f"{key}-{n}" for n, (key, _, _) in enumerate(WRONG)]


@pytest.mark.parametrize(("key", "value", "told"), WRONG, ids=IDS)
def test_what_is_wrong_is_reported_with_file_and_key(key: str, value: Any, told: str, tmp_path: Path) -> None:
    found = errors(changed(key, value), tmp_path)
    assert [error for error in found if error.startswith("my.yaml: ") and re.search(told, error)], found


@pytest.mark.parametrize(("key", "value", "told"), WRONG, ids=IDS)
def test_one_fault_is_reported_once(key: str, value: Any, told: str, tmp_path: Path) -> None:
    """Nothing else is blamed for it: an entry with a fault is not also unknown or missing."""
    found = errors(changed(key, value), tmp_path)
    assert len(found) == 1, found


@pytest.mark.parametrize("key", ["run", "results", "runs.small.seeds", "methods.plain.iterations"])
def test_a_value_of_the_wrong_type_is_reported_once(key: str, tmp_path: Path) -> None:
    found = errors(changed(key, 5.5), tmp_path)
    assert len(found) == 1, found
    assert found[0].startswith(f"my.yaml: {key}: ")
    assert found[0].endswith("not 5.5")


def test_all_errors_are_reported_at_once(tmp_path: Path) -> None:
    raw = changed("runs.small.models", ["gone"]) | {"run": "nowhere"}
    raw["pools"] = {"cold": {"kind": "sample", "samples": 3, "temperature": 0}}
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "broken.yaml").write_text("iteratoins: 3\n")
    (tmp_path / "methods" / "noyaml.yaml").write_text("pools: [k10\n")
    found = errors(raw, tmp_path)
    for told in (
        "my.yaml: run: unknown run 'nowhere'", "my.yaml: runs.small.models: unknown model 'gone'",
        "my.yaml: pools.cold: 3 samples at temperature 0", "broken.yaml: iteratoins: unknown key; did you mean 'iterat",
    ):  # fmt: skip
        assert [error for error in found if told in error], (told, found)
    with pytest.raises(ConfigError, match=r"noyaml.yaml: not YAML:[^$]*line 2"):
        load(raw, tmp_path)


def test_faults_of_values_and_of_files_are_reported_together(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "empty.yaml").write_text("")
    found = errors(changed("results", 5), tmp_path)
    assert [error for error in found if error.startswith("my.yaml: results: ")]
    assert [error for error in found if error.startswith(f"{tmp_path / 'models' / 'empty.yaml'}: ")]


@pytest.mark.parametrize("name", ["my.method", "my method", "base"])
def test_files_whose_names_cannot_be_used_are_named(name: str, tmp_path: Path) -> None:
    """A method `my.method` would be taken for iteration `method` of `my`."""
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / f"{name}.yaml").write_text("iterations: 0\n")
    assert [error for error in errors(SOUND, tmp_path) if name in error]


def test_a_broken_method_is_not_also_called_unknown(tmp_path: Path) -> None:
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "broken.yaml").write_text("iteratoins: 3\n")
    assert len(errors(changed("runs.small.methods", ["broken"]), tmp_path)) == 1


def test_options_that_fit_no_more_once_overlaid_are_reported_at_load(tmp_path: Path) -> None:
    """The model's 24 divides its own 48, but not the method's 36, which suits the default of 4."""
    raw = changed("models.tiny.settings", {"train": {"sft": {"batch_size": 48, "device_batch_size": 24}}})
    raw["methods"]["plain"]["train"] = {"batch_size": 36}
    found = errors(raw, tmp_path)
    assert [error for error in found if "batch_size 36 is not a multiple of device_batch_size 24" in error]


def test_a_file_that_is_not_yaml_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: 1\nb: [\n")
    with pytest.raises(ConfigError, match=r"x.yaml: not YAML:[\s\S]*line 3"):
        read_yaml(tmp_path / "x.yaml")


def test_numbers_may_be_written_as_yaml_reads_them_as_text(tmp_path: Path) -> None:
    raw = changed("overrides", yaml.safe_load("train: {sft: {learning_rate: 1e-3}}"))
    assert load(raw, tmp_path).overrides.train.sft.learning_rate == 1e-3


LIKE: dict[str, dict[str, Any]] = {
    "lists take the place of lists": {"like": "plain", "select": [RIGHT, {"kind": "distinct"}]},
    "blocks are laid over": {"like": "trained", "train": {"kind": "sft", "epochs": 2}},
    "a block of another kind takes the place": {"like": "trained", "given": [], "train": {"kind": "dpo"}},
    "several steps": {"like": "far"},
}
WRITTEN_OUT: dict[str, dict[str, Any]] = {
    "lists take the place of lists": ALMOST | {"select": [RIGHT, {"kind": "distinct"}]},
    "blocks are laid over": ALMOST | {"select": [RIGHT], "train": {"kind": "sft", "learning_rate": 0.1, "epochs": 2}},
    "a block of another kind takes the place": ALMOST | {"select": [RIGHT], "given": [], "train": {"kind": "dpo"}},
    "several steps": ALMOST | {"select": [RIGHT], "iterations": 2},
}


@pytest.mark.parametrize("case", LIKE)
def test_a_method_like_another_is_as_if_written_out(case: str, tmp_path: Path) -> None:
    more = {
        "trained": {"like": "plain", "train": {"kind": "sft", "learning_rate": 0.1}},
        "far": {"like": "plain", "iterations": 2},
    }
    raw = changed("methods.mine", LIKE[case])
    raw["methods"] |= more
    like, out = (load(one, tmp_path).methods["mine"] for one in (raw, changed("methods.mine", WRITTEN_OUT[case])))
    assert like.model_dump_json(exclude_unset=True) == out.model_dump_json(exclude_unset=True)


def test_a_method_of_the_config_may_be_like_the_file_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "filed.yaml").write_text("initial: start\npools: [k10]\nselect: [{kind: right}]\n")
    (tmp_path / "methods" / "other.yaml").write_text("like: filed\niterations: 2\n")
    methods = load(changed("methods.filed", {"like": "filed", "pools": ["k5"]}), tmp_path).methods
    assert methods["filed"].pools == ("k5",) and methods["filed"].initial == "start"
    assert methods["other"].pools == ("k5",), "the config's wins over the file, here too"


def test_methods_that_are_like_each_other_are_reported_once(tmp_path: Path) -> None:
    raw = deepcopy(SOUND)
    raw["methods"] |= {"a": {"like": "b"}, "b": {"like": "c"}, "c": {"like": "a"}, "d": {"like": "a"}}
    assert errors(raw, tmp_path) == [
        "my.yaml: methods.c.like: 'a' is itself like 'c'; name a method that does not depend on it",
    ]


def test_an_error_names_the_file_that_the_key_comes_from(tmp_path: Path) -> None:
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "filed.yaml").write_text("initial: start\npools: [k9]\nselect: [{kind: right}]\n")
    (tmp_path / "methods" / "plain.yaml").write_text("pools: [k8]\nselect: [{kind: right}]\n")
    first: dict[str, Any] = deepcopy(SOUND)
    first["runs"]["small"]["methods"] = ["gone"]
    second: dict[str, Any] = {"runs": {"small": {"tasks": ["gone"]}}, "overrides": {"sample": {"shard": 1}}}
    third: dict[str, Any] = {"overrides": {"sample": {"max_new_tokens": "many"}}, "pools": {"v1.0": {"kind": "sample"}}}
    raw = overlay(first, second, third, {"methods": {"said": {"iterations": 7}}})
    with pytest.raises(ConfigError) as error:
        load(raw, tmp_path, {"1.yaml": first, "2.yaml": second, "3.yaml": third})
    said = {line.removeprefix("  - ").split(": ")[1]: line.split(": ")[0] for line in str(error.value).splitlines()[1:]}
    assert {key: Path(name.removeprefix("  - ")).name for key, name in said.items()} == {
        "runs.small.methods": "1.yaml", "runs.small.tasks": "2.yaml", "overrides.sample.shard": "2.yaml",
        "overrides.sample.max_new_tokens": "3.yaml", "pools.v1.0.samples": "3.yaml",
        "methods.filed.pools": "filed.yaml", "methods.said": "--config",
    }  # fmt: skip
