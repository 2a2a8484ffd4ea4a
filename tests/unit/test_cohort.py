"""The cohort from small tables of text: the answer is arithmetic."""

from pathlib import Path

import pandas as pd
import pytest
from gravida.admission import COLUMNS, add_attrition, gather, left_out
from gravida.cohort import CohortSettings, SiteRows, build_cohort, whole_cohort
from gravida.errors import SubmissionRefused
from gravida.person_time import with_texts
from gravida.tables import read_rows, row_files
from pandera.errors import SchemaError

from schemas.submission import TABLES
from tests.unit.cohorts import CLASSES, EXPECTED, onsets, pregnancies


def cohort_of(*sites: SiteRows, exposure: str = "received"):
    return whole_cohort(sites, CLASSES, CohortSettings(exposure, 30))


def periods_of(cohort, pregnancy: int) -> dict[str, tuple[int, int]]:
    rows = cohort.person_time[cohort.person_time["pregnancy"] == pregnancy]
    return {row.period: (row.relapses, row.days) for row in rows.itertuples()}


def test_schema_has_the_columns_used_here() -> None:
    assert set(EXPECTED) <= set(TABLES["pregnancies"].columns)


def test_counts_only() -> None:
    rows = pregnancies(
        """
        pregnancy_id|woman_id|relapses_pre_year|relapses_pregnancy|relapses_post_year|observed_to_day
        P1|W1|2|1|3|
        P2|W2||0|1|200
        """
    )
    cohort = cohort_of(SiteRows("a", "all", rows, None))
    assert periods_of(cohort, 0) == {
        "pre_pregnancy_year": (2, 365),
        "pregnancy": (1, 280),
        "postpartum_year": (3, 365),
    }
    assert periods_of(cohort, 1) == {"pregnancy": (0, 280), "postpartum_year": (1, 200)}
    assert cohort.person_time["person_years"].iloc[0] == pytest.approx(365 / 365.25)


def test_dated_relapses_by_period() -> None:
    rows = pregnancies("pregnancy_id|woman_id|relapses_pre_year|relapses_post_year\nP1|W1|1|3")
    dated = onsets(("P1", -300), ("P1", 5), ("P1", 100), ("P1", 120))
    cohort = cohort_of(SiteRows("a", "all", rows, dated))
    assert periods_of(cohort, 0) == {
        "pre_pregnancy_year": (1, 365),
        "trimester_1": (0, 98),
        "trimester_2": (0, 98),
        "trimester_3": (0, 84),
        "pregnancy": (0, 280),
        "postpartum_q1": (1, 91),
        "postpartum_q2": (1, 91),  # day 120 is 20 days after day 100
        "postpartum_q3": (0, 91),
        "postpartum_q4": (0, 92),
        "postpartum_6_months": (2, 182),
        "postpartum_year": (2, 365),
        "postpartum_from_day_30": (1, 335),
    }


def test_a_relapse_before_delivery_takes_in_one_soon_after() -> None:
    rows = pregnancies("pregnancy_id|woman_id|relapses_pregnancy|relapses_post_year\nP1|W1|1|1")
    cohort = cohort_of(SiteRows("a", "all", rows, onsets(("P1", -10), ("P1", 15))))
    periods = periods_of(cohort, 0)
    assert periods["pregnancy"][0] == 1
    assert periods["postpartum_year"][0] == 0


def test_covariates_count_relapses_as_the_rates_do() -> None:
    rows = pregnancies("pregnancy_id|woman_id|relapses_pre_year|relapses_pregnancy\nP1|W1|2|2\nP2|W2|0|0")
    dated = onsets(("P1", -400), ("P1", -390), ("P1", -100), ("P1", -80))
    described = cohort_of(SiteRows("a", "all", rows, dated)).pregnancies
    assert described["relapses_pre_year"].tolist() == [1, 0]
    assert described["relapses_pregnancy"].tolist() == [1, 0]


def test_next_conception_ends_the_year() -> None:
    rows = pregnancies("pregnancy_id|woman_id|next_conception_day\nP1|W1|250")
    cohort = cohort_of(SiteRows("a", "all", rows, onsets()))
    periods = periods_of(cohort, 0)
    assert periods["postpartum_year"] == (0, 250)
    assert periods["postpartum_q3"] == (0, 68)
    assert "postpartum_q4" not in periods


def test_ms_after_the_last_period_has_no_year_before() -> None:
    rows = pregnancies(
        """
        pregnancy_id|woman_id|onset_after_lmp|ms_diagnosis_year|observed_from_day
        P1|W1|1|2015|
        P2|W2||2015|-280
        P3|W3||2015|
        """
    )
    cohort = cohort_of(SiteRows("a", "all", rows, None))
    assert "pre_pregnancy_year" not in periods_of(cohort, 0)
    assert "pre_pregnancy_year" not in periods_of(cohort, 1)
    assert "pre_pregnancy_year" in periods_of(cohort, 2)
    table = cohort.attrition
    here = table[(table["site"] == "a") & (table["reason"] == "MS began after the last menstrual period")]
    assert here["pregnancies"].tolist() == [2]
    assert cohort.pregnancies["relapses_pre_year"].isna().tolist() == [True, True, False]


def test_no_follow_up_leaves_by_attrition() -> None:
    rows = pregnancies("pregnancy_id|woman_id|observed_to_day\nP1|W1|0\nP2|W1|365")
    cohort = cohort_of(SiteRows("a", "all", rows, None))
    assert "postpartum_year" not in periods_of(cohort, 0)
    table = cohort.attrition.set_index(["site", "step", "reason"])
    gone = table.loc[("all", "excluded_postpartum_year", "no day of the period was observed")]
    assert gone.tolist() == [1, 1]
    assert table.loc[("all", "analysed_postpartum_year", "with person-time")].tolist() == [1, 1]
    assert table.loc[("all", "submitted", "accepted at intake")].tolist() == [2, 1]


def test_every_pregnancy_is_accounted_for_in_every_whole_period() -> None:
    rows = pregnancies(
        """
        pregnancy_id|woman_id|relapses_pre_year|observed_from_day|observed_to_day
        P1|W1||-645|365
        P2|W1|0|-100|10
        P3|W2|0|-400|-5
        """
    )
    table = cohort_of(SiteRows("a", "none", rows, None)).attrition
    for period in ("pre_pregnancy_year", "pregnancy", "postpartum_year"):
        steps = table[(table["site"] == "all") & table["step"].str.endswith(f"ed_{period}")]
        assert steps["pregnancies"].sum() == 3


def test_women_are_told_apart_by_site() -> None:
    rows = pregnancies("pregnancy_id|woman_id\nP1|W1\nP2|W1\nP3|W2")
    cohort = cohort_of(SiteRows("b", "all", rows, None), SiteRows("a", "none", rows, None))
    assert cohort.pregnancies["site"].tolist() == ["a"] * 3 + ["b"] * 3
    assert cohort.pregnancies["woman"].tolist() == [0, 0, 1, 2, 2, 3]


def test_dated_relapses_find_their_own_site() -> None:
    rows = pregnancies("pregnancy_id|woman_id|relapses_post_year\nP1|W1|1")
    plain = pregnancies("pregnancy_id|woman_id|relapses_post_year\nP1|W1|0")
    cohort = cohort_of(SiteRows("a", "all", rows, onsets(("P1", 50))), SiteRows("b", "none", plain, onsets()))
    assert periods_of(cohort, 0)["postpartum_q1"][0] == 1
    assert periods_of(cohort, 1)["postpartum_q1"][0] == 0


def test_exposure_by_policy() -> None:
    rows = pregnancies("pregnancy_id|woman_id|ivig\nP1|W1|1\nP2|W2|0")
    for exposure, expected in (("received", ["treated", "untreated"]), ("policy", ["treated", "treated"])):
        cohort = cohort_of(SiteRows("a", "all", rows, None), exposure=exposure)
        assert cohort.pregnancies["arm"].tolist() == expected
        assert cohort.person_time["arm"].tolist()[:2] == expected
    chosen = cohort_of(SiteRows("a", "individual", rows, None), exposure="policy")
    assert chosen.pregnancies["arm"].tolist() == ["treated", "untreated"]


def test_covariates() -> None:
    rows = pregnancies(
        "pregnancy_id|woman_id|ms_diagnosis_year|dmt_before\nP1|W1|2010|fingolimod\nP2|W2||unknown\nP3|W3|2015|none"
    )
    described = cohort_of(SiteRows("a", "all", rows, None)).pregnancies
    assert described["disease_duration_years"].tolist()[::2] == [5, 0]
    assert pd.isna(described["disease_duration_years"][1])
    assert described["dmt_class"].tolist() == ["high", "other", "none"]


def test_a_refused_site_stops_the_pool_by_name() -> None:
    check = {
        "table": "pregnancies",
        "column": "edss_before",
        "check": "on_scale",
        "rows_checked": 9,
        "rows_failed": 2,
        "status": "fail",
    }
    rows = {"pregnancies": 9}
    verdicts = [
        {"site": "a", "verdict": "accepted", "checks": [], "tables_sent": ["pregnancies"], "rows": rows},
        {"site": "b", "verdict": "refused", "checks": [check], "tables_sent": ["pregnancies"], "rows": rows},
        {"site": "c", "verdict": "refused", "checks": [check], "tables_sent": [], "rows": rows},
    ]
    with pytest.raises(SubmissionRefused) as caught:
        left_out(verdicts, "stop")
    line = caught.value.line()
    assert line.startswith("SubmissionRefused: ") and "\n" not in line
    assert "site b" in line and "site c" in line and "site a" not in line
    assert "edss_before" in line and "2 rows" in line
    assert left_out(verdicts, "leave_out") == {"b": 9, "c": 9}
    # Where nothing is left there is no study.
    with pytest.raises(SubmissionRefused):
        left_out(verdicts[1:], "leave_out")


@pytest.mark.parametrize(
    "text",
    [
        "pregnancy_id|woman_id\nP1|W1\nP1|W2",
        "pregnancy_id|woman_id\nP1|\nP2|W2",
        "pregnancy_id|woman_id|dmt_before\nP1|W1|aspirin",
        "pregnancy_id|woman_id|ivig\nP1|W1|",
        "pregnancy_id|woman_id|ms_diagnosis_year\nP1|W1|2016",
        "pregnancy_id|woman_id|relapses_pre_year\nP1|W1|-1",
        "pregnancy_id|woman_id|relapses_post_year\nP1|W1|-1",
    ],
)
def test_what_no_cohort_may_hold_stops_it(text: str) -> None:
    with pytest.raises(SchemaError):
        cohort_of(SiteRows("a", "individual", pregnancies(text), None))


def test_a_policy_that_is_none_stops_the_cohort() -> None:
    rows = pregnancies("pregnancy_id|woman_id\nP1|W1")
    with pytest.raises(SchemaError):
        cohort_of(SiteRows("a", "some", rows, None))


def many_sites() -> list[SiteRows]:
    """Return four sites of three pregnancies, two of which date their relapses."""
    rows = pregnancies(
        """
        pregnancy_id|woman_id|relapses_pre_year|observed_to_day
        P1|W2||
        P2|W1|2|200
        P3|W1|1|
        """
    )
    dated = onsets(("P1", 20), ("P3", 30), ("P3", 50), ("P3", 90))
    return [SiteRows(f"s{number}", "all", rows, dated if number % 2 else None) for number in range(4)]


@pytest.mark.parametrize("at_once", [1, 4, 100])
def test_a_cohort_in_parts_is_the_whole(at_once: int, tmp_path: Path) -> None:
    whole = cohort_of(*many_sites())
    settings = CohortSettings("received", 30)
    attrition, tables = [], ("pregnancies", "person_time", "onsets")
    with row_files({table: tmp_path / f"{table}.parquet" for table in tables}) as add:
        for part in build_cohort(many_sites(), CLASSES, settings, at_once):
            add({table: getattr(part, table) for table in tables})
            attrition.append(part.attrition)
    assert len(attrition) == {1: 4, 4: 2, 100: 1}[at_once]
    pregnancies, person_time, onsets = (read_rows(tmp_path / f"{table}.parquet") for table in tables)
    pd.testing.assert_frame_equal(pregnancies, whole.pregnancies)
    pd.testing.assert_frame_equal(onsets, whole.onsets)
    by_period = person_time.sort_values("period", kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(with_texts(by_period), with_texts(whole.person_time))
    pd.testing.assert_frame_equal(add_attrition(attrition, pd.DataFrame()), whole.attrition)


def test_a_cohort_without_a_site_has_every_column() -> None:
    (nobody,) = build_cohort([], CLASSES, CohortSettings("received", 30))
    assert nobody.pregnancies.empty and list(nobody.person_time) == list(cohort_of(*many_sites()).person_time)


def test_sites_are_gathered_in_order_of_their_names_and_refused_ones_are_not_read() -> None:
    verdicts = [
        {"site": "b", "verdict": "accepted", "tables_sent": ["pregnancies", "relapses"]},
        {"site": "r", "verdict": "refused", "tables_sent": ["pregnancies", "relapses"]},
        {"site": "a", "verdict": "accepted", "tables_sent": ["pregnancies"]},
    ]
    tables = {table: [f"{table} of {one['site']}" for one in verdicts] for table in COLUMNS}
    read = []
    found = list(
        gather(verdicts, {"a": "all", "b": "none"}, tables, lambda what, columns: read.append(what) or what)
    )
    assert [(site.site, site.policy, site.relapses, site.infusions) for site in found] == [
        ("a", "all", None, None),
        ("b", "none", "relapses of b", None),
    ]
    assert read == ["pregnancies of a", "pregnancies of b", "relapses of b"]
