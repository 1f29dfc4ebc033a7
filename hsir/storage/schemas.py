"""The columns of the tables between the stages."""

import pyarrow as pa

_IDS = pa.list_(pa.int32())


def _schema(**columns: pa.DataType) -> pa.Schema:
    """Columns are required, except those whose name ends in an underscore, which may be null."""
    return pa.schema([pa.field(name.rstrip("_"), kind, nullable=name.endswith("_")) for name, kind in columns.items()])


SCHEMAS: dict[str, pa.Schema] = {
    "questions": _schema(
        question_id=pa.string(), question=pa.string(), gold_=pa.string(), difficulty_=pa.int32(),
        options_=pa.map_(pa.string(), pa.string()), prompt_ids=_IDS, trace_=pa.string(), trace_ids_=_IDS,
        true_gold_=pa.string(),
    ),
    "samples": _schema(
        sample_id=pa.string(), question_id=pa.string(), prompt_ids=_IDS, completion=pa.string(),
        completion_ids=_IDS, n_tokens=pa.int32(), n_generated=pa.int32(), finish=pa.string(), seed=pa.int64(),
        parent_id_=pa.string(), cut_step_=pa.int32(),
    ),
    "verified": _schema(sample_id=pa.string(), extracted_=pa.string(), verdict=pa.string(), why=pa.string()),
    "verdicts": _schema(
        line=pa.int64(), id_=pa.string(), extracted_=pa.string(), verdict=pa.string(), why=pa.string(),
    ),
    "veriexit": _schema(
        parent_id=pa.string(), question_id=pa.string(), prompt_ids=_IDS, cut_step_=pa.int32(), prefix_ids_=_IDS,
    ),
    "judged": _schema(sample_id=pa.string(), step=pa.int32(), concluded=pa.bool_(), reply=pa.string()),
    "asked": _schema(
        question_id=pa.string(), parent_id_=pa.string(), prompt_ids=_IDS, draws=pa.int32(), first=pa.int32(),
    ),
    "indiv-scores": _schema(
        sample_id=pa.string(), m=pa.int32(), d=pa.int32(), logdet=pa.float64(), sum_log_attention=pa.float64(),
        variance=pa.float64(), n_tokens=pa.int32(), indiv=pa.float64(),
    ),
    "div": _schema(id=pa.string(), steps=pa.int32(), kept=pa.int32(), div_=pa.float64()),
    "filtered": _schema(
        sample_id=pa.string(), question_id=pa.string(), source=pa.string(), difficulty_=pa.int32(), score_=pa.float64(),
        prompt_ids=_IDS, completion_ids_=_IDS, loser_id_=pa.string(), loser_ids_=_IDS,
    ),
}  # fmt: skip
"""samples.completion_ids end with the stop token if finish is `stop`; n_tokens counts all of them, n_generated those
not given as a recycled prefix. filtered.score is what the InDiv filter compared with tau; filtered.source is the pool,
or `seed`, `gold` or `questions`; the last have no completion. For a pool of an earlier policy, filtered.sample_id,
loser_id and source begin with the policy's name and a slash. questions.gold is null without a majority, and
questions.true_gold is set where `noise` has changed the gold answer. asked.draws counts the samples of a prompt, which
are numbered from `first`. div.div is null where a text has no step."""
