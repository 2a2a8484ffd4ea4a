# The question: what was given, what harm came with it, and what does a relapse avoided cost?
# Needs the cohort and accepted rows (restricted), and for the cost the internal tables of risks and of the evidence.
# Leaves one table an answer (internal: aggregates that are not yet protected).


rule tabulate_safety:
    """safety and doses"""
    input:
        pregnancies=COHORT,
        verdicts=of_sites("results/internal/intake/{site}.json"),
        adverse_events=accepted("adverse_events"),
        infusions=accepted("infusions"),
    output:
        table="results/internal/tables/safety.csv",
        doses="results/internal/tables/doses.csv",
    log:
        "results/logs/tabulate_safety.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        confidence=config["confidence"],
        min_women=DISCLOSURE["threshold"],
        keeping=lambda wildcards: keeping(),
    script:
        "../scripts/tabulate_safety.py"


rule estimate_cost:
    """cost per relapse avoided"""
    input:
        risk_difference="results/internal/tables/risk_difference.csv",
        doses="results/internal/tables/doses.csv",
        pooled="results/internal/tables/evidence_pooled.csv",
        claims=EVIDENCE["claims"],
    output:
        table="results/internal/tables/cost.csv",
    log:
        "results/logs/estimate_cost.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        cost=config["cost"],
        day=OUTCOME_DAY[config["outcome_period"]],
    script:
        "../scripts/estimate_cost.py"
