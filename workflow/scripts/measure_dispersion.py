"""Measure over-dispersion."""

from _job import job

with job(snakemake.log[0]):
    from gravida.statistics.dispersion import measure_dispersion
    from gravida.tables import read_rows, write_table

    person_time = read_rows(snakemake.input.person_time)
    write_table(snakemake.output.table, measure_dispersion(person_time, snakemake.params.min_women))
