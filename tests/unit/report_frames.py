"""Released tables made by hand, with rows of every status, for the tests of the report."""

import numpy as np
import pandas as pd
from evidence_frames import ivig_pooled, ivig_studies

from schemas.release import RELEASED

NUMBERS = ("rate_ratio", "lower", "upper", "p_value")
NOTHING = (np.nan, np.nan, np.nan, np.nan)
# As published: Mult Scler Relat Disord 2020;38:101519, untreated over treated.
PUBLISHED = (1.409, 0.764, 2.598, 0.272)
BETWEEN = {"verdict": "between sites only", "reason": "Two sites, two policies."}
WITHIN = {"verdict": "identifiable within sites", "reason": "Treatment is a choice."}
NEITHER = {"verdict": "not identifiable", "reason": "Every pregnancy is treated."}
SAMPLING = "between sites: the interval holds the sampling of women only"
CONFIGURATION = {
    "exposure": {"definition": "received"},
    "contrast": {"numerator": "untreated", "denominator": "treated"},
    "outcome_period": "postpartum_year",
    "relapse_separation_days": 21,
    "covariates": ["age_at_delivery", "edss_before"],
    "confidence": 0.95,
    "equivalence_margin": 1.25,
    "precision": {"power": 0.9, "planned_ratios": [1.409, 1.5]},
    "imputations": 7,
    "disclosure": {"profile": "default", "min_women": 7},
}


def released(name, rows):
    """Return rows as the released table: a column that a row does not name is empty."""
    columns = list(RELEASED[name].columns)
    frame = pd.DataFrame(rows).reindex(columns=columns)
    text = frame.select_dtypes("object").columns
    frame = frame.assign(**{column: frame[column].fillna("") for column in text})
    return frame.assign(suppressed=frame["suppressed"].map(lambda given: given is True))


def ratio(numbers=PUBLISHED, primary=True, **more):
    row = {
        "analysis": "unadjusted", "is_primary": primary, "contrast": "untreated/treated",
        "period": "postpartum_year", "model": "negative_binomial", "covariance": "cluster_robust",
        "adjusted_for": "none", **dict(zip(NUMBERS, numbers, strict=True)),
        "alpha": 0.85, "pregnancies": 132, "women": 112, "relapses": 42, "relapses_numerator": 23,
        "relapses_denominator": 19, "status": "ok", "reason": "", "suppressed": False,
    }  # fmt: skip
    return row | more


def ratios(*rows, **more):
    return pd.DataFrame([ratio(**more), *rows])


def rate_table():
    """Return the published ARR, 0.27 and 0.38, with Garwood limits of 19 and 23 events."""
    columns = [
        "group", "arm", "site", "period", "pregnancies", "women", "relapses", "person_years", "rate", "lower",
        "upper", "robust_lower", "robust_upper", "suppressed",
    ]  # fmt: skip
    year = "postpartum_year"
    rows = [
        ("arm", "treated", "", year, 71, 60, 19, 71.0, 0.268, 0.161, 0.418, 0.16, 0.41, False),
        ("arm", "untreated", "", year, 61, 52, 23, 61.0, 0.377, 0.239, 0.566, 0.24, 0.55, False),
        ("arm", "all", "", year, 132, 112, 42, 132.0, 0.318, 0.229, 0.430, 0.23, 0.42, False),
        ("arm", "all", "", "pregnancy", 132, 112, 29, 101.0, 0.287, 0.192, 0.412, np.nan, np.nan, False),
        ("arm", "untreated", "", "pregnancy", *[np.nan] * 9, True),
        ("site", "all", "north", year, 71, 60, 19, 71.0, 0.268, 0.161, 0.418, 0.16, 0.41, False),
        ("site", "all", "north", "trimester_1", 71, 60, 2, 19.0, 0.105, 0.013, 0.38, 0.1, 0.4, False),
    ]
    return pd.DataFrame(rows, columns=columns)


def baseline_table():
    def cells(variable, level, statistic, values, suppressed=False):
        arms = ("difference",) if statistic == "smd" else ("treated", "untreated", "all")
        hide = [suppressed and arm == "untreated" for arm in arms]
        values = [np.nan if hidden else value for hidden, value in zip(hide, values, strict=True)]
        return [
            (variable, level, statistic, arm, value, 50, "", hidden)
            for arm, value, hidden in zip(arms, values, hide, strict=True)
        ]

    rows = [
        *cells("age_at_delivery", "", "mean", (31.5, 31.9, 31.7)),
        *cells("age_at_delivery", "", "sd", (4.0, 4.2, 4.1)),
        *cells("age_at_delivery", "", "median", (31.0, 32.0, 31.5)),
        *cells("age_at_delivery", "", "q1", (28.0, 29.0, 28.5)),
        *cells("age_at_delivery", "", "q3", (34.0, 35.0, 34.5)),
        *cells("age_at_delivery", "", "missing", (0, 1, 1)),
        *cells("age_at_delivery", "", "smd", (0.0975,)),
        *cells("disease_duration_years", "", "mean", (6.0, 6.7, 6.34)),
        *cells("disease_duration_years", "", "sd", (4.0, 4.6, 4.33)),
        *cells("dmt_before", "high", "n", (7, 3, 10), suppressed=True),
        *cells("dmt_before", "high", "percent", (9.86, 4.92, 7.58), suppressed=True),
        *cells("dmt_before", "high", "smd", (0.19,)),
    ]
    columns = ["variable", "level", "statistic", "arm", "value", "women", "reason", "suppressed"]
    return pd.DataFrame(rows, columns=columns)


def predictor_table(holm=(0.9, 1.0)):
    row = {
        "level": "per year", "reference": "", "rate_ratio": 1.01, "lower": 0.94, "upper": 1.09,
        "p_value": 0.3, "p_joint": 0.3, "pregnancies": 132, "women": 112, "relapses": 42, "status": "ok",
        "reason": "", "suppressed": False,
    }  # fmt: skip
    named = zip(("age_at_delivery", "edss_before"), holm, strict=True)
    rows = [row | {"model": "multivariable", "predictor": name, "p_holm": p} for name, p in named]
    failed = dict(zip(NUMBERS, NOTHING, strict=True))
    why = {"status": "not_estimable", "reason": "no relapse at <this> level"}
    rows.append(
        row | failed | why | {"model": "univariable", "predictor": "dmt_before", "level": "high",
                              "reference": "none", "p_joint": np.nan, "p_holm": np.nan}
    )  # fmt: skip
    return released("predictors", rows)


SIZES = {"pregnancies": 132, "women": 112, "relapses": 42}
ARMS = {"relapses_numerator": 23, "relapses_denominator": 19}
EMPTY = {"status": "not_estimable", "reason": "one arm only"}
OK = {"status": "ok", "reason": "", "suppressed": False}
GIVEN = dict(zip(NUMBERS, PUBLISHED, strict=True))


def estimability_table():
    row = {"contrast": "untreated/treated", "sites_numerator": 1, "sites_denominator": 1} | SIZES | ARMS
    return released(
        "estimability",
        [
            row | OK | {"adjusted_for": "none", "parameters": 2, "rank": 2, "events_per_parameter": 42.0},
            row
            | EMPTY
            | {"adjusted_for": "site", "parameters": 3, "rank": 2, "events_per_parameter": 21.0}
            | {"reason": "the arms are the sites' policies"},
        ],
    )


def precision_table(**values):
    """Return the plan's published numbers, others by name."""
    answers = {
        "excluded_reduction": 1 - 1 / 2.598,
        "excluded_increase": 1 / 0.764 - 1,
        "minimum_detectable_ratio": 2.396,
        "pregnancies_needed": 860,
        "equivalence": 0.649,
        "site_shock_to_null": 1.409,
        "site_shock_to_exclude": 0.764,
        "site_permutation_p": np.nan,
        "site_permutation_smallest_p": np.nan,
        "site_rates_ratio": np.nan,
        "e_value_estimate": 2.168,
        "leave_one_woman_out_lower": 1.1,
        "leave_one_woman_out_upper": 1.7,
    } | values
    return released(
        "precision",
        [
            {"question": name, "value": value, "women": 112, **ARMS, "suppressed": False}
            | {"detail": "needs 4 or more sites" if value != value else ""}
            for name, value in answers.items()
        ],
    )


def longitudinal_table(*rows):
    gee = {f"gee_{name}": number for name, number in GIVEN.items()}
    row = GIVEN | gee | SIZES | {"relapses_smallest_cell": 10} | OK
    hidden = dict.fromkeys([*GIVEN, *gee], np.nan) | SIZES | {"suppressed": True}
    return released(
        "longitudinal",
        [
            row | {"term": "pregnancy/pre_pregnancy_year in treated"},
            hidden | {"term": "trimester_3/pre_pregnancy_year in untreated", "status": "ok"},
            row | {"term": "untreated/treated in postpartum_year", "reason": SAMPLING},
            row
            | {"term": "difference_in_differences", "reason": f"{SAMPLING}; one site in an arm: no freedom"},
            SIZES | EMPTY | {"term": "pre_trend"},
            *rows,
        ],
    )


def survival_tables():
    """Return the three tables of times to relapse."""
    curve = {"pregnancies": 71, "women": 60, "at_risk": 50, "relapsed": 12, "relapse_free": 0.8123}
    limits = {"lower": 0.7, "upper": 0.89}
    relapse_free = [
        {"arm": "treated", "day": 91, **curve, **limits, **OK},
        {"arm": "treated", "day": 365, **curve, "relapse_free": 1.0, **OK, "reason": "no limits at 1"},
        {"arm": "untreated", "day": 91, "pregnancies": 61, "women": 52, "status": "ok", "suppressed": True},
        {"arm": "all", "day": 91, "pregnancies": 132, "women": 112, **EMPTY},
    ]
    difference = {"pregnancies": 132, "women": 112, "relapsed_treated": 12, "relapsed_untreated": 14}
    risks = {"risk_treated": 0.17, "risk_untreated": 0.25}
    risk_difference = [
        {"day": 91, **difference, **risks, **OK, "risk_difference": 0.08, "lower": -0.05, "upper": 0.21,
         "nnt": 12.5, "nnt_lower": 1 / 0.21, "nnt_upper": -20.0, "nnt_form": "both"},
        {"day": 182, **difference, **EMPTY},
        {"day": 365, "pregnancies": 132, "women": 112, "status": "ok", "suppressed": True},
    ]  # fmt: skip
    row = SIZES | ARMS | OK
    tested = dict.fromkeys(("lower", "upper"), np.nan)
    time_to_relapse = [
        row | {"method": "cox", "estimate": 1.35, "lower": 0.7, "upper": 2.6, "p_value": 0.37},
        row | {"method": "log_rank", "estimate": 0.807, "p_value": 0.369} | tested,
        row | {"method": "rmst_difference", "estimate": 12.34, "lower": -14, "upper": 38.5, "p_value": 0.36},
        SIZES | ARMS | EMPTY | {"method": "proportional_hazards"},
    ]
    tables = {
        "relapse_free": relapse_free,
        "risk_difference": risk_difference,
        "time_to_relapse": time_to_relapse,
    }
    return {name: released(name, rows) for name, rows in tables.items()}


def site_table():
    site = {"kind": "site", "policy": "all", **SIZES, "person_years": 71.0, "rate": 0.59, "lower": 0.4}
    pooled = {"kind": "pooled", "site": "", "policy": "all", **SIZES, "person_years": 71.0}
    return released(
        "sites",
        [
            site | OK | {"site": "north", "upper": 0.8, "method": "exact"},
            {"kind": "site", "site": "south", "policy": "all", "women": 52, "suppressed": True}
            | {"status": "ok", "method": "exact"},
            pooled
            | {"rate": 0.5, "lower": 0.3, "upper": 0.9, "tau2": 0.0417, "i2": 31.25, "q_p_value": 0.2}
            | {
                "prediction_lower": 0.2,
                "prediction_upper": 1.4,
                "method": "random effects of log rates, REML",
            }
            | OK,
            pooled | EMPTY | {"policy": "none", "reason": "one site has this policy"},
        ],
    )


def sensitivity_table(*rows):
    row = GIVEN | SIZES | ARMS | OK
    row |= {"model": "negative_binomial", "covariance": "cluster_robust", "adjusted_for": "none"}
    other = {"rate_ratio": 1.2, "lower": 0.7, "upper": 2.0, "adjusted_for": "relapses_pre_year"}
    return released(
        "sensitivity",
        [
            row | {"scenario": "primary"},
            row | other | {"scenario": "covariates:relapses_pre_year", "p_value": 0.5},
            row | {"scenario": "first_pregnancy", "rate_ratio": 1.8, "lower": 1.1, "upper": 3.0},
            row | {"status": "fallback", "reason": "alpha is 0", "scenario": "live_births"},
            SIZES | ARMS | EMPTY | {"scenario": "leave_out:north", "model": "negative_binomial"},
            {"scenario": "no_dmt_before", "women": 30, "pregnancies": 31, "suppressed": True, "status": "ok"},
            *rows,
        ],
    )


def balance_table():
    row = {"pregnancies": 100, "women": 90} | OK
    return released(
        "balance",
        [
            row | {"covariate": "edss_before", "level": "per point", "smd_unweighted": -0.321}
            | {"smd_iptw": 0.012, "smd_overlap": 0.0},
            row | {"covariate": "dmt_before", "level": "high", "smd_unweighted": 0.25}
            | {"smd_iptw": -0.04, "smd_overlap": 0.0},
            {"covariate": "parity", "pregnancies": 100, "women": 90, **EMPTY},
        ],
    )  # fmt: skip


def predictability_table():
    return released(
        "predictability",
        [
            {"measure": "concordance", "value": 0.523, "lower": 0.41, "upper": 0.64} | SIZES | OK,
            {"measure": "calibration_slope"} | SIZES | {"status": "not_converged", "reason": "no maximum"},
            {"measure": "calibration_in_the_large", "value": -0.02, "lower": -0.3, "upper": 0.3} | SIZES | OK,
        ],
    )


def dispersion_table():
    rows = [("pearson", 160.16, np.nan, 1.232), ("zeros", 100, np.nan, 99.78)]
    rows += [("frequency_0", 100, np.nan, 99.78), ("frequency_1", 24, np.nan, 23.5)]
    table = [
        {"period": "postpartum_year", "test": test, "statistic": statistic, "p_value": p, "value": value}
        | SIZES
        | {"suppressed": False}
        for test, statistic, p, value in rows
    ]
    hidden = {"period": "postpartum_year", "suppressed": True}
    table += [hidden | {"test": test} for test in ("frequency_2", "frequency_3_or_more")]
    return released("dispersion", table)


def evidence_tables():
    """Return the tables of the published evidence, with a registry among the studies."""
    graded = {"analysis": "main", "measure": "OR", "studies": 2, "start": "low (not randomized)"}
    domains = {"risk_of_bias": 0, "inconsistency": 0, "indirectness": -1, "imprecision": -2}
    grade = graded | domains | {"publication_bias": 0, "certainty": "very low"}
    grade |= {"reason": "serious bias; I2 0%; windows differ; limits hold 1 and few events; too few studies"}
    claim = {"study": "Rosa 2018", "source": "Arq Neuropsiquiatr 2018;76:361-366", "note": ""}
    audit = [
        claim | {"claim": "number of studies", "printed": "6", "implied": "4", "verdict": "disagrees"},
        claim | {"claim": "p", "printed": "0.003", "implied": "0.002842", "verdict": "agrees"}
        | {"implied_lower": 0.00188, "implied_upper": 0.00418},
        claim | {"claim": "cost", "printed": "87,000", "implied": "87000", "verdict": "agrees"}
        | {"implied_lower": 86250, "implied_upper": 87750},
        claim | {"claim": "controls", "printed": "12/18", "implied": "same_women", "verdict": "disagrees"},
        claim | {"claim": "free of relapse", "printed": "81.5", "verdict": "cannot be checked"},
    ]  # fmt: skip
    return {
        "evidence_studies": released("evidence_studies", ivig_studies()),
        "evidence_pooled": released("evidence_pooled", ivig_pooled()),
        "evidence_grade": released("evidence_grade", [grade]),
        "evidence_audit": released("evidence_audit", audit),
    }


def cost_and_safety_tables():
    """Return the tables of doses, adverse events and cost."""
    course = {"grams": 60.0, "price_per_gram": 100.0, "cost_per_course": 6000.0, "currency": "USD"}
    needed = {"women": 112, "relapsed_treated": 16, "relapsed_untreated": 16, "source": "the plan's price"}
    benefit = {"nnt": 10.0, "cost_per_relapse_avoided": 60000.0, "lower": 33333.0, "upper": 300000.0}
    cost = [
        {"scenario": "plan", **course, **needed, **benefit, "form": "benefit", **OK},
        {"scenario": "doses_given", **course, **needed, **EMPTY},
        {"scenario": "published:Rosa 2018", "cost_per_course": 15000.0, "nnt": 5.8, **OK,
         "cost_per_relapse_avoided": 87000.0, "source": "a journal", "reason": "printed without limits"},
    ]  # fmt: skip
    event = {"pregnancies": 71, "women": 60, "with_event": 7, "women_with_event": 7, "percent": 9.86}
    limits = {"lower": 4.06, "upper": 19.26, "serious": 0, "women_with_serious": 0}
    safety = [
        {"arm": "treated", "term": "any", **event, **limits, "infusions": 213, "grams": 4200.0, **OK},
        {"arm": "untreated", "term": "headache", "pregnancies": 61, "women": 52, **EMPTY},
        {"arm": "treated", "term": "treated_despite:diabetes", **event, **limits, "not_stated": 9, **OK},
    ]
    dose = {"pregnancies": 71, "women": 60, "infusions": 426, "grams_total": 4260.0, "grams_mean": 60.0}
    doses = [
        {"regimen": "all", **dose, "grams_sd": 3.1, "grams_median": 60.0, "first_day_median": 2.0, **OK},
        {"regimen": "1x6", **dose, **EMPTY},
    ]
    tables = {"cost": cost, "safety": safety, "doses": doses}
    return {name: released(name, rows) for name, rows in tables.items()}


def attrition_table(*rows):
    """Return the flow of two sites of 71 and 61 pregnancies; rows are of pregnancies that are not used."""
    steps = [
        ("submitted", "accepted", 1),
        ("excluded_pregnancy", "no day", 0),
        ("analysed_pregnancy", "seen", 1),
    ]
    sizes = {"all": (132, 112), "north": (71, 60), "south": (61, 52)}
    table = [
        {"site": site, "step": step, "reason": reason, "pregnancies": times * pregnancies}
        | {"women": times * women}
        for site, (pregnancies, women) in sizes.items()
        for step, reason, times in steps
    ]
    return released("attrition", [*rows, *table])


def every_table():
    """Return each released table that the report can show."""
    sites = pd.DataFrame(
        [("north", "all", 71, 60, 71, 1.0, False), ("south", "none", 61, 52, 0, 0.0, False)],
        columns=["site", "policy", "pregnancies", "women", "treated", "share_treated", "suppressed"],
    )
    checks = [
        {"site": "north", "table": "pregnancies", "column": "edss_before", "check": "range"}
        | {"category": "conformance", "rows_checked": 71, "rows_failed": 7, "action": "flagged"}
        | {"status": "pass_with_violations", "suppressed": False}
    ]
    changes = [
        {"site": "all", "what": "release", "before": "2018-12-31-aa", "after": "2019-06-30-bb"},
        {"site": "all", "what": "rate_ratio", "before": "1.52", "after": "1.409", "women": 112},
        {"site": "north", "what": "data_cut", "before": "2018-12-31", "after": "2019-06-30"},
        {"site": "north", "what": "pregnancies", "before": "60", "after": "71"},
        {"site": "north", "what": "pregnancies_added", "after": "11"},
        {"site": "north", "what": "pregnancies_gone", "suppressed": True},
    ]
    return {
        "attrition": attrition_table(),
        "changes": released("changes", changes),
        "baseline": baseline_table(),
        "data_quality": released("data_quality", checks),
        "identifiability": sites,
        "estimability": estimability_table(),
        "relapse_rates": rate_table(),
        "rate_ratios": ratios(ratio((1.5, 0.7, 3.2, 0.0002), primary=False, model="poisson")),
        "precision": precision_table(),
        "longitudinal": longitudinal_table(),
        **survival_tables(),
        "predictors": predictor_table(),
        "predictability": predictability_table(),
        "sites": site_table(),
        "balance": balance_table(),
        "sensitivity": sensitivity_table(),
        "dispersion": dispersion_table(),
        **evidence_tables(),
        **cost_and_safety_tables(),
    }
