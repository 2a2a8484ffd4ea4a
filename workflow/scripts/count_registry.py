"""Count the registry's relapses as one more study of the evidence."""

from _job import job

with job(snakemake.log[0]):
    from gravida.statistics.registry_counts import count_registry
    from gravida.tables import read_rows, write_table

    person_time, params = read_rows(snakemake.input.person_time), snakemake.params
    table = count_registry(person_time, params.policies, params.year, params.min_women)
    write_table(snakemake.output.table, table)
