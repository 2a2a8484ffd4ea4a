"""Build the cohort from the accepted rows of every site, once every verdict allows it."""

from _job import job

with job(snakemake.log[0]) as warnings:
    from gravida.admission import add_attrition, gather, left_out, tabulate_unused, warnings_of_unused
    from gravida.cohort import CohortSettings, build_cohort
    from gravida.federation.study import with_theirs
    from gravida.files import read_json
    from gravida.tables import read_rows, read_table, row_files, write_table

    inputs, params = snakemake.input, snakemake.params
    verdicts = [read_json(path) for path in inputs.verdicts]
    refused = left_out(verdicts, params.on_refused)
    warnings += warnings_of_unused(verdicts, refused)
    codes = read_table(inputs.dmt_codes).set_index("code")["efficacy"].to_dict()
    sites = gather(verdicts, params.policies, inputs, read_rows)
    attrition, rows = [], ("pregnancies", "person_time", "onsets")
    with row_files({name: snakemake.output[name] for name in rows}) as add:
        for part in build_cohort(sites, codes, CohortSettings(params.exposure, params.separation)):
            add({name: getattr(part, name) for name in rows})
            attrition.append(part.attrition)
            del part
    table = add_attrition(attrition, tabulate_unused(verdicts, refused))
    write_table(snakemake.output.attrition, with_theirs("attrition", table, inputs.answers))
