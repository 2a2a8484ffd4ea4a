"""Published data sets of survival against R: Cox with late entry, ties and strata, curves, tests.

Closed forms and curves 1e-10; fits 1e-6, which is where R's iterations stop. Robust errors are held to 1e-6.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gravida.models.cox import CoxModel, fit_cox
from gravida.models.hazard_tests import log_rank, proportional_hazards
from gravida.models.kaplan_meier import (
    Curve,
    count_days,
    kaplan_meier,
    log_log_limits,
    restricted_mean,
    share_variance,
)
from gravida.models.risk_sets import SurvivalTimes

HERE = Path(__file__).parent
EXACT, FITTED = 1e-10, 1e-6
BLADDER = ["rx", "size", "number"]

ties = pytest.mark.parametrize("ties", ["efron", "breslow"])


def expected(name: str) -> dict:
    return computed(name, "expected")


def computed(name: str, *path: str):
    """Return what lies at this path of a case."""
    content = json.loads((HERE / f"cases/{name}.json").read_text(encoding="utf-8"))
    for step in path:
        content = content[step]
    return content


def late_entry(*path: str):
    return computed("survival_late_entry", "expected", *path)


def data(name: str) -> pd.DataFrame:
    return pd.read_csv(HERE / f"cases/{name}.csv")


def times(rows: pd.DataFrame, event: str, terms: list[str], **names: str) -> SurvivalTimes:
    """Return survival times; names: start, stop, woman, stratum (of columns with small whole numbers)."""
    zero = np.zeros(len(rows), dtype=int)
    column = {key: rows[name].to_numpy() for key, name in names.items()}
    stratum = column.get("stratum", zero)
    return SurvivalTimes(
        column.get("start", zero),
        column["stop"],
        rows[event].to_numpy(bool),
        rows[terms].to_numpy(float),
        column.get("woman", np.arange(len(rows))),
        stratum - stratum.min(),
    )


def errors(covariance: np.ndarray) -> np.ndarray:
    return np.sqrt(np.diag(covariance))


def assert_model(model: CoxModel, reference: dict) -> None:
    rows = reference["coef"].values()
    assert model.beta == pytest.approx([row["coef"] for row in rows], rel=FITTED)
    assert errors(model.model_covariance()) == pytest.approx([row["se(coef)"] for row in rows], rel=FITTED)
    likelihoods = [model.null.log_likelihood, model.fit.sums.log_likelihood]
    assert likelihoods == pytest.approx(reference["loglik"], rel=1e-9)
    robust = [row["robust se"] for row in rows if "robust se" in row]
    if robust:
        assert errors(model.clustered_covariance()) == pytest.approx(robust, rel=FITTED)


@pytest.fixture(scope="module")
def lung() -> pd.DataFrame:
    rows = data("lung")
    months = np.ceil(rows["time"] / (365.25 / 12)).astype(int)
    return rows.assign(died=rows["status"] == 2, female=rows["sex"] - 1, months=months)


@pytest.fixture(scope="module")
def bladder() -> pd.DataFrame:
    return data("bladder2")


@ties
def test_cox_of_the_hand_worked_data(ties: str) -> None:
    reference = expected("cox_closed_form")[ties]
    first = times(data("therneau_test1"), "status", ["x"], stop="time")
    assert_model(fit_cox([first], ties), reference["test1"])
    second = times(data("therneau_test2"), "event", ["x"], start="start", stop="stop", woman="cl")
    assert_model(fit_cox([second], ties), reference["test2"])
    assert_model(fit_cox([second], ties), reference["test2_cluster"])


def test_cox_of_the_hand_worked_data_in_closed_form() -> None:
    # Therneau and Grambsch (2000), appendix E: log(1.5 + sqrt(33)/2).
    first = times(data("therneau_test1"), "status", ["x"], stop="time")
    assert fit_cox([first], "breslow").beta[0] == pytest.approx(np.log(1.5 + np.sqrt(33) / 2), rel=EXACT)


@ties
def test_cox_of_lung(lung: pd.DataFrame, ties: str) -> None:
    rows = lung.dropna(subset=["ph.ecog"])
    model = fit_cox([times(rows, "died", ["age", "sex", "ph.ecog"], stop="time")], ties)
    assert_model(model, expected("cox_lung_ties")[ties])
    score = model.null.score @ np.linalg.solve(model.null.information, model.null.score)
    assert score == pytest.approx(expected("cox_lung_ties")[ties]["sctest"]["test"], rel=FITTED)


def test_proportional_hazards_of_lung(lung: pd.DataFrame) -> None:
    rows = lung.dropna(subset=["ph.ecog"])
    model = fit_cox([times(rows, "died", ["age", "sex", "ph.ecog"], stop="time")])
    reference = expected("cox_lung_ties")["zph"]
    found = [proportional_hazards(model, columns) for columns in ([0], [1], [2], None)]
    assert [test.statistic for test in found] == pytest.approx(reference["chisq"], rel=FITTED)
    assert [test.degrees_of_freedom for test in found] == reference["df"]
    assert [test.p_value for test in found] == pytest.approx(reference["p"], rel=FITTED)


def test_cox_of_the_first_recurrence_of_bladder_cancer(bladder: pd.DataFrame) -> None:
    first = times(bladder[bladder["enum"] == 1], "event", BLADDER, stop="stop")
    assert_model(fit_cox([first]), expected("recurrent_bladder")["first"])


def test_andersen_gill_has_the_errors_that_late_entry_needs(bladder: pd.DataFrame) -> None:
    # lifelines 0.30 gives 0.2105 for rx: it takes everybody as at risk from the start.
    model = fit_cox([times(bladder, "event", BLADDER, start="start", stop="stop", woman="id")])
    assert_model(model, expected("recurrent_bladder")["andersen_gill"])


def test_strata_with_late_entry(bladder: pd.DataFrame) -> None:
    # Prentice, Williams and Peterson's model. lifelines 0.30 gives 0.2438 for rx.
    rows = times(bladder, "event", BLADDER, start="start", stop="stop", woman="id", stratum="enum")
    assert_model(fit_cox([rows]), expected("recurrent_bladder")["pwp"])


def test_marginal_model_of_recurrences(bladder: pd.DataFrame) -> None:
    # Wei, Lin and Weissfeld's data: everybody has four rows, those after the last recurrence until the end.
    ends = bladder[bladder["enum"] <= 4].set_index(["id", "enum"])[["stop", "event"]]
    whole = pd.MultiIndex.from_product([bladder["id"].unique(), range(1, 5)], names=["id", "enum"])
    last = bladder.sort_values("enum").groupby("id").last()
    rows = ends.reindex(whole).reset_index()
    late = rows["event"].isna()
    rows["stop"] = rows["stop"].where(~late, rows["id"].map(last["stop"]))
    rows["event"] = rows["event"].fillna(0)
    names = []
    for term in BLADDER:
        rows[term] = rows["id"].map(last[term])
    for term in BLADDER:
        for enum in (2, 3, 4):
            rows[f"{term}{enum}"] = rows[term] * (rows["enum"] == enum)
            names.append(f"{term}{enum}")
    model = fit_cox([times(rows, "event", [*BLADDER, *names], stop="stop", woman="id", stratum="enum")])
    assert_model(model, expected("recurrent_bladder")["wlw"])


def test_errors_with_breslows_ties(bladder: pd.DataFrame) -> None:
    rows = times(bladder, "event", BLADDER, start="start", stop="stop", woman="id")
    reference = list(late_entry("bladder", "robust_se_breslow").values())
    assert errors(fit_cox([rows], "breslow").clustered_covariance()) == pytest.approx(reference, rel=FITTED)


@ties
def test_errors_with_tied_relapses(lung: pd.DataFrame, ties: str) -> None:
    # lifelines 0.30 leaves ties out of the score residuals: 0.2965 for rx of rats, 0.1107 for sex of lung.
    rats = data("rats")
    rats["male"] = rats["sex"] == "m"
    model = fit_cox([times(rats, "status", ["rx", "male"], stop="time", woman="litter")], ties)
    assert_clustered(model, computed("survival_tests", "rats_by_litter", ties))
    rows = lung.dropna(subset=["ph.ecog", "inst"]).astype({"inst": int})
    rows = times(rows, "died", ["age", "sex", "ph.ecog"], stop="months", woman="inst")
    assert_clustered(fit_cox([rows], ties), computed("survival_tests", "lung_months_by_inst", ties))


def assert_clustered(model: CoxModel, reference: dict) -> None:
    assert model.beta == pytest.approx(list(reference["coef"].values()), rel=FITTED)
    robust = errors(model.clustered_covariance())
    assert robust == pytest.approx(list(reference["robust_se"].values()), rel=FITTED)
    assert errors(model.model_covariance()) == pytest.approx(list(reference["se_model"].values()), rel=FITTED)
    assert model.women == reference["clusters"]


@pytest.mark.parametrize(("case", "stop"), [("lung_days_by_sex", "time"), ("lung_months_by_sex", "months")])
def test_one_covariate(lung: pd.DataFrame, case: str, stop: str) -> None:
    rows = times(lung, "died", ["female"], stop=stop)
    for name, test in (
        ("log_rank", log_rank([rows])),
        ("proportionality", proportional_hazards(fit_cox([rows]))),
    ):
        reference = computed("survival_tests", case, name)
        assert test.statistic == pytest.approx(reference["chi_square"], rel=FITTED)
        assert test.p_value == pytest.approx(reference["p_value"], rel=FITTED)


@pytest.mark.parametrize(
    ("key", "ties", "stratum"),
    [
        ("zph_andersen_gill", "efron", {}),
        ("zph_pwp", "efron", {"stratum": "enum"}),
        ("zph_breslow", "breslow", {}),
    ],
)
def test_proportional_hazards_with_late_entry(
    bladder: pd.DataFrame, key: str, ties: str, stratum: dict
) -> None:
    rows = times(bladder, "event", BLADDER, start="start", stop="stop", woman="id", **stratum)
    model = fit_cox([rows], ties)
    found = [proportional_hazards(model, columns).statistic for columns in ([0], [1], [2], None)]
    assert found == pytest.approx(list(late_entry("bladder", key).values()), rel=FITTED)


def test_log_rank(lung: pd.DataFrame, bladder: pd.DataFrame) -> None:
    reference = expected("km_lung")["logrank"]
    test = log_rank([times(lung, "died", ["female"], stop="time")])
    assert test.statistic == pytest.approx(reference["chisq"], rel=EXACT)
    assert test.p_value == pytest.approx(reference["p"], rel=EXACT)
    rows = bladder.assign(thiotepa=bladder["rx"] - 1)
    late = times(rows, "event", ["thiotepa"], start="start", stop="stop")
    assert log_rank([late]).statistic == pytest.approx(late_entry("bladder", "log_rank_of_rx"), rel=EXACT)
    strata = times(rows, "event", ["thiotepa"], start="start", stop="stop", stratum="enum")
    within = late_entry("bladder", "log_rank_of_rx_within_enum")
    assert log_rank([strata]).statistic == pytest.approx(within, rel=EXACT)


def curve(rows: pd.DataFrame, event: str, stop: str, days: int, start: str | None = None) -> Curve:
    entry = rows[start].to_numpy() if start else np.zeros(len(rows), dtype=int)
    return kaplan_meier(count_days(entry, rows[stop].to_numpy(), rows[event].to_numpy(bool), days))


def test_kaplan_meier_of_lung(lung: pd.DataFrame) -> None:
    reference = expected("km_lung")
    curves = {f"sex={sex}": curve(rows, "died", "time", 1022) for sex, rows in lung.groupby("sex")}
    table = pd.DataFrame(reference["surv"])
    for row in table.itertuples():
        found = curves[row.strata]
        assert found.share[row.time] == pytest.approx(row.surv, rel=EXACT)
        assert np.sqrt(share_variance(found, row.time)) == pytest.approx(row.se, rel=EXACT)
        assert found.counts.at_risk[row.time] == row.n_risk
    for sex, found in curves.items():
        mean, variance = restricted_mean(found, 1022)
        printed = reference["medians"][sex.replace("=", "")]
        assert mean == pytest.approx(printed["rmean"], rel=EXACT)
        assert np.sqrt(variance) == pytest.approx(printed["se(rmean)"], rel=EXACT)
    # The limits that lifelines prints for men at a year, five digits.
    assert log_log_limits(curves["sex=1"], 365, 0.95) == pytest.approx((0.25273, 0.42130), abs=5e-6)


def test_restricted_mean_before_the_last_time(lung: pd.DataFrame) -> None:
    reference = computed("survival_tests", "lung_days_by_sex", "restricted_mean_365")
    for sex, group in ((1, "first"), (2, "second")):
        rows = lung[lung["sex"] == sex]
        mean, variance = restricted_mean(curve(rows, "died", "time", 1022), 365)
        found = [mean, np.sqrt(variance)]
        assert found == pytest.approx([reference[group], reference[f"se_{group}"]], rel=EXACT)


@pytest.mark.parametrize(("name", "key"), [("bladder2", "bladder"), ("therneau_test2", "small")])
def test_kaplan_meier_with_late_entry(name: str, key: str) -> None:
    reference = late_entry(key)
    points = pd.DataFrame(reference.get("curve", reference))
    found = curve(data(name), "event", "stop", int(points["time"].max()), "start")
    at = points["time"].to_numpy()
    assert found.share[at] == pytest.approx(points["surv"].to_numpy(), rel=EXACT)
    spread = [np.sqrt(share_variance(found, day)) for day in at]
    assert spread == pytest.approx(points["se"].to_numpy(), rel=EXACT)
    limits = np.array([log_log_limits(found, day, 0.95) for day in at])
    assert limits == pytest.approx(points[["lower", "upper"]].to_numpy(), rel=1e-9)
    if "restricted_mean_36" in reference:
        mean, variance = restricted_mean(found, 36)
        assert [mean, np.sqrt(variance)] == pytest.approx(
            list(reference["restricted_mean_36"].values()), rel=EXACT
        )
