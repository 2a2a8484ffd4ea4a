"""Describe the cohort at baseline."""

from _job import job

with job(snakemake.log[0]):
    from gravida.statistics.baseline import describe_baseline
    from gravida.tables import read_rows, write_table

    write_table(snakemake.output.table, describe_baseline(read_rows(snakemake.input.pregnancies)))
