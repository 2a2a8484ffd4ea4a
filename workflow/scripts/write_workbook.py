"""Write the released tables as a workbook."""

from _job import job

with job(snakemake.log[0]):
    from gravida.files import open_to_others, read_json, write_bytes
    from gravida.report.workbook import write_workbook
    from gravida.tables import read_table

    inputs, params = snakemake.input, snakemake.params
    tables = {name: read_table(inputs[name]) for name in params.tables}
    written = write_workbook(tables, read_json(inputs.verdict), dict(params.configuration), params.synthetic)
    write_bytes(snakemake.output[0], written)
    open_to_others(snakemake.output)
