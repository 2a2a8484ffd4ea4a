"""Ask the centres that keep their rows what the estimates still need to know."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.exchange import text_of
    from gravida.federation.folder import COORDINATOR, read_key
    from gravida.federation.rounds import next_request, questions_left
    from gravida.federation.signing import signed
    from gravida.federation.study import contrasts_of
    from gravida.files import read_json, write_json
    from gravida.tables import read_rows

    inputs, params = snakemake.input, snakemake.params
    pregnancies, person_time = map(read_rows, (inputs.pregnancies, inputs.person_time))
    contrasts = contrasts_of(pregnancies, person_time, params.plan, inputs.answers)
    state = {name: read_json(inputs.answers[0])[name] for name in ("round", "awaited")}
    left = {} if state["awaited"] else questions_left(contrasts)
    request = next_request(state["round"], params.digest, left)
    secret = read_key(f"{COORDINATOR}.key", "the coordinating centre") if request else ""
    text = text_of(signed(request.document(), secret)) if request else ""
    state |= {"request": text, "left": len(left), "sites": list(contrasts.pool.given)}
    write_json(snakemake.output.state, state)
