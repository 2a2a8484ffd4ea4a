"""Draw the published evidence from released tables."""

from _job import job

with job(snakemake.log[0]):
    from gravida.figures.evidence import draw_evidence
    from gravida.files import open_to_others, write_bytes
    from gravida.tables import read_table

    inputs, params = snakemake.input, snakemake.params
    tables = (read_table(inputs.studies), read_table(inputs.pooled))
    for name, picture in draw_evidence(*tables, params.confidence, params.synthetic).items():
        write_bytes(snakemake.output[name], picture)
    open_to_others(snakemake.output)
