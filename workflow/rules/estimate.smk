# The question: what do the rows say about rates, the contrast of the arms, and predictors of relapse?
# Needs the cohort and its person-time (restricted), and the answers of centres that keep their rows. Leaves one table
# an answer (internal: aggregates that are not yet protected).

COHORT = "results/restricted/cohort.parquet"
PERSON_TIME = "results/restricted/person_time.parquet"
ONSETS = "results/restricted/onsets.parquet"


rule describe_baseline:
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
        answers=answers,
    output:
        table="results/internal/tables/baseline.csv",
    log:
        "results/logs/describe_baseline.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
    script:
        "../scripts/describe_baseline.py"


rule estimate_rates:
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
        answers=answers,
    output:
        table="results/internal/tables/relapse_rates.csv",
    log:
        "results/logs/estimate_rates.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        confidence=config["confidence"],
    script:
        "../scripts/estimate_rates.py"


rule describe_estimability:
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
        answers=answers,
    output:
        table="results/internal/tables/identifiability.csv",
        estimability="results/internal/tables/estimability.csv",
        verdict="results/internal/identifiability.json",
    log:
        "results/logs/describe_estimability.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        plan=adjusted_contrast,
    script:
        "../scripts/describe_estimability.py"


rule estimate_rate_ratios:
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
        answers=answers,
    output:
        table="results/internal/tables/rate_ratios.csv",
        balance="results/internal/tables/balance.csv",
    log:
        "results/logs/estimate_rate_ratios.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        plan=adjusted_contrast,
    script:
        "../scripts/estimate_rate_ratios.py"


rule assess_precision:
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
        rate_ratios="results/internal/tables/rate_ratios.csv",
        answers=answers,
    output:
        table="results/internal/tables/precision.csv",
    log:
        "results/logs/assess_precision.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        plan=adjusted_contrast,
        power=config["precision"]["power"],
        planned_ratios=config["precision"]["planned_ratios"],
        margin=config["equivalence_margin"],
        seed=config["seed"],
    script:
        "../scripts/assess_precision.py"


rule estimate_course:
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
        answers=answers,
    output:
        table="results/internal/tables/longitudinal.csv",
    log:
        "results/logs/estimate_course.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        plan=contrast,
    script:
        "../scripts/estimate_course.py"


rule estimate_survival:
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
        onsets=ONSETS,
        answers=answers,
    output:
        relapse_free="results/internal/tables/relapse_free.csv",
        risk_difference="results/internal/tables/risk_difference.csv",
        time_to_relapse="results/internal/tables/time_to_relapse.csv",
    log:
        "results/logs/estimate_survival.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        plan=contrast,
    script:
        "../scripts/estimate_survival.py"


rule estimate_sites:
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
        answers=answers,
    output:
        table="results/internal/tables/sites.csv",
    log:
        "results/logs/estimate_sites.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        policies=policies,
        period=config["outcome_period"],
        confidence=config["confidence"],
    script:
        "../scripts/estimate_sites.py"


rule estimate_sensitivity:
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
        onsets=ONSETS,
        answers=answers,
    output:
        table="results/internal/tables/sensitivity.csv",
    log:
        "results/logs/estimate_sensitivity.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        plan=adjusted_contrast,
        imputations=config["imputations"],
        seed=config["seed"],
    script:
        "../scripts/estimate_sensitivity.py"


rule measure_dispersion:
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
        answers=answers,
    output:
        table="results/internal/tables/dispersion.csv",
    log:
        "results/logs/measure_dispersion.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        min_women=DISCLOSURE["threshold"],
    script:
        "../scripts/measure_dispersion.py"


rule estimate_predictors:
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
        onsets=ONSETS,
        answers=answers,
    output:
        table="results/internal/tables/predictors.csv",
        predictability="results/internal/tables/predictability.csv",
    log:
        "results/logs/estimate_predictors.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        plan=adjusted_contrast,
        imputations=config["imputations"],
        seed=config["seed"],
    script:
        "../scripts/estimate_predictors.py"
