"""Say what the design can answer."""

from _job import job

with job(snakemake.log[0]):
    from gravida.files import write_json
    from gravida.statistics.contrasts import Contrasts
    from gravida.statistics.estimability import describe_estimability
    from gravida.statistics.identifiability import assess_identifiability
    from gravida.tables import read_rows, write_table

    inputs, plan = snakemake.input, snakemake.params.plan
    person_time = read_rows(inputs.person_time)
    assessed = assess_identifiability(person_time, plan["policies"], plan["period"])
    contrasts = Contrasts.of_plan(read_rows(inputs.pregnancies), person_time, plan)
    write_table(snakemake.output.table, assessed.sites)
    write_table(snakemake.output.estimability, describe_estimability(contrasts))
    write_json(snakemake.output.verdict, assessed.as_dict())
