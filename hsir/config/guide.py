"""The prose of config/README.md; `docs.py` fills in the tables."""

README = """\
<!-- Made by `python -m hsir.config.docs`: change the models in hsir/, not this file. -->
# Config

`config.yaml` defines the runs. A run is a grid of names, and each name is a small file in `models/`, `tasks/`,
`methods/` or `pools/`. Put your own into the same folders, or into `models:`, `tasks:`, `methods:`, `pools:` of the
config, which override a file of the same name. Names consist of letters, digits, dots, - and _ (a method's has no
dot). Errors are reported before anything runs, with the file, the key and a suggested fix. `snakemake -n` shows what a
change would rerun.

`snakemake --configfile FILE` merges another config over `config.yaml`. Options are merged key by key, and a list is
replaced as a whole. Later ones override earlier ones:

    defaults < model < task < method < overrides

A model and a task set the options of any stage (`settings`), and a method those of training (`train`). `overrides` in
the config overrides all of them. Put GPUs and their batch size into the model, a token limit into the task, and a
trial into `overrides`.

To use HSIR in your own Snakemake project, import it as a module from a clone on disk (`docs/import.md`). A module from
a remote address, as snakedeploy writes it, is rejected.

Editors with a YAML language server complete and check a file with `schema.json`, if a comment names it as below.

## How do I add a model?

```yaml
# yaml-language-server: $schema=../schema.json#/$defs/Model
# config/models/qwen-1b.yaml
path: Qwen/Qwen2.5-1.5B-Instruct # a hub id, or a folder
settings:
  sample: {shards: 4, engine: {batch_size: 128, dtype: bfloat16}}
  train:
    sft: {batch_size: 32, device_batch_size: 2, devices: {kind: zero2, processes: 8}}
```

## How do I add a task?

A task is three JSONL files: seed set, unlabelled set and test set. Paths are relative to where `snakemake` runs.

```yaml
# yaml-language-server: $schema=../schema.json#/$defs/TaskEntry
# config/tasks/riddles.yaml
task:
  kind: jsonl
  seed: data/riddles/seed.jsonl
  unlabelled: data/riddles/unlabelled.jsonl
  test: data/riddles/test.jsonl
settings:
  sample: {max_new_tokens: 1024}
```

This is a line of the seed set. Only the seed set needs traces, with a blank line between steps:

```json
{"question": "Ann has 3 coins and finds 4. How many has she?", "answer": "7", \
"trace": "<think>\\nAnn has 3, finds 4.\\n\\n3 + 4 = 7\\n\\n</think>\\n<answer>\\n7\\n</answer>"}
```

{RECORD}

Without `id`, the file's name and the line number are used. Other keys are ignored.

## How do I add a method?

```yaml
# yaml-language-server: $schema=../schema.json#/$defs/Method
# config/methods/two-shortest.yaml
pools: [k10, k10-veriexit] # ten samples per question; the failed ones, recycled
score: indiv
select:
  - {kind: right}
  - {kind: indiv, standardise: per_question, threshold: -0.5}
  - {kind: at_most, per_question: 2, pick: shortest}
train: {kind: sft, start_from: parent, learning_rate: 5.0e-6}
iterations: 2
```

To change a few keys of another method, use `like`. Keys that you do not set are inherited, blocks such as `train` are
merged, and lists such as `select` are replaced. In the config, a method can also be `like` the file with its own name:

```yaml
methods:
  restem: {like: restem, pools: [k4]}
  stricter: {like: hsir-sft, select: [{kind: right}, {kind: indiv, threshold: 0.0}]}
```

## How do I add a pool?

A pool is a sampling strategy. Its `samples` are K, the samples per question. In a pool of kind `veriexit` they are J,
the answers per recycled prefix. A pool called `k4` must have four samples. The pool below wraps the question in a
template; training examples have the plain question as their prompt.

```yaml
# yaml-language-server: $schema=../schema.json#/$defs/PoolEntry
# config/pools/planned.yaml
kind: guide
samples: 10
template: "{question} Plan first, then carry the plan out."
```

## How do I run them?

```yaml
# yaml-language-server: $schema=schema.json
# config/config.yaml
run: mine
runs:
  mine: {models: [qwen-1b], tasks: [riddles], methods: [restem, two-shortest], seeds: [0, 1, 2]}
```

In addition to the files in `pools/`, these pools are built in, and so are the score sets `indiv` and `div`. Your own of
the same name replaces them:

```yaml
{POOLS}
```

## Every key

Select one of several kinds of a block with `kind: NAME`.

{TABLES}
"""
