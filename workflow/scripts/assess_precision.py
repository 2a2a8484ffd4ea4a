"""Say what the primary interval excludes and what would change it."""

from _job import job

with job(snakemake.log[0]):
    from gravida.statistics.contrasts import Contrasts
    from gravida.statistics.precision import PrecisionSettings, assess_precision
    from gravida.tables import read_rows, read_table, write_table

    inputs, params = snakemake.input, snakemake.params
    contrasts = Contrasts.of_plan(read_rows(inputs.pregnancies), read_rows(inputs.person_time), params.plan)
    settings = PrecisionSettings(
        params.plan["confidence"], params.power, tuple(params.planned_ratios), params.margin, params.seed
    )
    table = assess_precision(contrasts, read_table(inputs.rate_ratios), settings)
    write_table(snakemake.output.table, table)
