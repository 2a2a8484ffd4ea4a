"""Answer what the coordinating centre asks of a site that keeps its rows."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.exchange import opening_request, read_request, summarise_site, text_of
    from gravida.federation.page import leaving_page
    from gravida.federation.protection import Answered
    from gravida.federation.selection import holding_of
    from gravida.files import read_json, read_text, write_json, write_text
    from gravida.tables import read_rows

    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    site, number = snakemake.wildcards.site, int(snakemake.wildcards.round)
    request = opening_request(params.digest, params.plan)
    if inputs.request:
        text, public = map(read_text, inputs.request)
        request = read_request(text, inputs.request[0], number, params.digest, public)
    held = holding_of(site, read_rows(inputs.pregnancies), read_rows(inputs.person_time))
    before = Answered(read_json(inputs.ledger[0]) if inputs.ledger else {})
    document, answered = summarise_site(request, site, held, params.min_women, before, read_text(inputs.key))
    write_text(outputs.summary, text_of(document))
    write_text(outputs.page, leaving_page(document, request))
    write_json(outputs.ledger, answered.parameters)
