"""Write the report from released tables and figures."""

from _job import job

with job(snakemake.log[0]):
    from gravida.files import open_to_others, read_bytes, read_json, read_text, sha256, write_text
    from gravida.report.html import write_report
    from gravida.tables import read_table

    inputs, params = snakemake.input, snakemake.params
    tables = {name: read_table(inputs[name]) for name in params.tables}
    figures = dict(zip(params.figures, map(read_bytes, inputs.figures), strict=True))
    written = write_report(
        tables,
        read_json(inputs.verdict),
        figures,
        dict(params.configuration),
        params.synthetic,
        len(params.keeping),
        {path: (params.makers[path], sha256(path)) for path in inputs},
        read_text(inputs.chart),
    )
    write_text(snakemake.output.report, written.page)
    write_text(snakemake.output.headline, written.headline + "\n")
    open_to_others(snakemake.output)
