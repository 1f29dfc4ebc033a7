"""Questions, loaded, checked and tokenised.

Needs: the task's source, the base model's tokenizer.
Gives: data/{split}.parquet a seed, benchmarks/{benchmark}.parquet a model.
"""


rule data:
    input:
        lambda w: questions_from(w.model, plan.config.tasks[w.task].task, w.split),
    output:
        f"{ROOT}/data/{{split}}.parquet",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/data/{{split}}.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/data/{{split}}.tsv"
    conda:
        "../../envs/tables.yaml"
    params:
        model=lambda w: base_path(w.model),
        task=lambda w: options(plan.config.tasks[w.task].task.for_split(w.split)),
        template=chat_template,
    shell:
        "python -m hsir.stages.data --model {params.model:q} --task {params.task:q} --split {wildcards.split}"
        " --seed {wildcards.seed} {params.template:q} --output {output:q} > {log:q} 2>&1"


rule data_test:
    input:
        lambda w: questions_from(w.model, plan.config.tasks[w.benchmark].task, "test"),
    output:
        f"{RESULTS}/{{model}}/benchmarks/{{benchmark}}.parquet",
    log:
        f"{LOGS}/{{model}}/benchmarks/{{benchmark}}.log",
    benchmark:
        f"{TIMES}/{{model}}/benchmarks/{{benchmark}}.tsv"
    conda:
        "../../envs/tables.yaml"
    params:
        model=lambda w: base_path(w.model),
        task=lambda w: options(plan.config.tasks[w.benchmark].task.for_split("test")),
        template=chat_template,
    shell:
        "python -m hsir.stages.data --model {params.model:q} --task {params.task:q} --split test"
        " {params.template:q} --output {output:q} > {log:q} 2>&1"
