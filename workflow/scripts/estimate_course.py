"""Estimate the course through pregnancy and the difference-in-differences."""

from _job import job

with job(snakemake.log[0]):
    from gravida.statistics.contrasts import Contrasts
    from gravida.statistics.course import estimate_course
    from gravida.tables import read_rows, write_table

    inputs = snakemake.input
    contrasts = Contrasts.of_plan(
        read_rows(inputs.pregnancies), read_rows(inputs.person_time), snakemake.params.plan
    )
    write_table(snakemake.output.table, estimate_course(contrasts))
