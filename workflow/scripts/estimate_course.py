"""Estimate the course through pregnancy and the difference-in-differences."""

from _job import job

with job(snakemake.log[0]):
    from gravida.federation.study import contrasts_of
    from gravida.statistics.course import estimate_course, periods_of_course
    from gravida.tables import read_rows, write_table

    inputs, plan = snakemake.input, snakemake.params.plan
    # Nothing else is asked of a pregnancy, and there is much person-time to hold.
    pregnancies = read_rows(inputs.pregnancies, columns=("site", "dated"))
    person_time = read_rows(inputs.person_time, periods_of_course(plan))
    contrasts = contrasts_of(pregnancies, person_time, plan, inputs.answers)
    write_table(snakemake.output.table, estimate_course(contrasts))
