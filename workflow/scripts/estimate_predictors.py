"""Estimate predictors of relapse after delivery."""

from _job import job

with job(snakemake.log[0]):
    from gravida.statistics.predictors import PredictorSettings, estimate_predictors
    from gravida.tables import read_rows, write_table

    params = snakemake.params
    settings = PredictorSettings(tuple(params.covariates), params.period, params.confidence)
    pregnancies, person_time = map(read_rows, (snakemake.input.pregnancies, snakemake.input.person_time))
    table = estimate_predictors(pregnancies, person_time, params.policies, settings)
    write_table(snakemake.output.table, table)
