"""Measure over-dispersion."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import pool_of
    from gravida.statistics.dispersion import measure_dispersion
    from gravida.tables import read_rows, write_table

    inputs, min_women = snakemake.input, snakemake.params.min_women
    person_time = read_rows(inputs.person_time)
    if inputs.answers:
        from gravida.federation.pooled_tables import pool_dispersion

        table = pool_dispersion(
            pool_of(read_rows(inputs.pregnancies), person_time, inputs.answers), min_women
        )
    else:
        table = measure_dispersion(person_time, min_women)
    write_table(snakemake.output.table, table)
