"""Draw the figures from released tables."""

from _job import job

with job(snakemake.log[0]):
    from gravida.figures import draw_figures
    from gravida.files import open_to_others, write_bytes
    from gravida.tables import read_table

    tables = {name: read_table(path) for name, path in snakemake.input.items()}
    for name, picture in draw_figures(tables, snakemake.params.confidence).items():
        write_bytes(snakemake.output[name], picture)
    open_to_others(snakemake.output)
