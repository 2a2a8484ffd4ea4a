"""Take a study's files through intake and cohort without the workflow around them."""

import csv
from pathlib import Path

from gravida.cohort import Cohort, CohortSettings, build_cohort, gather
from gravida.intake.submission import Site, intake_site
from gravida.tables import read_table

ROOT = Path(__file__).resolve().parents[1]
CODES = ROOT / "resources/dmt_codes.csv"
COVARIATES = ("age_at_delivery", "disease_duration_years", "edss_before", "dmt_before", "relapses_pre_year")
SEPARATION = 30


def read_study(folder: Path, exposure: str = "received") -> tuple[Cohort, dict[str, str]]:
    """Return the cohort and each site's policy."""
    codes = read_table(CODES)
    with (folder / "sites.tsv").open(encoding="utf-8") as sheet:
        rows = list(csv.DictReader(sheet, delimiter="\t"))
    results = [
        intake_site(
            Site(row["site"], row["policy"], row["data_cut"]),
            sorted((folder / row["submission"]).iterdir()),
            codes,
            SEPARATION,
        )
        for row in rows
    ]
    policies = {row["site"]: row["policy"] for row in rows}
    sites = gather(
        [result.verdict for result in results],
        policies,
        [result.accepted["pregnancies"] for result in results],
        [result.accepted["relapses"] for result in results],
    )
    classes = codes.set_index("code")["efficacy"].to_dict()
    return build_cohort(sites, classes, CohortSettings(exposure, SEPARATION)), policies
