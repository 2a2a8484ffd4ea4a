"""Estimate when first relapses come after delivery."""

from _job import job

with job(snakemake.log[0]):
    from gravida.statistics.contrasts import Contrasts
    from gravida.statistics.survival import SurvivalSettings, estimate_survival
    from gravida.tables import read_rows, write_table

    inputs, plan = snakemake.input, snakemake.params.plan
    pregnancies = read_rows(inputs.pregnancies)
    contrasts = Contrasts.of_plan(pregnancies, read_rows(inputs.person_time), plan)
    settings = SurvivalSettings(plan["numerator"], plan["denominator"], plan["confidence"])
    tables = estimate_survival(
        pregnancies, read_rows(inputs.onsets), plan["policies"], settings, contrasts.verdict
    )
    write_table(snakemake.output.relapse_free, tables.relapse_free)
    write_table(snakemake.output.risk_difference, tables.risk_difference)
    write_table(snakemake.output.time_to_relapse, tables.time_to_relapse)
