"""Estimate each site's rate and how sites differ."""

from _job import job

with job(snakemake.log[0]):
    from gravida.statistics.sites import estimate_sites
    from gravida.tables import read_rows, write_table

    params, person_time = snakemake.params, read_rows(snakemake.input.person_time)
    table = estimate_sites(person_time, params.policies, params.period, params.confidence)
    write_table(snakemake.output.table, table)
