"""Pool the published studies, with the registry where there is one."""

from _job import job

with job(snakemake.log[0]):
    import pandas as pd
    from gravida.evidence.sheet import check_studies
    from gravida.evidence.synthesis import pool_evidence
    from gravida.tables import read_cells, read_table, write_table

    params, output = snakemake.params, snakemake.output
    studies = check_studies(read_cells(snakemake.input.studies, "evidence.studies"))
    registry = pd.concat([pd.DataFrame(), *map(read_table, snakemake.input.registry)])
    found = pool_evidence(studies, registry, params.superseded, params.confidence)
    write_table(output.studies, found.studies)
    write_table(output.pooled, found.pooled)
    write_table(output.grade, found.grade)
