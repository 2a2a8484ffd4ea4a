# The question: what may a site that keeps its rows send, so that its numbers count with those of the others?
# Needs the cohort (restricted: rows), the site's private key and, from the second round on, the request of the
# coordinating centre. Leaves in exchange/ROUND/ the signed answer, which goes there, a page that shows what is in
# it, and a ledger of what was answered, which stay.


rule summarise_site:
    input:
        pregnancies=COHORT,
        person_time=PERSON_TIME,
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
        min_women=DISCLOSURE["threshold"],
    script:
        "../scripts/summarise_site.py"
