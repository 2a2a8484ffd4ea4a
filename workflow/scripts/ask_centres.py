"""Ask the centres that keep their rows what the estimates still need to know."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.folder import ask_centres
    from gravida.federation.study import contrasts_of
    from gravida.files import read_json, write_json
    from gravida.tables import read_rows

    inputs, params = snakemake.input, snakemake.params
    rows = map(read_rows, (inputs.pregnancies, inputs.person_time))
    contrasts = contrasts_of(*rows, params.plan, inputs.answers)
    state = ask_centres(read_json(inputs.answers[0]), contrasts, params.digest)
    write_json(snakemake.output.state, state)
