"""Compare this release with the last one."""

from _job import job

with job(snakemake.log[0]):
    from gravida.files import read_json, write_json
    from gravida.releases import compare_releases, verdicts_of_keeping
    from gravida.tables import read_table, write_table

    inputs = snakemake.input
    verdicts = [read_json(path) for path in inputs.verdicts]
    verdicts += verdicts_of_keeping(snakemake.params.keeping)
    tables = [read_table(inputs[name]) for name in ("attrition", "relapse_rates", "rate_ratios")]
    last = next((read_json(path) for path in inputs.last), None)
    verdict, params = read_json(inputs.identifiability), snakemake.params
    compared = compare_releases(verdicts, *tables, verdict, params.period, params.plan, last)
    write_table(snakemake.output.changes, compared.changes)
    write_json(snakemake.output.record, compared.record)
