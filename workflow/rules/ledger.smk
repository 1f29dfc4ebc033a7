"""The cost of a policy.

Needs: its samples and scores, train.json, the ledger of its parent policy.
Gives: ledger.json
"""


rule ledger:
    input:
        unpack(cost_of),
    output:
        f"{POLICY}/ledger.json",
    log:
        f"{LOGS}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/ledger.log",
    benchmark:
        f"{TIMES}/{{model}}/{{task}}/seed{{seed}}/{{policy}}/ledger.tsv"
    localrule: True
    conda:
        "../../envs/tables.yaml"
    params:
        pools=lambda w, input: [f"--pool={Path(path).parts[-3]}={path}" for path in input.samples],
        scores=lambda w, input: [f"--scores={path}" for path in input.scores],
        before=lambda w, input: [f"--before={path}" for path in input.before],
    message:
        note("ledger: {wildcards.policy}", IN_CELL)
    shell:
        "python -m hsir.stages.ledger {params.pools:q} {params.scores:q} --train {input.train:q} {params.before:q}"
        " --out {output:q} > {log:q} 2>&1"
