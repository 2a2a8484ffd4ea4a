"""Estimate when first relapses come after delivery."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import contrasts_of, pool_of
    from gravida.statistics.survival import SurvivalSettings, estimate_survival
    from gravida.tables import read_rows, write_table

    inputs, plan = snakemake.input, snakemake.params.plan
    rows = read_rows(inputs.pregnancies), read_rows(inputs.person_time, (plan["period"],))
    onsets, verdict = read_rows(inputs.onsets), contrasts_of(*rows, plan, inputs.answers).verdict
    settings = SurvivalSettings(plan["numerator"], plan["denominator"], plan["confidence"])
    if inputs.answers:
        from gravida.federation.life_tables import pool_survival

        tables = pool_survival(pool_of(*rows, inputs.answers, onsets=onsets), settings, verdict)
    else:
        tables = estimate_survival(rows[0], onsets, plan["policies"], settings, verdict)
    for name in ("relapse_free", "risk_difference", "time_to_relapse"):
        write_table(snakemake.output[name], getattr(tables, name))
