"""Say what the design can answer."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import contrasts_of
    from gravida.files import write_json
    from gravida.statistics.estimability import describe_estimability
    from gravida.tables import read_rows, write_table

    inputs = snakemake.input
    rows = map(read_rows, (inputs.pregnancies, inputs.person_time))
    contrasts = contrasts_of(*rows, snakemake.params.plan, inputs.answers)
    write_table(snakemake.output.table, contrasts.verdict.sites)
    write_table(snakemake.output.estimability, describe_estimability(contrasts))
    write_json(snakemake.output.verdict, contrasts.verdict.as_dict())
