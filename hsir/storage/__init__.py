"""Storage: the files on disk, and how they are read and written.

- `tables.py`: the schema of every table; atomic writes with provenance; checked reads.
- `lookup.py`: columns, or a few rows, of a table that is too large to be read at once.
- `rows.py`: rows with any columns, as JSONL, CSV or Parquet, for commands on people's own files.
- `seal.py`: the checksum of a table. `belonging.py`: do several tables belong together?
- `kept.py`: finished outputs while they are being recreated. `temporary.py`: names of files that are being written.
- `files.py`: small JSON files, and hashes. `ledger.py`: samples, tokens and seconds per policy.
- `models.py`: loading models and tokenizers. `soundness.py`: is a loaded model complete?
- `weights.py`: safetensors headers, without loading.
- `hardware.py`: the name of the GPU or processor that did the work.
"""
