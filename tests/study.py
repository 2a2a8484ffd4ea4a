"""Take a study's files through intake and cohort without the workflow around them."""

import csv
from pathlib import Path

from gravida.admission import COLUMNS, gather
from gravida.cohort import Cohort, CohortSettings, SiteRows, whole_cohort
from gravida.intake.submission import Site, intake_site
from gravida.tables import read_table

ROOT = Path(__file__).resolve().parents[1]
CODES = ROOT / "resources/dmt_codes.csv"
COVARIATES = ("age_at_delivery", "disease_duration_years", "edss_before", "dmt_before", "relapses_pre_year")
SEPARATION = 30


def accepted_rows(folder: Path) -> list[SiteRows]:
    """Return the accepted rows of every site of a study."""
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
    tables = {name: [result.accepted[name] for result in results] for name in COLUMNS}
    policies = {row["site"]: row["policy"] for row in rows}
    verdicts = [result.verdict for result in results]
    return list(gather(verdicts, policies, tables, lambda rows, columns: rows))


def read_study(folder: Path, exposure: str = "received") -> tuple[Cohort, dict[str, str]]:
    """Return the cohort and each site's policy."""
    classes = read_table(CODES).set_index("code")["efficacy"].to_dict()
    sites = accepted_rows(folder)
    policies = {site.site: site.policy for site in sites}
    return whole_cohort(sites, classes, CohortSettings(exposure, SEPARATION)), policies
