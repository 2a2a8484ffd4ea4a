"""Estimate predictors of relapse after delivery, and whether they predict at all."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import contrasts_of
    from gravida.statistics.imputed import ImputationPlan
    from gravida.statistics.predictability import estimate_predictability
    from gravida.statistics.predictors import estimate_predictors
    from gravida.tables import read_rows, write_table

    inputs, params = snakemake.input, snakemake.params
    rows = map(read_rows, (inputs.pregnancies, inputs.person_time))
    contrasts = contrasts_of(*rows, params.plan, inputs.answers)
    plan = ImputationPlan(params.imputations, params.seed)
    write_table(snakemake.output.table, estimate_predictors(contrasts, read_rows(inputs.onsets), plan))
    write_table(snakemake.output.predictability, estimate_predictability(contrasts, params.seed))
