"""Answer what the coordinating centre asks of a site that keeps its rows."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.exchange import opening_request, summarise_site, text_of
    from gravida.federation.folder import read_asked
    from gravida.federation.page import leaving_page
    from gravida.federation.protection import Answered
    from gravida.federation.selection import holding_of
    from gravida.files import read_json, read_text, write_json, write_text
    from gravida.tables import read_rows, read_table

    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    opening = opening_request(params.digest, params.plan)
    request = read_asked(inputs.request, int(snakemake.wildcards.round), opening)
    tables = {name: read_table(inputs[name]) for name in ("attrition", "data_quality")}
    rows = map(read_rows, (inputs.pregnancies, inputs.person_time))
    held = holding_of(params.line["site"], *rows, onsets=read_rows(inputs.onsets), **tables)
    before = Answered(read_json(inputs.ledger[0]) if inputs.ledger else {})
    known = (params.min_women, before, read_text(inputs.key))
    document, answered = summarise_site(request, params.line, held, *known)
    write_text(outputs.summary, text_of(document))
    write_text(outputs.page, leaving_page(document, request))
    write_json(outputs.ledger, answered.parameters)
