"""Compare the arms; say what can be estimated, how the women differ, and what the interval excludes."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import contrasts_of
    from gravida.statistics.contrasts import periods_compared
    from gravida.statistics.estimability import describe_estimability
    from gravida.statistics.precision import PrecisionSettings, assess_precision
    from gravida.statistics.rate_ratios import estimate_rate_ratios
    from gravida.statistics.weighting import describe_balance
    from gravida.tables import read_rows, read_table, write_table

    inputs, output, params = snakemake.input, snakemake.output, snakemake.params
    compared = read_rows(inputs.person_time, periods_compared(params.plan))
    contrasts = contrasts_of(read_rows(inputs.pregnancies), compared, params.plan, inputs.answers)
    settings = PrecisionSettings(
        params.plan["confidence"], params.power, tuple(params.planned_ratios), params.margin, params.seed
    )
    write_table(output.table, estimate_rate_ratios(contrasts))
    write_table(output.estimability, describe_estimability(contrasts))
    write_table(output.balance, describe_balance(contrasts))
    # Of the numbers as they are written, so that a reader of both tables finds the same.
    precision = assess_precision(contrasts, read_table(output.table), settings)
    write_table(output.precision, precision)
