"""Repeat the primary contrast under other choices."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import contrasts_of
    from gravida.statistics.imputed import ImputationPlan
    from gravida.statistics.sensitivity import estimate_sensitivity
    from gravida.tables import read_rows, write_table

    inputs, params = snakemake.input, snakemake.params
    rows = map(read_rows, (inputs.pregnancies, inputs.person_time))
    contrasts = contrasts_of(*rows, params.plan, inputs.answers)
    plan = ImputationPlan(params.imputations, params.seed)
    table = estimate_sensitivity(contrasts, read_rows(inputs.onsets), plan)
    write_table(snakemake.output.table, table)
