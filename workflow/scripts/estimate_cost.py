"""Estimate the cost of a relapse avoided under several prices and numbers needed to treat."""

from _job import job

with job(snakemake.log[0]):
    from gravida.evidence.claims import printed_costs
    from gravida.evidence.sheet import check_claims
    from gravida.statistics.cost import CostPlan, PrintedCost, estimate_cost
    from gravida.tables import read_cells, read_table, write_table

    inputs, cost = snakemake.input, snakemake.params.cost
    plan = CostPlan(
        cost["ivig_per_gram"],
        cost["grams_per_course"],
        cost["administration_per_course"],
        cost["currency"],
        snakemake.params.day,
    )
    printed = printed_costs(check_claims(read_cells(inputs.claims, "evidence.claims")))
    tables = (read_table(inputs[name]) for name in ("risk_difference", "doses", "pooled"))
    write_table(snakemake.output.table, estimate_cost(plan, *tables, [PrintedCost(*row) for row in printed]))
