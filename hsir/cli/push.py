"""Command push: publish a finished policy on a hub, with its model card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from hsir.errors import HsirError, InputError
from hsir.report.card import card, place

KINDS = {".safetensors", ".json", ".jinja", ".txt", ".model"}
"""Weights, tokenizer and templates; nothing that could run when it is loaded."""


def main(
    policy: Annotated[Path, typer.Argument(help="The policy's folder: results/MODEL/TASK/seedN/POLICY.")],
    to: Annotated[str, typer.Option(help="Repository on the hub: ORG/NAME.")],
    public: Annotated[
        bool, typer.Option(help="Create the repository as public (existing repositories are unchanged).")
    ] = False,
    licence: Annotated[
        str | None, typer.Option("--license", help="License identifier of the hub, such as apache-2.0.")
    ] = None,
    base_model: Annotated[str | None, typer.Option(help="Hub id of the base model, if it was a folder.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be uploaded; upload nothing.")] = False,
) -> None:
    """Publish a policy: weights, tokenizer, and a model card from its provenance."""
    if to.count("/") != 1:
        raise InputError(f"--to {to}: a repository is ORG/NAME")
    place(policy)
    files = sent(policy)
    written = card(policy, to.split("/")[1], licence, base_model)
    if dry_run:
        sizes = {name: path.stat().st_size for name, path in files.items()} | {"README.md": len(written.encode())}
        print(f"nothing is uploaded; this would go to {to}:")
        for name, size in sizes.items():
            print(f"{size:>16,} B  {name}")
        print(f"\nREADME.md:\n\n{written}")
    else:
        print(publish(to, files, written, public))


def sent(policy: Path) -> Mapping[str, Path]:
    """Return the files of a policy, by their names on the hub; raises InputError if the weights are missing."""
    found = [path for path in sorted((policy / "checkpoint").glob("*")) if path.suffix in KINDS]
    if not any(path.suffix == ".safetensors" for path in found):
        raise InputError(f"{policy / 'checkpoint'}: no *.safetensors; train it with `snakemake {policy}/checkpoint`")
    return {path.name: path for path in found}


def publish(to: str, files: Mapping[str, Path], written: str, public: bool) -> str:
    """Upload files and card in one commit, and return its URL; raises HsirError if the hub refuses."""
    from huggingface_hub import CommitOperationAdd, HfApi

    adds = [CommitOperationAdd(name, str(path)) for name, path in files.items()]
    adds.append(CommitOperationAdd("README.md", written.encode()))
    hub = HfApi()
    try:
        hub.create_repo(to, private=not public, exist_ok=True)
        return str(hub.create_commit(to, adds, commit_message="A policy trained by HSIR").commit_url)
    except Exception as error:  # the client, its transport and the system each raise their own errors
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise HsirError(
            f"{to} on {hub.endpoint} cannot be written: {said}; log in (`hf auth login`, or HF_TOKEN), or set"
            " HF_ENDPOINT to your hub"
        ) from None
