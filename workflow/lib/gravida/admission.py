"""Which sites and rows enter the study, by the verdicts of intake, and what is said of the others."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from gravida.attrition import ATTRITION
from gravida.cohort import SiteRows
from gravida.errors import SubmissionRefused
from gravida.intake.submission import refusal

# The columns of each accepted table that the cohort is made of; none named are all.
COLUMNS = {
    "pregnancies": (),
    "relapses": ("pregnancy_id", "onset_day"),
    "infusions": ("pregnancy_id", "day"),
}


def left_out(verdicts: Iterable[Mapping], on_refused: str) -> dict[str, int]:
    """Return the sites that are left out, with the pregnancies that each submitted.

    Raises
    ------
    SubmissionRefused
        If a submission was refused and `on_refused` is not ``leave_out``, or every one was: each refused site
        with its failing checks, in one line.
    """
    verdicts = list(verdicts)
    line = refusal(verdicts)
    refused = [verdict for verdict in verdicts if verdict["verdict"] == "refused"]
    if line and (on_refused != "leave_out" or len(refused) == len(verdicts)):
        raise SubmissionRefused(line)
    return {verdict["site"]: verdict["rows"]["pregnancies"] for verdict in refused}


def tabulate_unused(verdicts: Sequence[Mapping], refused: Mapping[str, int]) -> pd.DataFrame:
    """Return the rows of the table of attrition about pregnancies that were submitted and are not used.

    Parameters
    ----------
    verdicts : sequence of mapping
    refused : mapping of site to int
        Sites that are left out, with the pregnancies that each submitted; nobody has counted their women.
    """
    reason = "the submission was refused"
    rows = [(site, "left_out", reason, number, None) for site, number in refused.items()]
    aside = [verdict for verdict in verdicts if verdict["quarantined"]["pregnancies"]]
    counts = [(each["site"], each["quarantined"]["pregnancies"], each["women_quarantined"]) for each in aside]
    if counts:
        counts.insert(0, ("all", sum(count[1] for count in counts), sum(count[2] for count in counts)))
    rows += [(site, "quarantined", "refused at intake and set aside", *numbers) for site, *numbers in counts]
    repeated = {verdict["site"]: verdict["duplicates"]["pregnancies"] for verdict in verdicts}
    reason = "the same row was sent again"
    rows += [(site, "repeated", reason, number, None) for site, number in repeated.items() if number]
    return pd.DataFrame(rows, columns=ATTRITION).astype({"women": "Int64"})


def warnings_of_unused(verdicts: Iterable[Mapping], refused: Iterable[str]) -> list[str]:
    """Return a line for each site left out, with rows set aside, or with a data cut not compared with."""
    lines = [f"Warning: site {site} is left out: its submission was refused" for site in refused]
    for verdict in verdicts:
        parts = [
            f"{table} {number} of {verdict['rows'][table]}"
            for table, number in verdict["quarantined"].items()
            if number
        ]
        if parts:
            lines.append(f"Warning: site {verdict['site']}: refused rows are set aside: {', '.join(parts)}")
        if verdict["not_compared"]:
            cuts = ", ".join(verdict["not_compared"])
            lines.append(
                f"Warning: site {verdict['site']}: nothing is compared with data cut {cuts}: refused"
            )
    return lines


def add_attrition(parts: Sequence[pd.DataFrame], unused: pd.DataFrame) -> pd.DataFrame:
    """Return the contract's table of a study from those of its parts.

    Parameters
    ----------
    parts : sequence of DataFrame
        `Cohort.attrition` of each.
    unused : DataFrame
        Rows about what was submitted and is not used, as `admission.tabulate_unused` returns them.
    """
    rows = pd.concat(parts, ignore_index=True)
    of_all = rows["site"] == "all"
    total = rows[of_all].groupby(["site", "step", "reason"], sort=False, as_index=False).sum()
    table = pd.concat([total, rows[~of_all]], ignore_index=True)
    return table if unused.empty else pd.concat([unused, table.astype({"women": "Int64"})], ignore_index=True)


def gather(
    verdicts: Sequence[Mapping],
    policies: Mapping[str, str],
    tables: Mapping[str, Sequence[Any]],
    read: Callable[..., pd.DataFrame],
) -> Iterator[SiteRows]:
    """Yield the policy and accepted rows of each site that was not refused, in order of the names.

    Parameters
    ----------
    verdicts : sequence of mapping
        On each site.
    policies : mapping
        Of each site, by its name.
    tables : mapping
        For each of `COLUMNS` where that table of each verdict's site is.
    read : callable
        Takes that, and the names of the `columns` that are wanted; one site is read after the other.
    """
    accepted = [place for place, verdict in enumerate(verdicts) if verdict["verdict"] == "accepted"]
    for place in sorted(accepted, key=lambda place: verdicts[place]["site"]):
        site, sent = verdicts[place]["site"], {"pregnancies", *verdicts[place]["tables_sent"]}
        yield SiteRows(
            site,
            policies[site],
            *(
                read(tables[name][place], columns=columns) if name in sent else None
                for name, columns in COLUMNS.items()
            ),
        )
