"""Compare the arms."""

from _job import job

with job(snakemake.log[0]):
    from gravida.statistics.rate_ratios import RateRatioSettings, estimate_rate_ratios
    from gravida.tables import read_rows, write_table

    params = snakemake.params
    settings = RateRatioSettings(
        params.numerator, params.denominator, params.period, params.confidence, tuple(params.covariates)
    )
    pregnancies, person_time = map(read_rows, (snakemake.input.pregnancies, snakemake.input.person_time))
    table = estimate_rate_ratios(pregnancies, person_time, params.policies, settings)
    write_table(snakemake.output.table, table)
