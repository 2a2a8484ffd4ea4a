"""Estimate each site's rate and how sites differ."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import pool_of
    from gravida.statistics.sites import estimate_sites
    from gravida.tables import read_rows, write_table

    inputs, params = snakemake.input, snakemake.params
    person_time, known = read_rows(inputs.person_time), (params.policies, params.period, params.confidence)
    if inputs.answers:
        from gravida.federation.pooled_tables import pool_sites

        table = pool_sites(pool_of(read_rows(inputs.pregnancies), person_time, inputs.answers), *known)
    else:
        table = estimate_sites(person_time, *known)
    write_table(snakemake.output.table, table)
