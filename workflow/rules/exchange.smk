# The question: how do the numbers of sites that keep their rows count with those of the others?
# At such a site: needs the cohort (restricted: rows), its private key and, from the second round on, the request of
# the coordinating centre. Leaves in exchange/ROUND/ the signed answer, which goes there, a page that shows what is
# in it, and a ledger of what was answered, which stay.
# At the coordinating centre: needs the answers that were sent, and its own rows. Leaves all answers in one file, and
# the request of the next round (internal: sums).


rule summarise_site:
    """answer of {site} to round {round}"""
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
        onsets=ONSETS,
        attrition="results/internal/tables/attrition.csv",
        data_quality="results/internal/tables/data_quality.csv",
        key="exchange/keys/{site}.key",
        request=request_of_round,
        ledger=ledger_before,
    output:
        summary="exchange/round_{round}/{site}.json",
        page="exchange/round_{round}/{site}.html",
        ledger="exchange/round_{round}/{site}_ledger.json",
    log:
        "results/logs/summarise_site/{site}_{round}.log",
    wildcard_constraints:
        round="[0-9]{2}",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        plan=adjusted_contrast,
        digest=plan_digest,
        line=lambda wildcards: line_of(wildcards.site),
        min_women=DISCLOSURE["threshold"],
    script:
        "../scripts/summarise_site.py"


# What was sent is no input: to Snakemake it is what a site that keeps its rows would make here.
rule gather_answers:
    """answers of centres that keep their rows"""
    output:
        answers="results/internal/exchange/answers.json",
    log:
        "results/logs/gather_answers.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        plan=adjusted_contrast,
        digest=plan_digest,
        centres=lines_of_keeping,
        sent=exchange_files,
        min_women=DISCLOSURE["threshold"],
    script:
        "../scripts/gather_answers.py"


rule ask_centres:
    """next request to centres that keep their rows"""
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
        answers=answers,
    output:
        state="results/internal/exchange/state.json",
    log:
        "results/logs/ask_centres.log",
    conda:
        ENVIRONMENT
    params:
        code=CODE,
        plan=adjusted_contrast,
        digest=plan_digest,
    script:
        "../scripts/ask_centres.py"
