"""Describe the cohort at baseline."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import pool_of
    from gravida.statistics.baseline import describe_baseline
    from gravida.tables import read_rows, write_table

    inputs = snakemake.input
    pregnancies = read_rows(inputs.pregnancies)
    if inputs.answers:
        from gravida.federation.pooled_tables import pool_baseline

        table = pool_baseline(pool_of(pregnancies, read_rows(inputs.person_time), inputs.answers))
    else:
        table = describe_baseline(pregnancies)
    write_table(snakemake.output.table, table)
