"""Check one site's submission."""

from _job import job

with job(snakemake.log[0]):
    from gravida.files import read_bytes, read_yaml, write_json, write_text
    from gravida.intake.mapping.file import read_mapping
    from gravida.intake.submission import Site, data_cuts, intake_site
    from gravida.tables import read_table, write_rows, write_table

    inputs, params = snakemake.input, snakemake.params
    site = Site(snakemake.wildcards.site, params.policy, params.data_cut)
    codes = read_table(inputs.dmt_codes)
    schema = read_yaml(inputs.mapping_schema)
    mapping = next((read_mapping(read_bytes(path), schema) for path in inputs.mapping), None)
    *earlier, cut = data_cuts(inputs.files, inputs.earlier, params.strange)
    how = params.separation, cut.strange, mapping, earlier, params.quarantine
    result = intake_site(site, cut.files, codes, *how)
    for table, rows in result.accepted.items():
        write_rows(snakemake.output[table], rows)
    write_table(snakemake.output.findings, result.findings)
    write_table(snakemake.output.changes, result.changes)
    write_json(snakemake.output.verdict, result.verdict)
    write_text(snakemake.output.page, result.page)
