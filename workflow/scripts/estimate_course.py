"""Estimate the course through pregnancy and the difference-in-differences."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import contrasts_of
    from gravida.statistics.course import estimate_course
    from gravida.tables import read_rows, write_table

    inputs = snakemake.input
    rows = map(read_rows, (inputs.pregnancies, inputs.person_time))
    contrasts = contrasts_of(*rows, snakemake.params.plan, inputs.answers)
    write_table(snakemake.output.table, estimate_course(contrasts))
