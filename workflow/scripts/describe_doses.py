"""Describe the doses and regimens that were given, where infusions are dated."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import not_counting
    from gravida.files import read_json
    from gravida.statistics.doses import describe_doses, rows_sent
    from gravida.tables import read_rows, write_table

    inputs = snakemake.input
    verdicts = [read_json(path) for path in inputs.verdicts]
    doses = rows_sent(verdicts, "infusions", map(read_rows, inputs.infusions))
    table = describe_doses(read_rows(inputs.pregnancies), doses, snakemake.params.min_women)
    write_table(snakemake.output.table, not_counting(table, snakemake.params.keeping))
