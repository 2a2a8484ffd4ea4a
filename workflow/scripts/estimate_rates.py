"""Estimate annualized relapse rates."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import pool_of
    from gravida.statistics.rates import estimate_rates
    from gravida.tables import read_rows, write_table

    inputs, confidence = snakemake.input, snakemake.params.confidence
    rows = list(map(read_rows, (inputs.pregnancies, inputs.person_time)))
    if inputs.answers:
        from gravida.federation.rates import pool_rates

        table = pool_rates(pool_of(*rows, inputs.answers), confidence)
    else:
        table = estimate_rates(rows[1], confidence)
    write_table(snakemake.output.table, table)
