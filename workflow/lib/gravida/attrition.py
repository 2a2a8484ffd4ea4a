"""Who came in, who left which period and why, and who was analysed."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gravida.person_time import MS_AFTER_LMP, NOT_OBSERVED, NOT_STATED

ATTRITION = ["site", "step", "reason", "pregnancies", "women"]


def tabulate_attrition(pregnancies: pd.DataFrame, missing: Mapping[str, pd.Categorical]) -> pd.DataFrame:
    """Return the contract's table: who came in, who left which period and why, who was analysed.

    Parameters
    ----------
    pregnancies : DataFrame
        Rows of the cohort, their sites as categories.
    missing : mapping
        For each whole period why a pregnancy has no person-time in it, as `count_person_time` returns it.
    """
    steps = [("submitted", "accepted at intake", np.ones(len(pregnancies), dtype=bool))]
    for period, reason in missing.items():
        causes = [MS_AFTER_LMP] if period == "pre_pregnancy_year" else []
        steps += [
            (f"excluded_{period}", cause, reason == cause) for cause in [*causes, NOT_OBSERVED, NOT_STATED]
        ]
        steps.append((f"analysed_{period}", "with person-time", reason == ""))
    dated = pregnancies["dated"].to_numpy(bool)
    steps.append(("excluded_trimesters_and_quarters", "the site does not date its relapses", ~dated))
    steps.append(("analysed_trimesters_and_quarters", "relapses are dated", dated))
    sites, women = pregnancies["site"].cat.codes.to_numpy(), pregnancies["woman"].to_numpy()
    names = list(pregnancies["site"].cat.categories)
    site_of = np.zeros(women.max(initial=-1) + 1, dtype=sites.dtype)
    site_of[women] = sites
    rows: dict[str, list[tuple]] = {site: [] for site in ["all", *names]}
    for step, reason, there in steps:
        seen = np.zeros(site_of.size, dtype=bool)
        seen[women[there]] = True
        sizes, persons = (np.bincount(each, minlength=len(names)) for each in (sites[there], site_of[seen]))
        counts = dict(zip(names, zip(sizes, persons, strict=True), strict=True))
        counts["all"] = (sizes.sum(), persons.sum())
        for site, number in counts.items():
            rows[site].append((site, step, reason, *map(int, number)))
    return pd.DataFrame([row for each in rows.values() for row in each], columns=ATTRITION)
