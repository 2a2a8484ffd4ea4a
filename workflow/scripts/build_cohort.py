"""Build the cohort from the accepted rows of every site, once every verdict allows it."""

from _job import job

with job(snakemake.log[0]) as warnings:
    from functools import partial

    from gravida.admission import left_out, tabulate_unused, warnings_of_unused
    from gravida.cohort import COLUMNS, CohortSettings, build_cohort, gather
    from gravida.federation.study import with_theirs
    from gravida.files import read_json
    from gravida.tables import read_rows, read_table, write_each, write_table

    inputs, params = snakemake.input, snakemake.params
    verdicts = [read_json(path) for path in inputs.verdicts]
    refused = left_out(verdicts, params.on_refused)
    warnings += warnings_of_unused(verdicts, refused)
    tables = [map(partial(read_rows, columns=used), inputs[name]) for name, used in COLUMNS.items()]
    codes = read_table(inputs.dmt_codes).set_index("code")["efficacy"].to_dict()
    settings = CohortSettings(params.exposure, params.separation)
    sites = gather(verdicts, params.policies, *tables)
    cohort = build_cohort(sites, codes, settings, tabulate_unused(verdicts, refused))
    rows = ("pregnancies", "person_time", "onsets")
    write_each({snakemake.output[name]: getattr(cohort, name) for name in rows})
    write_table(snakemake.output.attrition, with_theirs("attrition", cohort.attrition, inputs.answers))
