"""Say what the primary interval excludes and what would change it."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import contrasts_of
    from gravida.statistics.precision import PrecisionSettings, assess_precision
    from gravida.tables import read_rows, read_table, write_table

    inputs, params = snakemake.input, snakemake.params
    rows = map(read_rows, (inputs.pregnancies, inputs.person_time))
    contrasts = contrasts_of(*rows, params.plan, inputs.answers)
    settings = PrecisionSettings(
        params.plan["confidence"], params.power, tuple(params.planned_ratios), params.margin, params.seed
    )
    table = assess_precision(contrasts, read_table(inputs.rate_ratios), settings)
    write_table(snakemake.output.table, table)
