# The question: what have others found, does it stand, and what does this registry add to it?
# Needs the sheets of published evidence and, only where the study has a registry, its counts. Leaves the studies,
# their pools, the grading and the audit of printed claims (internal, with the registry's counts; release,
# protected) and their figures. `snakemake evidence` makes this alone.


rule pool_evidence:
    """pool of published studies"""
    input:
        studies=EVIDENCE["studies"],
        registry=of_registry("results/internal/registry_counts.csv"),
    output:
        studies="results/internal/tables/evidence_studies.csv",
        pooled="results/internal/tables/evidence_pooled.csv",
        grade="results/internal/tables/evidence_grade.csv",
    log:
        "results/logs/pool_evidence.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        content=content_of("studies"),
        superseded=superseded(),
        confidence=config["confidence"],
    script:
        "../scripts/pool_evidence.py"


rule audit_claims:
    """audit of published claims"""
    input:
        claims=EVIDENCE["claims"],
        studies=EVIDENCE["studies"],
    output:
        table="results/internal/tables/evidence_audit.csv",
    log:
        "results/logs/audit_claims.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        content=content_of("claims", "studies"),
    script:
        "../scripts/audit_claims.py"


rule draw_evidence:
    """figures of the evidence"""
    input:
        studies="results/release/tables/evidence_studies.csv",
        pooled="results/release/tables/evidence_pooled.csv",
    output:
        evidence_forest=shown("results/release/figures/evidence_forest.png"),
        evidence_funnel=shown("results/release/figures/evidence_funnel.png"),
        evidence_cumulative=shown("results/release/figures/evidence_cumulative.png"),
    log:
        "results/logs/draw_evidence.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        confidence=config["confidence"],
        synthetic=lambda wildcards: has_registry() and any(invented(wildcards)),
    script:
        "../scripts/draw_evidence.py"
