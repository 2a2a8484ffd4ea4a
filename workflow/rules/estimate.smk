# The question: what do the rows say about rates, the contrast of the arms, and predictors of relapse?
# Needs the cohort and its person-time (restricted), and the answers of centres that keep their rows. Leaves one table
# an answer (internal: aggregates that are not yet protected).

COHORT = "results/restricted/cohort.parquet"
PERSON_TIME = "results/restricted/person_time.parquet"
ONSETS = "results/restricted/onsets.parquet"


rule describe_registry:
    """women by arm and relapse rates"""
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
        answers=answers,
    output:
        baseline="results/internal/tables/baseline.csv",
        relapse_rates="results/internal/tables/relapse_rates.csv",
        dispersion="results/internal/tables/dispersion.csv",
        sites="results/internal/tables/sites.csv",
        identifiability="results/internal/tables/identifiability.csv",
        registry_counts="results/internal/registry_counts.csv",
        verdict="results/internal/identifiability.json",
    log:
        "results/logs/describe_registry.log",
    # The pool of the evidence waits for it, and much waits for that.
    priority: 2
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        plan=contrast,
        year=latest_data_cut,
        min_women=DISCLOSURE["threshold"],
    script:
        "../scripts/describe_registry.py"


rule estimate_rate_ratios:
    """rate ratios of the arms"""
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
        answers=answers,
    output:
        table="results/internal/tables/rate_ratios.csv",
        estimability="results/internal/tables/estimability.csv",
        balance="results/internal/tables/balance.csv",
        precision="results/internal/tables/precision.csv",
    log:
        "results/logs/estimate_rate_ratios.log",
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
        "../scripts/estimate_rate_ratios.py"


rule estimate_course:
    """course through pregnancy"""
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
    """time to the first relapse"""
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


rule estimate_sensitivity:
    """sensitivity analyses"""
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
        onsets=ONSETS,
        answers=answers,
    output:
        table="results/internal/tables/sensitivity.csv",
    log:
        "results/logs/estimate_sensitivity.log",
    # It takes longest.
    priority: 1
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        plan=adjusted_contrast,
        imputations=config["imputations"],
        seed=config["seed"],
    script:
        "../scripts/estimate_sensitivity.py"


rule estimate_predictors:
    """predictors of relapse"""
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
