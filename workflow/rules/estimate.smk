# The question: what do the rows say about rates, the contrast of the arms, and predictors of relapse?
# Needs the cohort and its person-time (restricted). Leaves one table an answer (internal: aggregates that are not
# yet protected).

COHORT = "results/restricted/cohort.parquet"
PERSON_TIME = "results/restricted/person_time.parquet"


rule describe_baseline:
    input:
        pregnancies=COHORT,
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
        person_time=PERSON_TIME,
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


rule assess_identifiability:
    input:
        person_time=PERSON_TIME,
    output:
        table="results/internal/tables/identifiability.csv",
        verdict="results/internal/identifiability.json",
    log:
        "results/logs/assess_identifiability.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        policies=POLICIES,
        period=config["outcome_period"],
    script:
        "../scripts/assess_identifiability.py"


rule estimate_rate_ratios:
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
    output:
        table="results/internal/tables/rate_ratios.csv",
    log:
        "results/logs/estimate_rate_ratios.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        policies=POLICIES,
        numerator=config["contrast"]["numerator"],
        denominator=config["contrast"]["denominator"],
        period=config["outcome_period"],
        confidence=config["confidence"],
        covariates=config["covariates"],
    script:
        "../scripts/estimate_rate_ratios.py"


rule measure_dispersion:
    input:
        person_time=PERSON_TIME,
    output:
        table="results/internal/tables/dispersion.csv",
    log:
        "results/logs/measure_dispersion.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
    script:
        "../scripts/measure_dispersion.py"


rule estimate_predictors:
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
    output:
        table="results/internal/tables/predictors.csv",
    log:
        "results/logs/estimate_predictors.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        policies=POLICIES,
        period=config["outcome_period"],
        confidence=config["confidence"],
        covariates=config["covariates"],
    script:
        "../scripts/estimate_predictors.py"
