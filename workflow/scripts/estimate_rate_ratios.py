"""Compare the arms."""

from _job import job

with job(snakemake.log[0]):
    from gravida.statistics.contrasts import Contrasts
    from gravida.statistics.rate_ratios import estimate_rate_ratios
    from gravida.statistics.weighting import describe_balance
    from gravida.tables import read_rows, write_table

    inputs = snakemake.input
    contrasts = Contrasts.of_plan(
        read_rows(inputs.pregnancies), read_rows(inputs.person_time), snakemake.params.plan
    )
    write_table(snakemake.output.table, estimate_rate_ratios(contrasts))
    write_table(snakemake.output.balance, describe_balance(contrasts))
