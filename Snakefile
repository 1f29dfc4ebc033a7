# HSIR: large reasoning models that improve themselves, stage by stage. Everything made lies under results/:
#
#   {model}/{task}/seed{seed}/data/{split}.parquet       questions: seed, unlabelled
#   {model}/benchmarks/{benchmark}.parquet               questions of a test set
#   {model}/{task}/seed{seed}/{policy}/                  a policy:
#     filtered.parquet, funnel.json, checkpoint/         what it was trained on, and its weights
#     ledger.json                                        what it cost
#     contamination.json, overlap.json                   what that shares with test sets: before training, for the report
#     {pool}/probes.parquet, veriexit.parquet, samples/, verified.parquet, indiv-scores.parquet   what was sampled from it
#     eval/{benchmark}/..., eval/{benchmark}.json        evaluation: a greedy pool, and its figures
#   runs/{run}/                                          tables and pictures of a run, and its resolved config
#   runs/{run}/redundancy/                               `snakemake analysis`: InDiv and Div of repeated steps
from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


report: "workflow/report/front.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/feeds.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/sample.smk"
include: "workflow/rules/curate.smk"
include: "workflow/rules/contamination.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/ledger.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/analysis.smk"


# What takes seconds, or waits for a network, runs beside Snakemake on a cluster: in the queue each would cost more than
# it computes.
localrules:
    distill,
    data,
    data_test,
    ask,
    verify,
    probe,
    judge,
    veriexit,
    filter,
    contamination,
    overlap,
    evaluate,
    ledger,
    report,
    variants,
    redundancy,


rule all:
    default_target: True
    input:
        [expand(rules.report.output, run=run) for run in plan.built_by_default()],


rule analysis:
    input:
        [expand(rules.redundancy.output, run=run) for run in plan.built_by_default()],
