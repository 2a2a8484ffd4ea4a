"""Tabulate adverse events and contraindications by arm, and the doses and regimens that were given."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import not_counting
    from gravida.files import read_json
    from gravida.statistics.doses import describe_doses, rows_sent
    from gravida.statistics.safety import tabulate_safety
    from gravida.tables import read_rows, write_table

    inputs, output, params = snakemake.input, snakemake.output, snakemake.params
    verdicts = [read_json(path) for path in inputs.verdicts]
    events = rows_sent(verdicts, "adverse_events", map(read_rows, inputs.adverse_events))
    doses = rows_sent(verdicts, "infusions", map(read_rows, inputs.infusions))
    pregnancies = read_rows(inputs.pregnancies)
    safety = tabulate_safety(pregnancies, events, doses, params.confidence)
    write_table(output.table, not_counting(safety, params.keeping))
    given = describe_doses(pregnancies, doses, params.min_women)
    write_table(output.doses, not_counting(given, params.keeping))
