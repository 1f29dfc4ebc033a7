"""Storage: what is on disk, and how it is read and written.

- `tables.py`: the schema of every table; atomic writes with provenance; checked reads.
- `files.py`: small JSON files. `ledger.py`: samples, tokens and seconds per policy.
- `models.py`: loading models and tokenizers. `weights.py`: safetensors headers, without loading.
- `hardware.py`: the name of the GPU or processor that did the work.
"""
