"""Compare the arms."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import contrasts_of
    from gravida.statistics.rate_ratios import estimate_rate_ratios
    from gravida.statistics.weighting import describe_balance
    from gravida.tables import read_rows, write_table

    inputs = snakemake.input
    rows = map(read_rows, (inputs.pregnancies, inputs.person_time))
    contrasts = contrasts_of(*rows, snakemake.params.plan, inputs.answers)
    write_table(snakemake.output.table, estimate_rate_ratios(contrasts))
    write_table(snakemake.output.balance, describe_balance(contrasts))
