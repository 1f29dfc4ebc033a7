"""Questions: loaded, checked and tokenized.

Needs: the task's source, the base model's tokenizer; traces of the seed set, or a teacher for them.
Gives: traces/{task}.jsonl, data/{split}.parquet per seed, benchmarks/{benchmark}.parquet per model.
"""


rule distill:
    output:
        f"{RESULTS}/traces/{{task}}.jsonl",
    log:
        f"{LOGS}/traces/{{task}}.log",
    benchmark:
        f"{TIMES}/traces/{{task}}.tsv"
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        task=lambda w: options(plan.config.tasks[w.task].task.for_split("test")),
        # Existing traces are not requested again if the teacher's options change.
        teacher=lambda w, input: teacher_of(w),
    message:
        note("distill: {wildcards.task}")
    shell:
        "python -m hsir.stages.distill --task {params.task:q} {params.teacher:q} --out {output:q} > {log:q} 2>&1"


rule data:
    input:
        lambda w: questions_from(w.model, plan.config.tasks[w.task].task, w.split),
    output:
        f"{ROOT}/data/{{split}}.parquet",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/data/{{split}}.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/data/{{split}}.tsv"
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        model=lambda w: base_path(w.model),
        task=lambda w: options(plan.config.tasks[w.task].task.for_split(w.split)),
        template=chat_template,
    message:
        note("data: {wildcards.split} questions", IN_CELL)
    shell:
        "python -m hsir.stages.data --model {params.model:q} --task {params.task:q} --split {wildcards.split}"
        " --seed {wildcards.seed} {params.template:q} --out {output:q} > {log:q} 2>&1"


rule data_test:
    input:
        lambda w: questions_from(w.model, plan.config.tasks[w.benchmark].task, "test"),
    output:
        f"{RESULTS}/{{model}}/benchmarks/{{benchmark}}.parquet",
    log:
        f"{LOGS}/{{model}}/benchmarks/{{benchmark}}.log",
    benchmark:
        f"{TIMES}/{{model}}/benchmarks/{{benchmark}}.tsv"
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        model=lambda w: base_path(w.model),
        task=lambda w: options(plan.config.tasks[w.benchmark].task.for_split("test")),
        template=chat_template,
    message:
        note("data: test questions of {wildcards.benchmark} ({wildcards.model})")
    shell:
        "python -m hsir.stages.data --model {params.model:q} --task {params.task:q} --split test"
        " {params.template:q} --out {output:q} > {log:q} 2>&1"
