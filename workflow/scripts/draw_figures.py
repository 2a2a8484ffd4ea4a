"""Draw the figures from released tables."""

from _job import job

with job(snakemake.log[0]):
    from gravida.figures import draw_figures
    from gravida.files import open_to_others, write_bytes
    from gravida.tables import read_cells, read_table

    inputs, params = dict(snakemake.input.items()), snakemake.params
    published = read_cells(inputs.pop("published_rates"), "evidence.published_rates")
    tables = {name: read_table(path) for name, path in inputs.items()} | {"published_rates": published}
    for name, picture in draw_figures(tables, params.confidence, params.synthetic).items():
        write_bytes(snakemake.output[name], picture)
    open_to_others(snakemake.output)
