# The question: which pregnancies are studied, in which arm, and how long is each observed in which period?
# Needs every site's verdict and accepted rows. Leaves the cohort and its person-time (restricted: rows) and the
# table of attrition (internal). While a submission is refused it stops, or leaves that site out, as the plan says.


rule build_cohort:
    """cohort and person-time"""
    input:
        verdicts=of_sites("results/internal/intake/{site}.json"),
        pregnancies=accepted("pregnancies"),
        relapses=accepted("relapses"),
        infusions=accepted("infusions"),
        dmt_codes=BASE / "resources/dmt_codes.csv",
        answers=answers,
    output:
        pregnancies="results/restricted/cohort.parquet",
        person_time="results/restricted/person_time.parquet",
        onsets="results/restricted/onsets.parquet",
        attrition="results/internal/tables/attrition.csv",
    log:
        "results/logs/build_cohort.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        policies=policies,
        exposure=config["exposure"]["definition"],
        separation=config["relapse_separation_days"],
        on_refused=config["on_refused"],
    script:
        "../scripts/build_cohort.py"
