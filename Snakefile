# The only entry. The question: how often do women with multiple sclerosis relapse around pregnancy, and less
# often with immunoglobulin after delivery? Reads config/, writes results/.
import os
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

# Rows are for the person who runs the study alone; only what is released is opened to others.
os.umask(0o077)
# Sums over threads come out in another order from run to run; each step has one.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
sys.path.insert(0, str(Path(workflow.basedir, "workflow/lib")))


configfile: Path(workflow.basedir, "config/config.yaml")


report: "workflow/report/study.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/intake.smk"
include: "workflow/rules/cohort.smk"
include: "workflow/rules/estimate.smk"
include: "workflow/rules/evidence.smk"
include: "workflow/rules/safety.smk"
include: "workflow/rules/publish.smk"
include: "workflow/rules/exchange.smk"


# On a cluster only the others are sent to a node: these take seconds, however many women there are.
localrules:
    ask_centres,
    audit_claims,
    build_cohort,
    compare_releases,
    describe_registry,
    draw_evidence,
    draw_figures,
    estimate_cost,
    gather_answers,
    pool_evidence,
    record_provenance,
    release_evidence,
    release_tables,
    review_release,
    summarise_site,
    tabulate_checks,
    tabulate_safety,
    write_manuscript,
    write_report,
    write_workbook,


rule all:
    default_target: True
    input:
        "results/release/report.html",
        "results/release/manuscript.docx",
        "results/release/tables.xlsx",
        "results/release/identifiability.json",
        "results/internal/run_config.yaml",
        "results/internal/release_review.html",
        "results/internal/manifest.json",
        "results/release/manifest.json",
        "results/release/ro-crate-metadata.json",
        of_sites("results/internal/quality/{site}.html"),
        next_round,
        expand("results/internal/tables/{table}.csv", table=[*TABLES, *EVIDENCE_TABLES]),
        expand("results/release/tables/{table}.csv", table=[*TABLES, *EVIDENCE_TABLES]),


rule evidence:
    input:
        expand("results/internal/tables/{table}.csv", table=EVIDENCE_TABLES),
        expand("results/release/tables/{table}.csv", table=EVIDENCE_TABLES),
        expand("results/release/figures/{figure}.png", figure=EVIDENCE_FIGURES),


rule site_summary:
    input:
        summaries,


show_progress()


onstart:
    look_when_a_job_ends()
    remember_logs()


onsuccess:
    keep_release()
    print(closing_words())
    print(send_request())


onerror:
    print(failures(), file=sys.stderr)
