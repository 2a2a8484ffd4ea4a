"""Build the cohort from the accepted rows of every site; refused ones stop it or are left out, as planned."""

from _job import job

with job(snakemake.log[0]) as warnings:
    from gravida.cohort import CohortSettings, build_cohort, gather, left_out
    from gravida.files import read_json
    from gravida.tables import read_rows, read_table, write_rows, write_table

    inputs, params = snakemake.input, snakemake.params
    verdicts = [read_json(path) for path in inputs.verdicts]
    refused = left_out(verdicts, params.on_refused)
    warnings += [f"Warning: site {site} is left out: its submission was refused" for site in refused]
    names = ("pregnancies", "relapses", "infusions")
    tables = [[read_rows(path) for path in inputs[name]] for name in names]
    codes = read_table(inputs.dmt_codes).set_index("code")["efficacy"].to_dict()
    settings = CohortSettings(params.exposure, params.separation)
    cohort = build_cohort(gather(verdicts, params.policies, *tables), codes, settings, refused)
    write_rows(snakemake.output.pregnancies, cohort.pregnancies)
    write_rows(snakemake.output.person_time, cohort.person_time)
    write_rows(snakemake.output.onsets, cohort.onsets)
    write_table(snakemake.output.attrition, cohort.attrition)
