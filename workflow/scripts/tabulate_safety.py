"""Tabulate adverse events and contraindications by arm."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import not_counting
    from gravida.files import read_json
    from gravida.statistics.doses import rows_sent
    from gravida.statistics.safety import tabulate_safety
    from gravida.tables import read_rows, write_table

    inputs = snakemake.input
    verdicts = [read_json(path) for path in inputs.verdicts]
    events = rows_sent(verdicts, "adverse_events", map(read_rows, inputs.adverse_events))
    doses = rows_sent(verdicts, "infusions", map(read_rows, inputs.infusions))
    pregnancies = read_rows(inputs.pregnancies)
    table = tabulate_safety(pregnancies, events, doses, snakemake.params.confidence)
    write_table(snakemake.output.table, not_counting(table, snakemake.params.keeping))
