"""Storage: what is on disk, and how it is read and written.

- `tables.py`: the schema of every table; atomic writes with provenance; checked reads.
- `rows.py`: rows with any columns, as JSONL, CSV or Parquet, for commands on people's own files.
- `seal.py`: the checksum of a table. `belonging.py`: are several tables of the same making?
- `kept.py`: finished outputs while they are made again. `temporary.py`: names of files that are being written.
- `files.py`: small JSON files, and hashes. `ledger.py`: samples, tokens and seconds per policy.
- `models.py`: loading models and tokenizers. `soundness.py`: is what was loaded whole?
- `weights.py`: safetensors headers, without loading.
- `hardware.py`: the name of the GPU or processor that did the work.
"""
