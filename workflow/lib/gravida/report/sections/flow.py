"""Who came in and who was left out, and what the checks of the submissions found."""

import pandas as pd

from gravida import words
from gravida.report import cells
from gravida.report.display import Display
from gravida.report.section import Picture, Section, of_few_sites


def show_attrition(attrition: pd.DataFrame) -> Display:
    """Show what each filter took and left, site by site; a filter that took nobody is left out."""
    attrition = of_few_sites(attrition)
    nobody = attrition["step"].str.startswith("excluded") & (attrition["pregnancies"] == 0)
    return cells.display(
        attrition[~nobody],
        {
            "Site": lambda row: "All sites" if row["site"] == "all" else f"Site {words.text(row['site'])}",
            "Step": lambda row: _step(row["step"]),
            "Reason": lambda row: words.text(row["reason"]),
            **cells.counts("pregnancies", "women"),
        },
        row="Step",
        group="Site",
    )


def _step(step: str) -> str:
    """Return a step of the study flow, the period that it names set apart."""
    verb, _, period = step.partition("_")
    if period not in words.PERIODS:
        return words.words(step, {})
    return f"{verb.capitalize()}, {words.lower_first(words.PERIODS[period])}"


def describe_flow(attrition: pd.DataFrame) -> str:
    """Put the flow diagram in words: who came in, and of each period who was analysed."""
    attrition = of_few_sites(attrition)
    chosen = attrition["step"].str.match("submitted|analysed_")
    pieces = []
    for site, rows in attrition[chosen].groupby(attrition["site"].map(words.text), sort=False):
        listed = "; ".join(f"{_step(row['step'])}: {words.people(row)}" for _, row in rows.iterrows())
        pieces.append(f"{'All sites' if site == 'all' else f'Site {site}'}: {listed}.")
    return " ".join(["Flow diagram of pregnancies and their women.", *pieces])


def show_data_quality(data_quality: pd.DataFrame) -> Display:
    """Show, for each site, how many checks its submission passed and every one that it did not."""
    lines = []
    for site, rows in data_quality.groupby(data_quality["site"].map(words.text), sort=False):
        statuses = rows["status"].map(lambda status: words.words(status, words.STATUSES).lower())
        counted = ", ".join(f"{number} {status}" for status, number in statuses.value_counts().items())
        total = {"Check": f"{len(rows)} checks", "Status": counted}
        failed = rows[rows["status"].isin(["fail", "pass_with_violations"])]
        found = cells.display(failed, QUALITY_COLUMNS).frame.to_dict("records")
        lines += [{"Site": site, **line} for line in (total, *found)]
    frame = pd.DataFrame(lines, columns=["Site", *QUALITY_COLUMNS]).fillna("")
    return Display(frame, row="Check", group="Site")


QUALITY_COLUMNS: dict[str, cells.Cell] = {
    "Check": lambda row: (
        f"{'.'.join(filter(None, (words.text(row['table']), words.text(row['column']))))}: "
        f"{words.text(row['check']).replace('_', ' ')}"
    ),
    **cells.counts("rows_failed", "rows_checked"),
    "Status": lambda row: words.words(row["status"], words.STATUSES),
    "Action": lambda row: words.words(row["action"], {}),
}

ATTRITION = Section(
    table="attrition",
    title="Study flow",
    caption="Pregnancies and women at each step, by site",
    show=show_attrition,
    notes=(
        "Filters that took nobody are left out.",
        "Ids never link across sites: a woman is counted within her site.",
    ),
    by_site=True,
    picture=Picture(
        name="flow",
        caption=(
            "Flow of the study: what came in, and for each period who is analysed and who is left out. "
            "The periods stand beside each other: who is left out of one may be analysed in another."
        ),
        describe=describe_flow,
    ),
)
DATA_QUALITY = Section(
    table="data_quality",
    title="Data quality",
    caption="Checks of the submissions: what each site passed, and every check that found something",
    show=show_data_quality,
    notes=("Counts of rows only; which rows they are stays with the site.",),
)
