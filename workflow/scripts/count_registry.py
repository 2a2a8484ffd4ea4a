"""Count the registry's relapses as one more study of the evidence."""

from _job import job

with job(snakemake.log[0]):
    from gravida.statistics.registry_counts import count_registry
    from gravida.tables import read_rows, write_table

    inputs = snakemake.input
    cohort = (read_rows(inputs.pregnancies), read_rows(inputs.person_time))
    write_table(snakemake.output.table, count_registry(*cohort, snakemake.params.policies))
