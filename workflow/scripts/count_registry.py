"""Count the registry's relapses as one more study of the evidence."""

from _job import job

with job(snakemake.log[0]):
    from gravida.statistics.registry_counts import count_registry
    from gravida.tables import read_rows, write_table

    person_time = read_rows(snakemake.input.person_time)
    table = count_registry(person_time, snakemake.params.policies, snakemake.params.year)
    write_table(snakemake.output.table, table)
