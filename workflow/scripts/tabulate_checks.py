"""Put every site's checks into one table."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import with_theirs
    from gravida.files import read_json
    from gravida.intake.table import tabulate_checks
    from gravida.tables import write_table

    inputs = snakemake.input
    table = tabulate_checks([read_json(path) for path in inputs.verdicts])
    write_table(snakemake.output.table, with_theirs("data_quality", table, inputs.answers))
