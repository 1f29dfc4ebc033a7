"""Are base models complete: safetensors files, a tokenizer, a chat template? Nothing is loaded."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hsir import jsontext
from hsir.config.home import found
from hsir.config.settings import Model
from hsir.errors import InputError
from hsir.planning.doctor.finding import Finding, ok, problem, skipped
from hsir.storage import weights

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def models(named: dict[str, Model]) -> Iterator[Finding]:
    """Check base models, in folders or in the hub's cache."""
    for name, model in named.items():
        what, folder = f"model {name}", located(model.path)
        path = str(folder or found(Path(model.path).expanduser()))
        if weights.is_gguf(path):
            yield problem(what, f"{path}: GGUF, but only safetensors are loaded", weights.CONVERT)
        elif folder is None and _local(model.path):
            yield problem(what, f"{model.path}: no such folder", f"fix `path` in config/models/{name}.yaml")
        elif folder is None:
            yield _on_the_hub(what, model.path)
        else:
            yield _weights(what, folder)
            yield from _texts(what, name, folder, model.chat_template)


def located(path: str) -> Path | None:
    """Return a model's folder: the path itself, within the project, or in the hub's cache."""
    folders = (found(Path(path).expanduser()), *_snapshots(path))
    return next((folder for folder in folders if folder.is_dir()), None)


def _local(path: str) -> bool:
    """Return whether a path cannot be a hub id, which is NAME or OWNER/NAME."""
    return path.startswith((".", "/", "~")) or path.count("/") > 1


def _snapshots(path: str) -> list[Path]:
    """Return a model's snapshots in the hub's cache, newest first."""
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE", home / "hub"))
    found = (cache / f"models--{path.replace('/', '--')}" / "snapshots").glob("*")
    return sorted(found, key=lambda folder: folder.stat().st_mtime, reverse=True)


def _on_the_hub(what: str, path: str) -> Finding:
    remedy = (
        f"`hf download {path}`, or set a folder: otherwise jobs download it, and many compute nodes have no network"
    )
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        return problem(what, f"{path}: neither a folder nor in the hub's cache, and HF_HUB_OFFLINE is set", remedy)
    return skipped(what, f"{path}: from the hub, not in its cache", remedy)


def _weights(what: str, folder: Path) -> Finding:
    pickled = sorted(path.name for pattern in PICKLED for path in folder.glob(pattern))
    try:
        count = weights.parameters(folder)
        absent = _absent(folder)
    except (InputError, OSError) as error:
        also = f" ({', '.join(pickled[:3])}: pickled weights are never loaded)" if pickled else ""
        return problem(what, f"{error}{also}", "put complete *.safetensors files there")
    if absent:
        return problem(what, f"{folder}: its index names {', '.join(absent[:3])}, missing", "download them again")
    aside = f"; {len(pickled)} pickled files are never loaded" if pickled else ""
    return ok(what, f"{folder}: safetensors, {count:,} parameters{aside}")


def _absent(folder: Path) -> list[str]:
    index = folder / "model.safetensors.index.json"
    files = set(_json(index).get("weight_map", {}).values()) if index.is_file() else set()
    return sorted(name for name in files if not (folder / name).is_file())


def _texts(what: str, name: str, folder: Path, template: Path | None) -> Iterator[Finding]:
    try:
        _json(folder / "config.json")
        own = "chat_template" in _json(folder / "tokenizer_config.json") or (folder / "chat_template.jinja").is_file()
    except (InputError, OSError) as error:
        yield problem(what, str(error), "download the model again, with its config.json and tokenizer files")
        return
    key = f"`chat_template` in config/models/{name}.yaml"
    if template is not None and not found(template).is_file():
        yield problem(f"{what}, chat template", f"{template}: no such file", f"fix {key}")
    elif template is None and not own:
        yield problem(f"{what}, chat template", f"{folder}: none in the tokenizer", f"set {key} to a Jinja file")
    else:
        yield ok(f"{what}, chat template", str(template or "the tokenizer's own"))


def _json(path: Path) -> dict[str, Any]:
    """Read a JSON object; raises InputError for anything else, and OSError if it cannot be read."""
    try:
        read = jsontext.parse(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from error
    if not isinstance(read, dict):
        raise InputError(f"{path}: not an object")
    return read
