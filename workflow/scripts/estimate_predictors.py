"""Estimate predictors of relapse after delivery, and whether they predict at all."""

from _job import job

with job(snakemake.log[0]):
    from gravida.statistics.contrasts import Contrasts
    from gravida.statistics.imputed import ImputationPlan
    from gravida.statistics.predictability import PredictabilitySettings, estimate_predictability
    from gravida.statistics.predictors import estimate_predictors, names_of
    from gravida.tables import read_rows, write_table

    inputs, params = snakemake.input, snakemake.params
    pregnancies, person_time = map(read_rows, (inputs.pregnancies, inputs.person_time))
    contrasts = Contrasts.of_plan(pregnancies, person_time, params.plan)
    plan = ImputationPlan(params.imputations, params.seed)
    write_table(snakemake.output.table, estimate_predictors(contrasts, read_rows(inputs.onsets), plan))
    settings = PredictabilitySettings(
        names_of(contrasts), contrasts.settings.period, contrasts.settings.confidence, params.seed
    )
    table = estimate_predictability(pregnancies, person_time, settings)
    write_table(snakemake.output.predictability, table)
