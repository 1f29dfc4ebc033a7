"""Tables and figures of a run.

Needs: for every policy, eval/{benchmark}.json, ledger.json, overlap.json, funnel.json, train.json and filtered.parquet;
the tables that its training set was selected from. Gives: runs/{run}/results.csv, other tables, figures, config.yaml
"""

RUN = f"{RESULTS}/runs/{{run}}"


wildcard_constraints:
    run="|".join(plan.config.runs),


rule report:
    input:
        unpack(made_by),
    output:
        csv=f"{RUN}/results.csv",
        markdown=f"{RUN}/results.md",
        latex=f"{RUN}/results.tex",
        front=f"{RUN}/front.html",
        html=report(
            f"{RUN}/results.html",
            caption="../report/results.rst",
            category="1 Results",
            labels={"run": "{run}", "what": "table of results"},
        ),
        differences=report(
            f"{RUN}/differences.csv",
            caption="../report/differences.rst",
            category="1 Results",
            labels={"run": "{run}", "what": "differences, question by question"},
        ),
        accuracy=report(
            f"{RUN}/accuracy-tokens.svg",
            caption="../report/accuracy-tokens.rst",
            category="1 Results",
            labels={"run": "{run}", "what": "accuracy against tokens"},
        ),
        spent=report(
            f"{RUN}/accuracy-spent.svg",
            caption="../report/accuracy-spent.rst",
            category="1 Results",
            labels={"run": "{run}", "what": "accuracy against cost"},
        ),
        iterations=report(
            f"{RUN}/iterations.svg",
            caption="../report/iterations.rst",
            category="1 Results",
            labels={"run": "{run}", "what": "accuracy over iterations"},
        ),
        ledger=report(
            f"{RUN}/ledger.csv",
            caption="../report/ledger.rst",
            category="1 Results",
            labels={"run": "{run}", "what": "cost of each policy"},
        ),
        budget=report(
            f"{RUN}/budget.svg",
            caption="../report/budget.rst",
            category="1 Results",
            labels={"run": "{run}", "what": "cost of each policy, figure"},
        ),
        figures=report(
            f"{RUN}/figures.html",
            caption="../report/figures.rst",
            category="1 Results",
            labels={"run": "{run}", "what": "interactive figures"},
        ),
        pools=report(
            f"{RUN}/pools.csv",
            caption="../report/pools.rst",
            category="2 Samples",
            labels={"run": "{run}", "what": "pass@k and maj@k of the pools"},
        ),
        right=report(
            f"{RUN}/right-per-question.svg",
            caption="../report/right-per-question.rst",
            category="2 Samples",
            labels={"run": "{run}", "what": "correct solutions per question"},
        ),
        veriexit=report(
            f"{RUN}/veriexit.svg",
            caption="../report/veriexit.rst",
            category="3 VeriExit",
            labels={"run": "{run}", "what": "recycled and not recycled solutions"},
        ),
        veriexit_table=report(
            f"{RUN}/veriexit.csv",
            caption="../report/veriexit-table.rst",
            category="3 VeriExit",
            labels={"run": "{run}", "what": "the same, table"},
        ),
        indiv=report(
            f"{RUN}/indiv.svg",
            caption="../report/indiv.rst",
            category="4 InDiv",
            labels={"run": "{run}", "what": "scores, and the share dropped by difficulty"},
        ),
        indiv_table=report(
            f"{RUN}/indiv.csv",
            caption="../report/indiv-table.rst",
            category="4 InDiv",
            labels={"run": "{run}", "what": "the share dropped by difficulty, table"},
        ),
        indiv_length=report(
            f"{RUN}/indiv-length.svg",
            caption="../report/indiv-length.rst",
            category="4 InDiv",
            labels={"run": "{run}", "what": "scores against length"},
        ),
        levels=report(
            f"{RUN}/samples-by-difficulty.svg",
            caption="../report/samples-by-difficulty.rst",
            category="5 Training sets",
            labels={"run": "{run}", "what": "training solutions by difficulty"},
        ),
        quartiles=report(
            f"{RUN}/samples-by-quartile.svg",
            caption="../report/samples-by-quartile.rst",
            category="5 Training sets",
            labels={"run": "{run}", "what": "training solutions by quartile of the questions"},
        ),
        funnel=report(
            f"{RUN}/funnel.svg",
            caption="../report/funnel.rst",
            category="5 Training sets",
            labels={"run": "{run}", "what": "solutions left by each filter"},
        ),
        contamination=report(
            f"{RUN}/contamination.html",
            caption="../report/contamination.rst",
            category="5 Training sets",
            labels={"run": "{run}", "what": "test questions in training sets"},
        ),
        losses=report(
            f"{RUN}/losses.svg",
            caption="../report/losses.rst",
            category="6 Training",
            labels={"run": "{run}", "what": "losses"},
        ),
        rewards=report(
            f"{RUN}/rewards.svg",
            caption="../report/rewards.rst",
            category="6 Training",
            labels={"run": "{run}", "what": "rewards and preferences"},
        ),
        traces=report(
            f"{RUN}/traces.html",
            caption="../report/traces.rst",
            category="7 Traces",
            labels={"run": "{run}", "what": "cut and recovered, dropped and kept traces"},
        ),
        config=report(
            f"{RUN}/config.yaml",
            caption="../report/config.rst",
            category="8 Config",
            labels={"run": "{run}", "what": "resolved config"},
        ),
    log:
        f"{LOGS}/runs/{{run}}.log",
    benchmark:
        f"{TIMES}/runs/{{run}}.tsv"
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        config=lambda w: plan.alone(w.run).model_dump_json(exclude_unset=True, exclude={"track"}),
        folder=f"{PLACED}/runs/{{run}}",
    message:
        note("report: run {wildcards.run}")
    shell:
        "python -m hsir.stages.report --config {params.config:q} --out {params.folder:q} > {log:q} 2>&1"


for run in plan.config.runs:

    rule:
        name:
            run
        input:
            expand(rules.report.output, run=run),
        message:
            note(f"{run}: finished")
