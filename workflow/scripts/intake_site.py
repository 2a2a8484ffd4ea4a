"""Check one site's submission."""

from pathlib import Path

from _job import job

with job(snakemake.log[0]):
    from gravida.files import read_text, read_yaml, write_json, write_text
    from gravida.intake.mapping.file import read_mapping
    from gravida.intake.submission import Site, intake_site
    from gravida.tables import read_table, write_rows, write_table

    site = Site(snakemake.wildcards.site, snakemake.params.policy, snakemake.params.data_cut)
    files = [Path(name) for name in snakemake.input.files]
    params = snakemake.params
    codes = read_table(snakemake.input.dmt_codes)
    schema = read_yaml(snakemake.input.mapping_schema)
    mapping = next((read_mapping(read_text(path), schema) for path in snakemake.input.mapping), None)
    result = intake_site(site, files, codes, params.separation, params.strange, mapping)
    for table, rows in result.accepted.items():
        write_rows(snakemake.output[table], rows)
    write_table(snakemake.output.findings, result.findings)
    write_json(snakemake.output.verdict, result.verdict)
    write_text(snakemake.output.page, result.page)
