"""Sampling: how a policy is prompted and what generates its completions.

- `questions.py`: questions and seed traces as token ids.
- `samples.py`: which completions a pool contains, and `sample`, which generates them.
- `asked.py` and `prompts.py`: prompts other than the plain question (hints, guidelines, more samples for hard
  questions), as rows and as text.
- `engines/`: generation engines. `base.py` defines the interface, `transformers.py` and `vllm.py` implement it,
  `decode.py` is the decoding loop of the first, `noise.py` and `seeds.py` make samples independent of their batch.
- `distillation.py` and `teacher.py`: seed traces from a teacher, and the client of its OpenAI-compatible endpoint.

The stages `data`, `ask`, `sample` and `distill` call these.
"""
