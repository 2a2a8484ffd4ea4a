"""Put every site's checks into one table."""

from _job import job

with job(snakemake.log[0]):
    from gravida.files import read_json
    from gravida.intake.submission import tabulate_checks
    from gravida.tables import write_table

    verdicts = [read_json(path) for path in snakemake.input.verdicts]
    write_table(snakemake.output.table, tabulate_checks(verdicts))
