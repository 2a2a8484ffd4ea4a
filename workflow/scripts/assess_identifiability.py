"""Say what the design can answer."""

from _job import job

with job(snakemake.log[0]):
    from gravida.files import write_json
    from gravida.statistics.identifiability import assess_identifiability
    from gravida.tables import read_rows, write_table

    person_time, params = read_rows(snakemake.input.person_time), snakemake.params
    assessed = assess_identifiability(person_time, params.policies, params.period)
    write_table(snakemake.output.table, assessed.sites)
    write_json(snakemake.output.verdict, assessed.as_dict())
