"""Any content of a file, an option or a config is either read, or rejected with an error that a user can act on."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hsir.config import load
from hsir.config.pools import Pool
from hsir.config.training import Train
from hsir.errors import ConfigError, HsirError, InputError
from hsir.grading import Grading, Number
from hsir.selection.filters import Selection
from hsir.stages import cli
from hsir.storage import tables
from hsir.storage.files import read_json
from hsir.tasks import Task, distilled
from hsir.tasks.jsonl import read_records
from hsir.tasks.record import Record

CONFIG = Path("config")
WHOLE = yaml.safe_load((CONFIG / "config.yaml").read_text())

numbers = st.integers() | st.floats() | st.integers(min_value=10**300, max_value=10**301)
odd = st.sampled_from(
    ["", " ", "~", "{", "}", "\0", "\ud800", "NaN", ".inf", "-", "../x", "a b", "'", '"', "$HOME", "9" * 5000]
)
scalars = st.none() | st.booleans() | numbers | odd | st.text(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd | st.text(max_size=5), inner, max_size=3)
)
rows = st.fixed_dictionaries(
    {}, optional={"id": scalars, "question": scalars, "answer": scalars, "options": values, "difficulty": scalars,
                  "trace": scalars, "prompt": scalars},
)  # fmt: skip
texts = (
    st.binary(max_size=60)
    | st.text(max_size=60).map(lambda text: text.encode("utf-16"))
    | st.lists(st.text(alphabet='ab,;\t"\n\r\0|', max_size=20), max_size=4).map(lambda parts: "\n".join(parts).encode())
    | st.lists(values | rows, max_size=3).map(lambda listed: b"\n".join(json.dumps(row).encode() for row in listed))
    | (values | st.lists(rows, max_size=2)).map(lambda value: json.dumps(value).encode())
    | st.sampled_from([b"[" * 100_000, b'{"a":' * 50_000, b"9" * 5000, b'{"id": NaN}', b"-Infinity", b'{"a": 1e999}'])
)  # fmt: skip

slow = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def refused(read: Callable[[], Any], kind: type[HsirError]) -> bool:
    """Return whether reading was refused; any other error than `kind` is the test's failure."""
    try:
        read()
    except kind as error:
        assert str(error)
        return True
    return False


def in_file(content: bytes, suffix: str, read: Callable[[Path], Any]) -> bool:
    """Read a file with some content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        path.write_bytes(content)
        return refused(lambda: read(path), InputError)


READERS: list[tuple[str, Callable[[Path], Any]]] = [
    *((suffix, lambda path: list(read_records(path))) for suffix in (".jsonl", ".json", ".csv", ".tsv")),
    (".jsonl", lambda path: list(cli.rows(path, ["question"]))),
    (".parquet", lambda path: list(cli.rows(path))),
    (".jsonl", lambda path: tables.read("questions", path)),
    (".parquet", lambda path: tables.read("samples", path)),
    (".json", read_json),
    (".jsonl", lambda path: distilled.join(str(path), [Record(id="1", question="?", answer="2")], Number())),
]


@pytest.mark.parametrize(("suffix", "read"), READERS)
@slow
@given(content=texts)
def test_any_bytes_are_read_or_rejected(suffix: str, read: Callable[[Path], Any], content: bytes) -> None:
    in_file(content, suffix, read)


KEYS = ["kind", "path", "samples", "temperature", "grading", "threshold", "learning_rate"]
KINDS = ["jsonl", "gsm8k", "number", "math", "sample", "veriexit", "sft", "dpo", "grpo", "right"]


@pytest.mark.parametrize("kind", [Task, Grading, Selection, Pool, Train])
@slow
@given(value=values, key=st.sampled_from(KEYS), named=st.sampled_from(KINDS))
def test_any_option_is_taken_or_rejected(kind: Any, value: Any, key: str, named: str) -> None:
    for text in (json.dumps(value), json.dumps({"kind": named, key: value}), json.dumps([{"kind": named, key: value}])):
        try:
            cli.parsed(kind, text)
        except ValueError as error:  # what a command line turns into its usage error
            assert not isinstance(error, UnicodeError)
            assert str(error)


def paths_in(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the keys on the way to each value."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [at, *(found for key, value in inner for found in paths_in(value, (*at, key)))]


FILES = {name: yaml.safe_load((CONFIG / name).read_text()) for name in ("demo-methods.yaml", "bench-ablations.yaml")}
BASES = [WHOLE, *({**WHOLE, **more} for more in FILES.values())]


@slow
@given(data=st.data(), value=values)
def test_any_value_in_a_config_is_taken_or_rejected(data: st.DataObject, value: Any) -> None:
    base = json.loads(json.dumps(data.draw(st.sampled_from(BASES))))
    *above, last = data.draw(st.sampled_from([path for path in paths_in(base) if path]))
    node = base
    for key in above:
        node = node[key]
    node[last] = value
    refused(lambda: load(base, CONFIG), ConfigError)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("results", "", "not a folder name"), ("results", "~/x", "not expanded"), ("results", "a{b}", "pattern"),
        ("results", ".", "not a separate folder"), ("results", "../x", "not a separate folder"),
    ],
)  # fmt: skip
def test_a_results_folder_that_would_be_read_as_something_else_is_rejected(key: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}: .*{said}"):
        load({**WHOLE, key: value}, CONFIG)


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ({"pools": {"k10": {"kind": "sample", "samples": 10, "temperature": None}}}, "temperature"),
        ({"methods": {"hsir-sft": {"select": [{"kind": "right"}, {"kind": "indiv", "threshold": None}]}}}, "threshold"),
        ({"methods": {"restem": {"train": {"kind": "sft", "learning_rate": None}}}}, "learning_rate"),
        ({"scores": {"indiv": {"alpha": None}}}, "alpha"),
    ],
)  # fmt: skip
def test_infinities_are_rejected_before_anything_is_sampled(entry: dict[str, Any], key: str, number: float) -> None:
    text = json.dumps(entry).replace("null", ".inf" if number == float("inf") else ".nan")
    with pytest.raises(ConfigError, match=f"{key}: Input should be a finite number"):
        load({**WHOLE, **yaml.safe_load(text)}, CONFIG)


@pytest.mark.parametrize(("path", "said"), [("./nothing", "no such folder"), ("~/model", "write the full path")])
def test_a_missing_model_is_reported_before_the_first_job(path: str, said: str) -> None:
    with pytest.raises(ConfigError, match=rf"models.embedded.path: {path}: .*{said}"):
        load({**WHOLE, "models": {"embedded": {"path": path}}}, CONFIG)


@pytest.mark.parametrize(
    ("key", "value"), [("id", "a\0b"), ("answer", "7\0"), ("question", "\ud800?"), ("difficulty", 2**31)]
)
def test_what_no_table_holds_is_rejected_with_file_line_and_key(key: str, value: Any, tmp_path: Path) -> None:
    row = {"id": "1", "question": "?", "answer": "7", key: value}
    (tmp_path / "q.jsonl").write_text(json.dumps(row))
    with pytest.raises(InputError, match=rf"q.jsonl, line 1: .*{key}"):
        list(read_records(tmp_path / "q.jsonl"))


def test_only_one_fault_is_reported_for_one_bad_name() -> None:
    with pytest.raises(ConfigError) as error:
        load({**WHOLE, "methods": {"a b": {"like": "restem"}}}, CONFIG)
    assert str(error.value).count("\n") == 1
