"""Write the manuscript from released tables and figures."""

from _job import job

with job(snakemake.log[0]):
    from gravida.files import open_to_others, read_bytes, read_json, write_bytes
    from gravida.report.manuscript.document import write_manuscript
    from gravida.tables import read_table

    inputs, params = snakemake.input, snakemake.params
    written = write_manuscript(
        {name: read_table(inputs[name]) for name in params.tables},
        read_json(inputs.verdict),
        dict(zip(params.figures, map(read_bytes, inputs.figures), strict=True)),
        dict(params.configuration),
        params.synthetic,
        len(params.keeping),
    )
    write_bytes(snakemake.output[0], written)
    open_to_others(snakemake.output)
