"""Protect every table that is listed, and let it out."""

from _job import job

with job(snakemake.log[0]):
    from gravida.disclosure import release_tables
    from gravida.files import open_to_others, read_json, write_json
    from gravida.tables import read_table, write_table

    names = snakemake.params.tables
    internal = {name: read_table(snakemake.input[name]) for name in names}
    for name, table in release_tables(internal, snakemake.params.min_women).items():
        write_table(snakemake.output[name], table)
    if "verdict" in dict(snakemake.output.items()):
        write_json(snakemake.output.verdict, read_json(snakemake.input.verdict))
    open_to_others(snakemake.output)
