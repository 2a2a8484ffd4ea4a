"""Count the registry's relapses as one more study of the evidence."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import contrasts_of
    from gravida.statistics.registry_counts import count_registry
    from gravida.tables import read_rows, write_table

    inputs, params = snakemake.input, snakemake.params
    rows = list(map(read_rows, (inputs.pregnancies, inputs.person_time)))
    if inputs.answers:
        from gravida.federation.pooled_tables import pool_registry

        table = pool_registry(contrasts_of(*rows, params.plan, inputs.answers), params.year)
    else:
        table = count_registry(rows[1], params.plan["policies"], params.year, params.min_women)
    write_table(snakemake.output.table, table)
