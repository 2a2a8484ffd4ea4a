"""The synthesis of published studies: which rows enter which pool, and what is said of the others."""

import io
import math

import numpy as np
import pandas as pd
import pytest
from gravida.disclosure import release_tables
from gravida.errors import ConfigurationError
from gravida.evidence.sheet import check_studies
from gravida.evidence.synthesis import Synthesis, pool_evidence
from gravida.statistics.registry_counts import count_registry
from gravida.tables import read_cells

HEADER = "study,year,treated_events,treated_n,control_events,control_n,control_type,source"
PRINTED = (
    "study,year,ratio,ratio_lower,ratio_upper,ratio_measure,treated_events,treated_n,control_events,"
    "control_n,treated_person_years,control_person_years,control_type,source"
)


def checked(*lines: str, header: str = HEADER) -> pd.DataFrame:
    return check_studies(read_cells(io.StringIO("\n".join([header, *lines])), "studies"))


def synthesis(*lines: str, header: str = HEADER, registry: pd.DataFrame | None = None, superseded=()):
    rows = pd.DataFrame() if registry is None else registry
    return pool_evidence(checked(*lines, header=header), rows, superseded, 0.95)


def pooled(found: Synthesis, **chosen: str) -> pd.DataFrame:
    rows = found.pooled
    for name, value in chosen.items():
        rows = rows[rows[name] == value]
    return rows


def study(found: Synthesis, name: str, measure: str) -> pd.Series:
    rows = found.studies
    (row,) = (row for _, row in rows[(rows["study"] == name) & (rows["measure"] == measure)].iterrows())
    return row


TWO = ("North,2001,6,41,13,39,concurrent,s", "South,2004,5,14,39,74,randomized,s")
EVERY = ["OR", "RR", "RD"]

# Faults of the sheet, each named by study and column.


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("X,2001,60,41,13,39,concurrent,s", "study X, column treated_events: more than treated_n"),
        ("X,2001,6,41,40,39,concurrent,s", "study X, column control_events: more than control_n"),
        ("X,2001,0,0,13,39,concurrent,s", "study X, column treated_n: is 0"),
        ("X,2001,6,41,13,39,historic,s", "study X, column control_type: not one of"),
        ("X,2001,6,41,13,39,concurrent,", "study X, column source: empty"),
        ("X,,6,41,13,39,concurrent,s", "study X, column year: empty"),
        ("X,2001,-1,41,13,39,concurrent,s", "study X, column treated_events: negative"),
        ("X,2001,6,inf,13,39,concurrent,s", "study X, column treated_n: not a number"),
        ("X,2001,6,nan,13,39,concurrent,s", "study X, column treated_n: not a number"),
        (",2001,6,41,13,39,concurrent,s", "study in row 2 below the header, column study: empty"),
        ("This registry,2001,6,41,13,39,concurrent,s", "column study: this name is kept"),
        ("North,2001,6,41,13,39,concurrent,s", "study North, column study: the same row twice"),
    ],
)
def test_a_fault_is_named_by_study_and_column(line: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match="studies: study") as problem:
        checked(TWO[0], line)
    assert fault in problem.value.line()
    assert "\n" not in problem.value.line()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("X,2001,0.7,0.8,1.2,OR,,,,,,,concurrent,s", "study X, column ratio_lower: above the ratio"),
        ("X,2001,1.3,0.8,1.2,OR,,,,,,,concurrent,s", "study X, column ratio_upper: below the ratio"),
        ("X,2001,1,1,1,OR,,,,,,,concurrent,s", "study X, column ratio_lower: the same as ratio_upper"),
        ("X,2001,0.9,0.8,1.2,,,,,,,,concurrent,s", "study X, column ratio_measure: empty"),
        ("X,2001,0.9,0.8,1.2,OR/IRR,,,,,,,concurrent,s", "study X, column ratio_measure: not one of"),
        ("X,2001,,0.8,1.2,OR,,,,,,,concurrent,s", "study X, column ratio: empty, while"),
        ("X,2001,-1,0.8,1.2,OR,,,,,,,concurrent,s", "study X, column ratio: not above 0"),
        ("X,2001,,,,,1,,2,,0,3,concurrent,s", "study X, column treated_person_years: is 0"),
    ],
)
def test_a_fault_of_a_printed_ratio_or_of_person_time(line: str, fault: str) -> None:
    with pytest.raises(ConfigurationError) as problem:
        checked(line, header=PRINTED)
    assert fault in problem.value.line()


def test_many_faults_are_counted_not_all_told() -> None:
    lines = [f"X{number},2001,60,41,13,39,concurrent,s" for number in range(9)]
    with pytest.raises(ConfigurationError) as problem:
        checked(*lines)
    assert problem.value.line().count("more than treated_n") == 5
    assert problem.value.line().endswith("and 4 more")


@pytest.mark.parametrize("name", ["inferred", "robins_i", "events_counted", "review"])
def test_a_word_that_a_column_does_not_know(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"column {name}"):
        checked(f"{TWO[0]},no(thing)", header=f"{HEADER},{name}")


# Who enters.


def test_main_is_of_comparable_controls_and_all_of_every_row() -> None:
    found = synthesis(
        *TWO,
        "Before,1998,1,30,9,40,historical,s",
        "Same,1996,0,3,12,18,same_women,s",
        "Dose,2007,4,40,5,41,other_dose,s",
        "One,1999,0,14,1,1,concurrent,s",
    )
    sizes = pooled(found, measure="OR", method="mantel_haenszel", zero_cells="none").set_index("analysis")
    assert (sizes.loc["main", "studies"], sizes.loc["all", "studies"]) == (2, 6)
    said = {name: study(found, name, "OR")["note"].split("; ")[0] for name in ("Before", "Same", "One")}
    assert said == {
        "Before": "historical controls",
        "Same": "controls are the same women at another time",
        "One": "the control group is a single woman",
    }
    included = found.studies[found.studies["included"].astype(bool)]
    assert set(included["study"]) == {"North", "South"}


def test_weights_of_the_main_pool_are_those_of_mantel_haenszel() -> None:
    """35 * 13 / 80 = 5.6875 and 9 * 39 / 88 = 3.98864: 58.78 and 41.22 percent."""
    found = synthesis(*TWO)
    weights = [study(found, name, "OR")["weight"] for name in ("North", "South")]
    assert weights == pytest.approx([58.77862595, 41.22137405], abs=1e-7)
    assert study(found, "North", "OR")["weight_method"] == "mantel_haenszel"


def test_a_study_named_twice_goes_by_its_year_too() -> None:
    found = synthesis(*TWO, "North,2010,7,30,9,31,concurrent,s")
    names = set(found.pooled["analysis"])
    assert {"leave_out:North 2001", "leave_out:North 2010", "leave_out:South"} <= names
    assert "leave_out:North" not in names


def test_cumulative_goes_by_year_and_ends_at_the_main_pool() -> None:
    found = synthesis(TWO[1], TWO[0], "East,2002,8,40,12,41,concurrent,s")
    rows = pooled(found, measure="OR", method="mantel_haenszel", zero_cells="none")
    steps = rows[rows["analysis"].str.startswith("cumulative:")]
    assert steps["analysis"].tolist() == ["cumulative:North", "cumulative:East", "cumulative:South"]
    assert steps["studies"].tolist() == [1, 2, 3]
    main = rows[rows["analysis"] == "main"].iloc[0]
    assert steps["estimate"].iloc[-1] == main["estimate"]


# Measures are never mixed.


def test_a_rate_ratio_is_pooled_with_rate_ratios_only() -> None:
    """Log 0.5 and log 0.8, each with limits a factor 2 either side: equal weights, the root of 0.4."""
    header = PRINTED
    found = synthesis(
        "Odds,2001,0.5,0.25,1,OR,,,,,,,concurrent,s",
        "Rates,2002,0.5,0.25,1,IRR,,,,,,,concurrent,s",
        "More,2003,0.8,0.4,1.6,IRR,,,,,,,concurrent,s",
        "Hazard,2004,0.6,0.3,1.2,HR,,,,,,,concurrent,s",
        header=header,
    )
    rates = pooled(found, analysis="main", measure="IRR", method="inverse_variance").iloc[0]
    assert rates["studies"] == 2
    assert rates["estimate"] == pytest.approx(math.sqrt(0.4))
    odds = pooled(found, analysis="main", measure="OR", method="inverse_variance").iloc[0]
    assert (odds["studies"], odds["estimate"]) == (1, pytest.approx(0.5))
    assert "pooled with rate ratios only" in study(found, "Rates", "IRR")["note"]
    assert not study(found, "Hazard", "HR")["included"]
    counted = pooled(found, analysis="main", measure="IRR", method="mantel_haenszel").iloc[0]
    assert counted["status"] == "not_estimable"
    assert counted["reason"].startswith("2 studies print a ratio and no counts")


def test_counts_come_before_a_printed_ratio_of_the_same_measure() -> None:
    found = synthesis("X,2001,0.9,0.5,1.7,OR,6,41,13,39,,,concurrent,s", header=PRINTED)
    assert study(found, "X", "OR")["estimate"] == pytest.approx(6 * 26 / (35 * 13))


# Where there is little or nothing.


def test_one_study_is_itself_and_says_nothing_of_differences() -> None:
    found = synthesis(TWO[0])
    odds = pooled(found, analysis="main", measure="OR").set_index(["method", "interval"]).sort_index()
    assert odds.loc[("mantel_haenszel", "wald"), "estimate"] == pytest.approx(6 * 26 / (35 * 13))
    for method in ("dersimonian_laird", "paule_mandel", "reml"):
        row = odds.loc[(method, "hartung_knapp")]
        assert (row["status"], row["reason"]) == (
            "not_estimable", "one study says nothing of how studies differ",
        )  # fmt: skip
        assert math.isnan(row["estimate"])
    left = pooled(found, analysis="leave_out:North", measure="OR")
    assert set(left["status"]) == {"not_estimable"}
    assert set(left["reason"]) == {"no study of this pool has numbers for it"}


@pytest.mark.parametrize("measure", EVERY)
def test_no_event_anywhere(measure: str) -> None:
    found = synthesis("X,2001,0,41,0,39,concurrent,s", "Y,2002,0,20,0,25,concurrent,s")
    rows = pooled(found, analysis="main", measure=measure)
    assert set(rows["status"]) == {"not_estimable"}
    assert rows["reason"].str.len().min() > 20
    assert rows[["estimate", "lower", "upper", "p_value"]].isna().all(axis=None)
    if measure != "RD":
        said = study(found, "X", measure)["note"]
        assert said == "treated_events and control_events are 0: it says nothing of a ratio"


def test_an_arm_without_an_event_in_any_study() -> None:
    """No relapse among the treated: a ratio of 0 has no limits but exact ones."""
    found = synthesis("X,2001,0,12,5,15,concurrent,s", "Y,2002,0,20,6,25,concurrent,s")
    rows = pooled(found, analysis="main", measure="OR", interval="wald")
    rows = pd.concat([rows, pooled(found, analysis="main", measure="OR", interval="exact")])
    rows = rows.set_index(["method", "zero_cells"]).sort_index()
    haenszel = rows.loc[("mantel_haenszel", "none")]
    assert haenszel["status"] == "not_estimable" and "is 0" in haenszel["reason"]
    exact = rows.loc[("exact_conditional", "none")]
    assert exact["estimate"] == 0 and exact["lower"] == 0
    # P(no treated event) is the lower tail: at the upper limit the two tables give 0.025 together.
    upper = exact["upper"]
    law = [
        sum(math.comb(n1, x) * math.comb(n2, m - x) * upper**x for x in range(max(0, m - n2), min(n1, m) + 1))
        for n1, n2, m in ((12, 15, 5), (20, 25, 6))
    ]
    none = math.comb(15, 5) * math.comb(25, 6)
    assert none / (law[0] * law[1]) == pytest.approx(0.025, rel=1e-6)
    excluded = rows.loc[("mantel_haenszel", "excluded")]
    assert excluded["reason"] == "every study has a zero cell"


def test_the_order_of_the_rows_changes_nothing() -> None:
    lines = [*TWO, "East,2002,0,20,4,22,concurrent,s", "West,2003,3,30,9,28,concurrent,s"]
    one, other = synthesis(*lines), synthesis(*lines[::-1])
    keys = ["analysis", "measure", "method", "interval", "zero_cells"]
    left, right = (
        found.pooled.set_index(keys).sort_index().drop(columns="inferred") for found in (one, other)
    )
    numbers = left.select_dtypes("number").columns
    assert np.allclose(
        left[numbers].to_numpy(float), right[numbers].to_numpy(float), rtol=1e-9, equal_nan=True
    )


def test_inferred_cells_are_marked_in_every_pool_that_they_enter() -> None:
    header = f"{HEADER},inferred"
    found = synthesis(f"{TWO[0]},treated_events;source", f"{TWO[1]},year", header=header)
    assert set(pooled(found, analysis="main")["inferred"]) == {"North"}
    assert set(pooled(found, analysis="leave_out:North")["inferred"]) == {""}
    assert "inferred: treated_events" in study(found, "North", "OR")["note"]


def test_heterogeneity_takes_in_studies_with_a_zero_cell() -> None:
    """0/40 v 30/60 and its mirror: far apart, though neither has an own estimate without the halves."""
    found = synthesis(
        "X,2001,0,40,30,60,concurrent,s", "Y,2002,30,60,0,40,concurrent,s", "Z,2003,10,50,12,50,concurrent,s"
    )
    rows = pooled(found, analysis="main", measure="OR", method="mantel_haenszel").set_index("zero_cells")
    assert rows.loc["none", "reason"].startswith("Q and I2 go by 1 of 3 studies")
    assert rows.loc["half", "q_df"] == 2 and rows.loc["half", "i2"] > 80
    graded = found.grade.set_index("measure").loc["OR"]
    assert graded["inconsistency"] == -2


def test_rows_that_may_share_women_are_said_to_in_every_pool() -> None:
    found = synthesis(f"{TWO[0]},g", f"{TWO[1]},g", header=f"{HEADER},overlap_group")
    rows = pooled(found, analysis="main", measure="OR", method="mantel_haenszel")
    assert rows["reason"].tolist() == ["taken as independent, though they may share women: North, South"]


@pytest.mark.parametrize("name", ["main", "all", "with_registry", "x;leave_out"])
def test_a_review_has_no_name_of_ours(name: str) -> None:
    with pytest.raises(ConfigurationError, match="study North, column review: a name that is kept"):
        checked(f"{TWO[0]},{name}", header=f"{HEADER},review")


def test_no_two_rows_go_by_one_name() -> None:
    lines = [line.replace("South,2004", name) for line in TWO[1:] for name in ("A,2004", "A,2005")]
    with pytest.raises(ConfigurationError, match="column study: with its year it has the name of another"):
        checked(*lines, TWO[1].replace("South,2004", "A 2004,1999"))


def test_empty_rows_and_nameless_columns_of_a_spreadsheet_are_left_out() -> None:
    plain = checked(*TWO)
    lines = [f"{line},," for line in (*TWO, ",,,,,,,", ",,,,,,,")]
    pd.testing.assert_frame_equal(checked(*lines, header=f"{HEADER},,"), plain)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("study;year;source\nA;2001;s\n", "separated by semicolons"),
        ("study,year,year,source,control_type\nA,2001,2001,s,concurrent\n", "column year is there twice"),
        ("study,year,source,control_type\n=1+1,2001,s,concurrent\n", "begins like a formula"),
        ('study,year,source,control_type\n"a\nb",2001,s,concurrent\n', "more than one line of plain text"),
        ("study,year,source,control_type\nthis  Registry,2001,s,concurrent\n", "kept for the registry"),
    ],
)
def test_a_sheet_from_a_spreadsheet_is_told_what_it_is(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        check_studies(read_cells(io.StringIO(text), "studies"))


def test_limits_that_no_number_can_hold_are_left_empty_and_said() -> None:
    rows = pool_evidence(checked(*TWO), pd.DataFrame(), (), 0.9999).pooled
    knapp = rows[
        (rows["analysis"] == "main") & (rows["interval"] == "hartung_knapp") & (rows["measure"] == "OR")
    ]
    assert knapp["upper"].isna().all() and knapp["estimate"].notna().all()
    assert knapp["reason"].str.contains("larger than numbers can say").all()
    assert not np.isinf(rows.select_dtypes("number").to_numpy(float)).any()


def test_a_precise_ratio_beside_a_study_of_counts() -> None:
    header = PRINTED
    found = synthesis(
        "Sharp,2001,1.0,0.9998,1.0002,OR,,,,,,,concurrent,s",
        "Counted,2002,,,,,5,40,20,40,,,concurrent,s",
        header=header,
    )
    row = pooled(found, analysis="main", measure="OR", method="dersimonian_laird", interval="wald").iloc[0]
    # Of two studies: (d^2 - v1 - v2) / 2, d their distance.
    distance = math.log(5 * 20 / (35 * 20))
    assert row["tau2"] == pytest.approx((distance**2 - (1 / 5 + 1 / 35 + 1 / 20 + 1 / 20)) / 2, rel=1e-3)


def test_a_ratio_without_limits_is_said_not_to_be_pooled() -> None:
    found = synthesis(
        "X,2001,0.5,,,OR,,,,,,,concurrent,s", "Y,2002,0.5,0.2,1.2,OR,,,,,,,concurrent,s", header=PRINTED
    )
    assert study(found, "X", "")["note"] == "a ratio without limits has no weight: it is not pooled"


# The registry.


def registry(treated=(14, 71), untreated=(14, 61)) -> pd.DataFrame:
    """Return a registry whose every pregnancy is followed for 182 days, a woman each."""
    rows = []
    for arm, (events, size), site in (("treated", treated, "a"), ("untreated", untreated, "b")):
        rows += [(arm, site, int(place < events)) for place in range(size)]
    person_time = pd.DataFrame(rows, columns=["arm", "site", "relapses"]).assign(
        period="postpartum_6_months", days=182, person_years=182 / 365.25
    )
    person_time = person_time.assign(woman=range(len(rows)), pregnancy=range(len(rows)))
    return count_registry(person_time, {"a": "all", "b": "none"}, 2019)


def test_the_registry_is_one_more_study_of_the_main_pool() -> None:
    """(6*26/80 + 5*35/88 + 14*47/132) / (13*35/80 + 39*9/88 + 14*57/132)."""
    found = synthesis(*TWO, registry=registry())
    row = pooled(found, analysis="with_registry", measure="OR", method="mantel_haenszel").iloc[0]
    above = 6 * 26 / 80 + 5 * 35 / 88 + 14 * 47 / 132
    below = 13 * 35 / 80 + 39 * 9 / 88 + 14 * 57 / 132
    assert (row["studies"], row["estimate"]) == (3, pytest.approx(above / below))
    assert (row["women"], row["smallest_count"]) == (132, 14)
    own = study(found, "This registry", "OR")
    assert own["weight_with_registry"] == pytest.approx(100 * (14 * 57 / 132) / below)
    assert math.isnan(own["weight"])
    assert study(found, "North", "OR")["weight"] == pytest.approx(58.77862595)
    # Without relapses counted as women, one of a rate: 14/71 and 14/61 of equal time each.
    rates = study(found, "This registry", "IRR")
    assert rates["estimate"] == pytest.approx(14 / 71 / (14 / 61))
    last = pooled(found, analysis="cumulative:This registry", measure="OR", method="mantel_haenszel")
    assert last["estimate"].iloc[0] == row["estimate"]
    assert pooled(found, analysis="main")["women"].isna().all()


def test_a_study_of_the_same_women_leaves_the_pool_with_the_registry() -> None:
    header = f"{HEADER},overlap_group"
    found = synthesis(f"{TWO[0]},ours", f"{TWO[1]},", header=header, registry=registry(), superseded=["ours"])
    sizes = pooled(found, measure="OR", method="mantel_haenszel").set_index("analysis")["studies"]
    assert (sizes["main"], sizes["with_registry"]) == (2, 2)
    assert "not pooled with the registry" in study(found, "North", "OR")["note"]


def test_a_group_that_no_row_has_is_no_group_of_the_registry() -> None:
    with pytest.raises(ConfigurationError, match="no row of the sheet of studies has the overlap_group typo"):
        synthesis(*TWO, registry=registry(), superseded=["typo"])


def test_nothing_that_is_released_depends_on_a_withheld_count() -> None:
    """Treated women with a relapse from 1 to 4: the same files leave."""
    left = []
    for events in (1, 2, 3, 4):
        found = synthesis(*TWO, registry=registry(treated=(events, 71)))
        tables = {
            "evidence_studies": found.studies,
            "evidence_pooled": found.pooled,
            "evidence_grade": found.grade,
        }
        left.append({name: table.to_csv() for name, table in release_tables(tables, 5).tables.items()})
    assert left[0] == left[1] == left[2] == left[3]


def test_a_registry_with_one_arm_enters_nowhere_and_says_why() -> None:
    found = synthesis(*TWO, registry=registry(untreated=(0, 0)))
    (own,) = (row for _, row in found.studies[found.studies["registry"]].iterrows())
    assert own["measure"] == "" and not own["included"]
    assert "Every pregnancy is treated" in own["note"]
    assert not found.pooled["analysis"].str.contains("registry").any()


def test_pregnancies_that_were_not_followed_for_six_months_are_in_the_rate_alone() -> None:
    """One of the 12 treated leaves on day 91 without a relapse: 5 of 11, and 11 x 182 + 91 days."""
    rows = pd.DataFrame({"arm": ["treated"] * 12 + ["untreated"] * 10, "relapses": [1] * 5 + [0] * 17})
    rows = rows.assign(days=[182] * 11 + [91] + [182] * 10, site=["a"] * 12 + ["b"] * 10)
    rows = rows.assign(period="postpartum_6_months", person_years=rows["days"] / 365.25)
    rows = rows.assign(woman=range(22), pregnancy=range(22))
    found = count_registry(rows, {"a": "all", "b": "none"}, 2019)
    assert found[["treated_events", "treated_n"]].iloc[0].tolist() == [5, 11]
    assert found["treated_person_years"].iloc[1] == pytest.approx((11 * 182 + 91) / 365.25)


# GRADE.


def test_certainty_goes_down_for_reasons_that_are_told() -> None:
    header = f"{HEADER},events_counted,window"
    found = synthesis(f"{TWO[0]},relapses,3 months", f"{TWO[1]},,6 months", header=header)
    (row,) = (row for _, row in found.grade[found.grade["measure"] == "OR"].iterrows())
    assert row["start"] == "low (not randomized)"
    assert [row[name] for name in ("indirectness", "imprecision", "publication_bias")] == [-1, -1, 0]
    assert row["certainty"] == "very low"
    assert "relapses counted as women and windows differ" in row["reason"]
    assert len(row["reason"].split("; ")) == 5


def test_randomized_studies_start_high_and_few_events_take_one_level() -> None:
    """60 against 130 of 200 each, twice alike: I2 0, limits far from 1, 380 events; 76 lose a level."""
    many = [f"{name},200{place},60,200,130,200,randomized,s" for place, name in enumerate("AB")]
    (row,) = (row for _, row in synthesis(*many).grade.iterrows() if row["measure"] == "OR")
    assert (row["start"], row["certainty"]) == ("high (all randomized)", "high")
    few = [f"{name},200{place},12,40,26,40,randomized,s" for place, name in enumerate("AB")]
    (row,) = (row for _, row in synthesis(*few).grade.iterrows() if row["measure"] == "OR")
    assert (row["imprecision"], row["certainty"]) == (-1, "moderate")
