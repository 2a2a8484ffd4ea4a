"""Words for the names and numbers of the released tables, the same in tables, figures and sentences."""

from typing import Any

import pandas as pd

DASH = "–"
WITHHELD = "withheld"
UNANSWERED = ("not_estimable", "not_converged")
# Why a study with centres that keep their rows has no answer to some questions.
NEEDS_ROWS = "needs the rows of every site, and some keep theirs"

ARMS = {"treated": "Treated", "untreated": "Untreated", "all": "All", "difference": "SMD"}
PERIODS = {
    "second_year_before": "Second year before pregnancy",
    "pre_pregnancy_year": "Year before pregnancy",
    "trimester_1": "Trimester 1",
    "trimester_2": "Trimester 2",
    "trimester_3": "Trimester 3",
    "pregnancy": "Pregnancy",
    "postpartum_q1": "Postpartum quarter 1",
    "postpartum_q2": "Postpartum quarter 2",
    "postpartum_q3": "Postpartum quarter 3",
    "postpartum_q4": "Postpartum quarter 4",
    "postpartum_6_months": "First 6 months after delivery",
    "postpartum_year": "Year after delivery",
}
VARIABLES = {
    "age_at_delivery": "Age at delivery, years",
    "disease_duration_years": "Disease duration, years",
    "edss_before": "EDSS before pregnancy",
    "dmt_before": "DMT before pregnancy",
    "dmt_efficacy": "DMT before pregnancy",
    "relapses_pre_year": "Relapses in the year before pregnancy",
    "relapses_pregnancy": "Relapses in pregnancy",
    "relapses_post_year": "Relapses in the year after delivery",
    "ivig": "IVIG after delivery",
    "dmt_restart": "Restart of a DMT (time-varying)",
    "dmt_washout_days": "DMT washout before pregnancy, days",
    "all_but_ivig": "All but IVIG",
    "parity": "Earlier births",
    "assisted_reproduction": "Assisted reproduction",
    "washout_days": "DMT washout before pregnancy, days",
    "delivery_year": "Year of delivery",
    "gestation_days": "Gestation, days",
}
MODELS = {
    "poisson": "Poisson",
    "negative_binomial": "Negative binomial",
    "gee_poisson": "GEE Poisson, exchangeable",
    "exact_poisson": "Exact conditional Poisson",
    "exact_mid_p": "Exact conditional Poisson, mid-p",
    "firth_poisson": "Firth-penalised Poisson",
    "mixed_poisson": "Mixed Poisson",
    "cox": "Cox",
    "univariable": "Each alone (univariable)",
    "multivariable": "All together (multivariable)",
}
COVARIANCES = {
    "model": "model-based",
    "cluster_robust": "clustered by woman",
    "cluster_robust_cr2": "clustered by woman, CR2",
    "jackknife": "jackknife by woman",
    "profile": "profile likelihood",
    "none": "",
}
ANALYSES = {
    "exact_mid_p": "Exact, mid-p",
    "firth": "Firth's penalised likelihood",
    "iptw": "Inverse-probability weighted",
    "overlap": "Overlap weighted",
    "g_computation": "G-computation",
    "negative_control": "Negative control",
    "policy": "By policy",
    "landmark_30": "Landmark at day 30",
}
# What is compared over the whole course, beside contrasts of periods and of arms.
TERMS = {
    "difference_in_differences": "Year after over year before",
    "pre_trend": "Pre-trend: year before over the year before that",
}
METHODS = {
    "cox": "Cox, hazard ratio",
    "cox_by_site": "Cox within sites, hazard ratio",
    "log_rank": "Log-rank, χ²",
    "rmst_difference": "Difference of restricted means, days",
    "proportional_hazards": "Proportional hazards, χ²",
}
MEASURES = {
    "concordance": "Concordance",
    "calibration_slope": "Calibration slope",
    "calibration_in_the_large": "Calibration in the large",
}
SCENARIOS = {
    "primary": "Primary analysis",
    "first_pregnancy": "First pregnancy of each woman",
    "complete_follow_up": "Observed for the whole period",
    "no_dmt_before": "No DMT before pregnancy",
    "started_at_day_30": "From day 30 after delivery on",
    "as_treated": "By treatment received",
    "by_policy": "By the sites' policies",
    "censored_at_dmt_restart": "Until a DMT was started again",
    "counts_not_dates": "Counts instead of dated relapses",
    "thirty_day_rule_off": "Every onset a relapse of its own",
    "clone_censor_weight": "Start within 30 days against none by then",
    "covariates:all": "Adjusted for the plan's covariates",
    "multiple_imputation": "The same, missing values imputed",
}
# Scenarios that are made for each covariate, site or shift: what is said before its name.
SCENARIO_KINDS = {
    "covariates": "Adjusted for",
    "leave_out": "Without site",
    "edss_shift_treated": "Imputed EDSS of the treated moved by",
}
LEFT_OUT = "leave_out:"
# Of more sites that are left out in turn a picture shows two.
MOST_SITES_DRAWN = 20
POOLING = {
    "mantel_haenszel": "Mantel-Haenszel",
    "peto": "Peto",
    "inverse_variance": "Inverse variance, common effect",
    "dersimonian_laird": "DerSimonian-Laird",
    "paule_mandel": "Paule-Mandel",
    "reml": "Random effects, REML",
    "exact_conditional": "Exact conditional",
    "wald": "",
    "exact": "",
    "hartung_knapp": "Hartung-Knapp",
}
ZERO_CELLS = {
    "none": "",
    "half": "½ at zero cells",
    "half_in_pool": "½ at zero cells, also in the pool",
    "excluded": "without zero-cell studies",
}
POOLS = {
    "all": "Every row of the sheet",
    "main": "Main pool",
    "with_registry": "Main pool with this registry",
    "leave_out": "Main pool without",
    "cumulative": "Up to",
}
POLICIES = {"all": "to every woman", "none": "to no woman", "individual": "by choice"}
STATUSES = {
    "ok": "",
    "pass_with_violations": "passed with violations",
    "pass": "passed",
    "fail": "failed",
}
TESTS = {
    "pearson": "Pearson χ²",
    "cameron_trivedi": "Cameron-Trivedi, NB2 form, one-sided",
    "likelihood_ratio": "Likelihood ratio, NB against Poisson",
    "zeros": "Pregnancies without a relapse",
    "frequency_0": "Pregnancies with 0 relapses",
    "frequency_1": "Pregnancies with 1 relapse",
    "frequency_2": "Pregnancies with 2 relapses",
    "frequency_1_or_more": "Pregnancies with 1 or more relapses",
    "frequency_2_or_more": "Pregnancies with 2 or more relapses",
    "frequency_3_or_more": "Pregnancies with 3 or more relapses",
}


def is_missing(value: Any) -> bool:
    """Say whether a cell of a released table is empty."""
    return bool(pd.isna(value)) or value == ""


def text(value: Any) -> str:
    """Return a cell as text: "" where it is empty, a whole number without decimals."""
    if is_missing(value):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def joined(*remarks: str | None) -> str:
    """Return remarks one after the other, leaving out those that say nothing."""
    return "; ".join(filter(None, remarks))


def words(name: Any, labels: dict[str, str]) -> str:
    """Return the label of a name of the tables, or the name itself made readable."""
    plain = text(name)
    readable = plain.replace("_", " ")
    return labels.get(plain, readable[:1].upper() + readable[1:])


def names(cell: Any) -> str:
    """Return names joined by `;` (`adjusted_for`) as a list for a sentence, "" for none."""
    listed = [name for name in text(cell).split(";") if name not in ("", "none")]
    return ", ".join(lower_first(words(name, VARIABLES).removesuffix(", years")) for name in listed)


def scenario(name: Any) -> str:
    """Return the label of a sensitivity scenario: `leave_out:north` as `Without site north`."""
    kind, _, rest = text(name).partition(":")
    if text(name) in SCENARIOS or not rest or kind not in SCENARIO_KINDS:
        return words(name, SCENARIOS)
    return f"{SCENARIO_KINDS[kind]} {names(rest) if kind == 'covariates' else rest}"


def drawn_scenarios(sensitivity: pd.DataFrame) -> pd.Series:
    """Say which scenarios are drawn: of many sites left out in turn the lowest and the highest ratio."""
    without = sensitivity["scenario"].str.startswith(LEFT_OUT)
    if without.sum() <= MOST_SITES_DRAWN:
        return pd.Series(True, sensitivity.index)
    ratios = sensitivity.loc[without, "rate_ratio"]
    told = ratios.dropna()
    kept = [told.idxmin(), told.idxmax()] if len(told) else ratios.index[:1]
    return ~without | sensitivity.index.isin(kept)


def study_name(row: Any) -> str:
    """Return a study with its year, once; the registry's own row without."""
    year = text(row["year"])
    named = row.get("registry", False) or year in row["study"]
    return row["study"] if named else f"{row['study']} ({year})"


def pool(name: Any) -> str:
    """Return the label of a pool of studies: `rosa_2018` as `Rosa 2018`, as pooled there."""
    kind, _, rest = text(name).partition(":")
    if rest:
        return f"{POOLS[kind]} {rest}"
    return POOLS.get(kind) or f"{words(kind, {}).title()}, as pooled there"


def lower_first(label: str) -> str:
    """Return a label for use inside a sentence: "Year after delivery" as "year after delivery"."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def fixed(value: Any, digits: int) -> str:
    """Return a number with `digits` decimals, a dash where it is missing."""
    return DASH if is_missing(value) else f"{float(value):.{digits}f}"


def count(value: Any) -> str:
    """Return a count without decimals and with thousands set apart, a dash where it is missing."""
    return DASH if is_missing(value) else f"{round(float(value)):,}"


def people(row: Any) -> str:
    """Return a row's numbers of pregnancies and women; women that nobody counted are left out."""
    shown = {name: WITHHELD if is_withheld(row) else "" for name in ("pregnancies", "women")}
    shown |= {name: count(row[name]) for name in shown if not is_missing(row[name])}
    if set(shown.values()) == {WITHHELD}:
        return WITHHELD
    return ", ".join(f"{number} {name}" for name, number in shown.items() if number)


def p_value(value: Any) -> str:
    """Return a p-value with three decimals, `<0.001` below that, a dash where it is missing."""
    if is_missing(value):
        return DASH
    if float(value) < 0.001:
        return "<0.001"
    # A p-value just below 0.05 is not printed as 0.050.
    return f"{float(value):.4f}" if 0.0495 <= float(value) < 0.05 else f"{float(value):.3f}"


def p_phrase(value: Any) -> str:
    """Return a p-value for a sentence: `p = 0.272` or `p < 0.001`."""
    printed = p_value(value)
    return f"p < {printed[1:]}" if printed.startswith("<") else f"p = {printed}"


def interval(lower: Any, upper: Any, digits: int = 3) -> str:
    """Return limits as `0.764 to 2.598`, a dash for a limit that is missing."""
    return f"{fixed(lower, digits)} to {fixed(upper, digits)}"


def estimate(value: Any, lower: Any, upper: Any, digits: int = 3) -> str:
    """Return an estimate with its limits as `1.409 (0.764 to 2.598)`, a dash where it is missing."""
    if is_missing(value):
        return DASH
    if is_missing(lower) and is_missing(upper):
        return f"{fixed(value, digits)} (no limits)"
    return f"{fixed(value, digits)} ({interval(lower, upper, digits)})"


def percent(share: float) -> str:
    """Return a share of 1 in whole percent; one that is not all is not rounded to 100%."""
    digits = 1 if 0.995 <= share < 1 else 0
    return f"{min(100 * share, 99.9) if digits else 100 * share:.{digits}f}%"


def confidence_label(confidence: float) -> str:
    """Return the name of an interval with this coverage (0 to 1), such as `95% CI`."""
    return f"{100 * confidence:g}% CI"


def is_withheld(row: Any) -> bool:
    """Say whether disclosure control took a cell of this row."""
    return bool(row.get("suppressed", False))


def is_unanswered(row: Any) -> bool:
    """Say whether a row of estimates has no numbers because the data hold no answer."""
    return row.get("status", "") in UNANSWERED


def why_empty(row: Any) -> str:
    """Say in words why a row of estimates holds no number, "" where nothing is to be said."""
    if is_unanswered(row):
        reason = text(row["reason"]).rstrip(". ")
        return ": ".join(filter(None, (text(row["status"]).replace("_", " "), reason)))
    return WITHHELD if is_withheld(row) else ""


def predictor_label(row: Any) -> str:
    """Return predictor, level and reference of a row of `predictors` as one label."""
    name, level, reference = words(row["predictor"], VARIABLES), text(row["level"]), text(row["reference"])
    if level and reference:
        return f"{name}: {level} against {reference}"
    return f"{name}: {level}" if level else name
