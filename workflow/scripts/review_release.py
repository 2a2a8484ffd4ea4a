"""Set out for the person who signs what is in the release, and what was withheld and why."""

from _job import job

with job(snakemake.log[0]):
    from gravida.disclosure import RULES
    from gravida.files import read_json, read_text, write_text
    from gravida.report.review import ReviewContext, review_release
    from gravida.tables import read_table

    inputs, params = snakemake.input, snakemake.params
    internal, released = (
        dict(zip(params.tables, map(read_table, paths), strict=True))
        for paths in (inputs.internal, inputs.released)
    )
    meanings = {code: meaning for code, (_, meaning) in RULES.items()}
    last = next((read_json(path) for path in inputs.last), None)
    told = read_json(inputs.verdict), read_text(inputs.headline).strip()
    known = dict(params.configuration), *told, params.threshold, params.synthetic
    context = ReviewContext(read_json(inputs.record), last, *known)
    page = review_release(internal, released, map(read_table, inputs.decisions), meanings, context)
    write_text(snakemake.output.page, page)
