"""Hold printed claims against the numbers that they were printed with."""

from _job import job

with job(snakemake.log[0]):
    from gravida.evidence.audit import audit_claims
    from gravida.evidence.sheet import check_claims, check_studies
    from gravida.tables import read_cells, write_table

    inputs = snakemake.input
    claims = check_claims(read_cells(inputs.claims, "evidence.claims"))
    studies = check_studies(read_cells(inputs.studies, "evidence.studies"))
    write_table(snakemake.output.table, audit_claims(claims, studies))
