"""Build the cohort from the accepted rows of every site, unless one was refused."""

from _job import job

with job(snakemake.log[0]):
    from gravida.cohort import CohortSettings, build_cohort, gather
    from gravida.files import read_json
    from gravida.tables import read_rows, read_table, write_rows, write_table

    inputs, params = snakemake.input, snakemake.params
    verdicts = [read_json(path) for path in inputs.verdicts]
    names = ("pregnancies", "relapses", "infusions")
    tables = [[read_rows(path) for path in inputs[name]] for name in names]
    codes = read_table(inputs.dmt_codes).set_index("code")["efficacy"].to_dict()
    settings = CohortSettings(params.exposure, params.separation)
    cohort = build_cohort(gather(verdicts, params.policies, *tables), codes, settings)
    write_rows(snakemake.output.pregnancies, cohort.pregnancies)
    write_rows(snakemake.output.person_time, cohort.person_time)
    write_rows(snakemake.output.onsets, cohort.onsets)
    write_table(snakemake.output.attrition, cohort.attrition)
