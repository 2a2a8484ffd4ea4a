# The question: what may leave, and how is it read?
# Needs the internal tables. Leaves protected tables, figures, report, manuscript and workbook (release): the gate
# is the only door, and everything after it is made from released tables alone. A finished run leaves a record of
# its release, the one thing that a later run reads again: see keep_release.


rule compare_releases:
    """comparison with the last release"""
    input:
        verdicts=of_sites("results/internal/intake/{site}.json"),
        attrition="results/internal/tables/attrition.csv",
        relapse_rates="results/internal/tables/relapse_rates.csv",
        rate_ratios="results/internal/tables/rate_ratios.csv",
        identifiability="results/internal/identifiability.json",
        last=last_record,
    output:
        changes="results/internal/tables/changes.csv",
        record="results/internal/release.json",
    log:
        "results/logs/compare_releases.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        period=config["outcome_period"],
        plan=plan_digest,
        keeping=lines_of_keeping,
    script:
        "../scripts/compare_releases.py"


rule release_tables:
    """release gate of the registry"""
    input:
        **{table: f"results/internal/tables/{table}.csv" for table in TABLES},
        verdict="results/internal/identifiability.json",
        earlier=earlier_records,
    output:
        **{table: shown(f"results/release/tables/{table}.csv") for table in TABLES},
        verdict="results/release/identifiability.json",
        decisions="results/internal/release/decisions.csv",
        counts="results/internal/release/counts.json",
    log:
        "results/logs/release_tables.log",
    conda:
        ENVIRONMENT
    params:
        **DISCLOSURE,
        code=CODE,
        tables=TABLES,
        confidence=config["confidence"],
    script:
        "../scripts/release_tables.py"


# The same gate for the tables of the evidence, which can be made without a registry. Where there is one, all its
# tables say whether its own rows among the studies may leave.
use rule release_tables as release_evidence with:
    """release gate of the evidence"""
    input:
        **{table: f"results/internal/tables/{table}.csv" for table in EVIDENCE_TABLES},
        beside=of_registry(*(f"results/internal/tables/{table}.csv" for table in TABLES)),
        earlier=earlier_records,
    output:
        **{table: shown(f"results/release/tables/{table}.csv") for table in EVIDENCE_TABLES},
        decisions="results/internal/release/decisions_evidence.csv",
        counts="results/internal/release/counts_evidence.json",
    log:
        "results/logs/release_evidence.log",
    # The pictures of the evidence wait for it.
    priority: 1
    params:
        **DISCLOSURE,
        code=CODE,
        tables=EVIDENCE_TABLES,
        confidence=config["confidence"],


rule draw_figures:
    """figures"""
    input:
        attrition="results/release/tables/attrition.csv",
        relapse_rates="results/release/tables/relapse_rates.csv",
        predictors="results/release/tables/predictors.csv",
        dispersion="results/release/tables/dispersion.csv",
        sensitivity="results/release/tables/sensitivity.csv",
        published_rates=EVIDENCE["published_rates"],
    output:
        course=shown("results/release/figures/course.png"),
        course_chart="results/release/figures/course.svg",
        flow=shown("results/release/figures/flow.png"),
        predictors=shown("results/release/figures/predictors.png"),
        rootogram=shown("results/release/figures/rootogram.png"),
        sensitivity=shown("results/release/figures/sensitivity.png"),
    log:
        "results/logs/draw_figures.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        content=content_of("published_rates"),
        confidence=config["confidence"],
        synthetic=lambda wildcards: any(invented(wildcards)),
    script:
        "../scripts/draw_figures.py"


rule write_report:
    """report"""
    input:
        **{table: f"results/release/tables/{table}.csv" for table in [*TABLES, *EVIDENCE_TABLES]},
        verdict="results/release/identifiability.json",
        figures=expand("results/release/figures/{figure}.png", figure=[*FIGURES, *EVIDENCE_FIGURES]),
        chart="results/release/figures/course.svg",
    output:
        report=shown("results/release/report.html"),
        headline="results/release/headline.txt",
    log:
        "results/logs/write_report.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        tables=[*TABLES, *EVIDENCE_TABLES],
        figures=[*FIGURES, *EVIDENCE_FIGURES],
        configuration=config,
        synthetic=invented,
        keeping=lambda wildcards: keeping(),
        makers=makers_of_release,
    script:
        "../scripts/write_report.py"


rule write_manuscript:
    """manuscript"""
    input:
        **{table: f"results/release/tables/{table}.csv" for table in [*TABLES, *EVIDENCE_TABLES]},
        verdict="results/release/identifiability.json",
        figures=expand("results/release/figures/{figure}.png", figure=[*FIGURES, *EVIDENCE_FIGURES]),
    output:
        manuscript=shown("results/release/manuscript.docx"),
    log:
        "results/logs/write_manuscript.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        tables=[*TABLES, *EVIDENCE_TABLES],
        figures=[*FIGURES, *EVIDENCE_FIGURES],
        configuration=config,
        synthetic=invented,
        keeping=lambda wildcards: keeping(),
    script:
        "../scripts/write_manuscript.py"


rule write_workbook:
    """workbook of the tables"""
    input:
        **{table: f"results/release/tables/{table}.csv" for table in [*TABLES, *EVIDENCE_TABLES]},
        verdict="results/release/identifiability.json",
    output:
        workbook="results/release/tables.xlsx",
    log:
        "results/logs/write_workbook.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        tables=[*TABLES, *EVIDENCE_TABLES],
        configuration=config,
        synthetic=invented,
    script:
        "../scripts/write_workbook.py"


# For the person who signs that the release may leave; internal, for it shows what is withheld.
rule review_release:
    """page for who signs the release"""
    input:
        internal=expand("results/internal/tables/{table}.csv", table=[*TABLES, *EVIDENCE_TABLES]),
        released=expand("results/release/tables/{table}.csv", table=[*TABLES, *EVIDENCE_TABLES]),
        decisions=[
            "results/internal/release/decisions.csv",
            "results/internal/release/decisions_evidence.csv",
        ],
        record="results/internal/release.json",
        last=last_record,
        verdict="results/release/identifiability.json",
        headline="results/release/headline.txt",
    output:
        page="results/internal/release_review.html",
    log:
        "results/logs/review_release.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        tables=[*TABLES, *EVIDENCE_TABLES],
        configuration=config,
        threshold=DISCLOSURE["threshold"],
        synthetic=invented,
    script:
        "../scripts/review_release.py"


# Last, and an input of nothing: what went in, what came out, and when. It asks for every other file, so it is
# made again whenever one of them is.
rule record_provenance:
    """record of where each number came from"""
    input:
        made=everything_made,
        resources=resources_read,
        configuration=configuration_read,
        sheets=sheets_read,
        submitted=everything_submitted,
        snakefile=BASE / "Snakefile",
    output:
        internal="results/internal/manifest.json",
        released="results/release/manifest.json",
        crate="results/release/ro-crate-metadata.json",
        snakefile="results/release/Snakefile",
        configuration="results/internal/run_config.yaml",
    log:
        "results/logs/record_provenance.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        configuration=config,
        folders=submission_folders,
        steps=who_made_what,
    script:
        "../scripts/record_provenance.py"
