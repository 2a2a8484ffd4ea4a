"""Gather what the centres that keep their rows have answered so far."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.exchange import opening_request
    from gravida.federation.folder import gather_answers
    from gravida.files import write_json

    params = snakemake.params
    opening = opening_request(params.digest, params.plan)
    exchange = gather_answers(opening, params.centres, params.min_women)
    state = {"round": len(exchange.requests), "awaited": exchange.awaited, "given": exchange.given}
    write_json(snakemake.output.answers, state)
