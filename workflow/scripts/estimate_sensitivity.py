"""Repeat the primary contrast under other choices."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import contrasts_of
    from gravida.statistics.contrasts import periods_compared
    from gravida.statistics.imputed import ImputationPlan
    from gravida.statistics.sensitivity import estimate_sensitivity
    from gravida.tables import read_rows, write_table

    inputs, params = snakemake.input, snakemake.params
    compared = read_rows(inputs.person_time, periods_compared(params.plan))
    contrasts = contrasts_of(read_rows(inputs.pregnancies), compared, params.plan, inputs.answers)
    plan = ImputationPlan(params.imputations, params.seed)
    table = estimate_sensitivity(contrasts, read_rows(inputs.onsets), plan)
    write_table(snakemake.output.table, table)
