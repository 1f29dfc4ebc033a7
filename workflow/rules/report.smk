"""Tables and pictures of a run.

Needs: of every policy eval/{benchmark}.json, ledger.json, overlap.json and funnel.json; the tables that its training set was
chosen from.
Gives: runs/{run}/results.csv, other tables, pictures, config.yaml
"""

RUN = f"{RESULTS}/runs/{{run}}"


wildcard_constraints:
    run="|".join(plan.config.runs),


rule report:
    input:
        unpack(made_by),
        ledgers=lambda w: [
            f"{POLICY}/ledger.json".format(model=model, task=task, seed=seed, policy=policy)
            for model, task, seed, _, policy in plan.cells(plan.config.runs[w.run])
        ],
        overlaps=lambda w: [
            f"{POLICY}/overlap.json".format(model=model, task=task, seed=seed, policy=policy)
            for model, task, seed, _, policy in plan.cells(plan.config.runs[w.run])
        ],
    output:
        csv=f"{RUN}/results.csv",
        markdown=f"{RUN}/results.md",
        latex=f"{RUN}/results.tex",
        differences=report(
            f"{RUN}/differences.csv",
            caption="../report/differences.rst",
            category="Results",
            labels={"run": "{run}", "what": "differences, question by question"},
        ),
        pools=report(
            f"{RUN}/pools.csv",
            caption="../report/pools.rst",
            category="Results",
            labels={"run": "{run}", "what": "pass@k and maj@k of the pools"},
        ),
        html=report(
            f"{RUN}/results.html",
            caption="../report/results.rst",
            category="Results",
            labels={"run": "{run}", "what": "table of results"},
        ),
        ledger=report(
            f"{RUN}/ledger.csv",
            caption="../report/ledger.rst",
            category="Results",
            labels={"run": "{run}", "what": "what each policy cost"},
        ),
        accuracy=report(
            f"{RUN}/accuracy-tokens.svg",
            caption="../report/accuracy-tokens.rst",
            category="Results",
            labels={"run": "{run}", "what": "accuracy against tokens"},
        ),
        right=report(
            f"{RUN}/right-per-question.svg",
            caption="../report/right-per-question.rst",
            category="Training sets",
            labels={"run": "{run}", "what": "right solutions a question"},
        ),
        levels=report(
            f"{RUN}/samples-by-difficulty.svg",
            caption="../report/samples-by-difficulty.rst",
            category="Training sets",
            labels={"run": "{run}", "what": "training solutions by difficulty"},
        ),
        funnel=report(
            f"{RUN}/funnel.svg",
            caption="../report/funnel.rst",
            category="Training sets",
            labels={"run": "{run}", "what": "solutions left by each filter"},
        ),
        indiv=report(
            f"{RUN}/indiv.svg",
            caption="../report/indiv.rst",
            category="Limits",
            labels={"run": "{run}", "what": "InDiv, and what tau drops"},
        ),
        indiv_table=report(
            f"{RUN}/indiv.csv",
            caption="../report/indiv-table.rst",
            category="Limits",
            labels={"run": "{run}", "what": "dropped by InDiv, table"},
        ),
        veriexit=report(
            f"{RUN}/veriexit.svg",
            caption="../report/veriexit.rst",
            category="Limits",
            labels={"run": "{run}", "what": "what VeriExit could recycle"},
        ),
        veriexit_table=report(
            f"{RUN}/veriexit.csv",
            caption="../report/veriexit-table.rst",
            category="Limits",
            labels={"run": "{run}", "what": "VeriExit, table"},
        ),
        contamination=report(
            f"{RUN}/contamination.html",
            caption="../report/contamination.rst",
            category="Limits",
            labels={"run": "{run}", "what": "test questions in training sets"},
        ),
        traces=report(
            f"{RUN}/traces.html",
            caption="../report/traces.rst",
            category="Traces",
            labels={"run": "{run}", "what": "what was cut and recovered, dropped and kept"},
        ),
        config=report(
            f"{RUN}/config.yaml",
            caption="../report/config.rst",
            category="Config",
            labels={"run": "{run}", "what": "resolved config"},
        ),
    log:
        f"{LOGS}/runs/{{run}}.log",
    benchmark:
        f"{TIMES}/runs/{{run}}.tsv"
    conda:
        "../../envs/tables.yaml"
    params:
        config=lambda w: plan.alone(w.run).model_dump_json(exclude_unset=True),
        folder=RUN,
    shell:
        "python -m hsir.stages.report --config {params.config:q} --output {params.folder:q} > {log:q} 2>&1"


for run in plan.config.runs:

    rule:
        name:
            run
        input:
            expand(rules.report.output, run=run),
