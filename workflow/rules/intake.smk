# The question: does each site's submission keep the rules of the data dictionary?
# Needs a site's files, those of its earlier data cuts too. Leaves its accepted rows, findings and what changed
# since (restricted: rows), and a verdict, a page for the site and the table of checks (internal: counts). A
# refused submission is an answer, so no job fails on it.


rule intake_site:
    """submission of {site}"""
    input:
        files=submission_files,
        earlier=earlier_files,
        mapping=mapping_file,
        mapping_schema=BASE / "schemas/mapping.schema.yaml",
        dmt_codes=BASE / "resources/dmt_codes.csv",
    output:
        **{table: f"results/restricted/intake/{{site}}/{table}.parquet" for table in SUBMITTED},
        findings="results/restricted/intake/{site}/findings.csv",
        changes="results/restricted/intake/{site}/changes.csv",
        verdict="results/internal/intake/{site}.json",
        page="results/internal/quality/{site}.html",
    log:
        "results/logs/intake_site/{site}.log",
    # Everything waits for it.
    priority: 3
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        policy=lambda wildcards: sites()[wildcards.site]["policy"],
        data_cut=lambda wildcards: sites()[wildcards.site]["data_cut"],
        separation=config["relapse_separation_days"],
        strange=strange_entries,
        quarantine=config["on_refused"] == "quarantine",
    script:
        "../scripts/intake_site.py"


rule tabulate_checks:
    """table of checks"""
    input:
        verdicts=of_sites("results/internal/intake/{site}.json"),
        answers=answers,
    output:
        table="results/internal/tables/data_quality.csv",
    log:
        "results/logs/tabulate_checks.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
    script:
        "../scripts/tabulate_checks.py"
