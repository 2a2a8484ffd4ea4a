"""Describe the registry: its women, rates and sites, and what its design can answer."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.description import describe_registry
    from gravida.federation.study import contrasts_of
    from gravida.files import write_json
    from gravida.tables import read_rows, write_table

    inputs, output, params = snakemake.input, snakemake.output, snakemake.params
    rows = map(read_rows, (inputs.pregnancies, inputs.person_time))
    contrasts = contrasts_of(*rows, params.plan, inputs.answers)
    found = describe_registry(contrasts, params.year, params.min_women)
    for name, table in found.tables.items():
        write_table(output[name], table)
    write_json(output.verdict, found.verdict)
