"""Centres that keep their rows, in one process: questions and answers until nothing is left to ask."""

import json
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from gravida.cohort import Cohort, CohortSettings, SiteRows, whole_cohort
from gravida.federation.answers import answer
from gravida.federation.pool import Pool
from gravida.federation.protection import Answered, protected_answer
from gravida.federation.questions import Question, key_of, plain
from gravida.federation.selection import Holdings, holdings
from gravida.intake.table import CHECK_COLUMNS
from gravida.synthetic.design import RegistryDesign, SiteDesign
from gravida.synthetic.generate import generate

from tests.study import SEPARATION
from tests.unit.cohorts import CLASSES


def drawn_sites(policies: dict[str, str], pregnancies: int, seed: int, **more: float) -> list[SiteRows]:
    """Return the rows of drawn sites, some of whose women have several pregnancies."""
    rng = np.random.default_rng(seed)
    designs = tuple(
        SiteDesign(name, policy, pregnancies, treated_share=float(rng.uniform(0.35, 0.65)))
        for name, policy in policies.items()
    )
    tables = generate(RegistryDesign(designs, seed=seed, **more))
    return [
        SiteRows(name, policy, tables[name]["pregnancies"], tables[name]["relapses"], None)
        for name, policy in policies.items()
    ]


def cohort_of(sites: list[SiteRows]) -> Cohort:
    """Return the cohort of some sites, as whoever holds their rows builds it."""
    return whole_cohort(sites, CLASSES, CohortSettings("received", SEPARATION))


def held(sites: list[SiteRows]) -> dict[str, Holdings]:
    """Return the rows of some sites as they are asked for."""
    cohort = cohort_of(sites)
    more = {"attrition": cohort.attrition, "data_quality": checks_of([site.site for site in sites])}
    return holdings(cohort.pregnancies, cohort.person_time, onsets=cohort.onsets, **more)


def checks_of(sites: Sequence[str]) -> pd.DataFrame:
    """Return two checks of each site."""
    checks = {"table": "pregnancies", "category": "conformance", "status": "pass", "action": ""}
    checks |= {"rows_checked": 70, "rows_failed": 0}
    rows = [
        checks | {"site": site, "column": name, "check": "range"} for site in sites for name in ("a", "b")
    ]
    return pd.DataFrame(rows, columns=list(CHECK_COLUMNS))


def with_answers(
    at_hand: list[SiteRows], keeping: list[SiteRows], questions: Sequence[Question], threshold: int = 1
) -> Pool:
    """Return a pool in which each centre has answered some questions."""
    theirs = {site.site: held([site])[site.site] for site in keeping}
    given = {
        name: {
            key_of(each): json.loads(json.dumps(plain(protected_answer(each, rows, threshold, Answered({})))))
            for each in questions
        }
        for name, rows in theirs.items()
    }
    return Pool(held(at_hand) if at_hand else {}, given)


def in_rounds(
    at_hand: list[SiteRows],
    keeping: list[SiteRows],
    work_out: Callable[[Pool], pd.DataFrame],
    opening: Sequence[Question],
) -> tuple[pd.DataFrame, int]:
    """Return what is worked out when all is answered, and after how many rounds."""
    own = held(at_hand) if at_hand else {}
    theirs = {site.site: held([site])[site.site] for site in keeping}
    given: dict[str, dict] = {site: {} for site in theirs}
    asked = {key_of(question): question for question in opening}
    for number in range(30):
        for site, rows in theirs.items():
            for key, question in json.loads(json.dumps(asked)).items():
                given[site][key] = json.loads(json.dumps(plain(answer(question, rows))))
        pool = Pool(own, given)
        found = work_out(pool)
        if not pool.asked:
            return found, number + bool(theirs)
        asked = pool.asked
    raise AssertionError("still asking")
