"""Estimate annualized relapse rates."""

from _job import job

with job(snakemake.log[0]):
    from gravida.statistics.rates import estimate_rates
    from gravida.tables import read_rows, write_table

    person_time = read_rows(snakemake.input.person_time)
    write_table(snakemake.output.table, estimate_rates(person_time, snakemake.params.confidence))
