"""Weights that make the arms alike, where treatment is an individual choice.

No weight can balance arms that a site's policy makes: there the chance of the other treatment is 0. So only
sites that leave treatment to choice and have both arms enter, on complete cases of the covariates.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import expit

from gravida.errors import NotConverged, NotEstimable
from gravida.models.inference import RatioEstimate, wald
from gravida.models.logistic import fit_logistic
from gravida.statistics.collinearity import independent_columns
from gravida.statistics.comparison import one_rate
from gravida.statistics.contrasts import Contrasts, joined
from gravida.statistics.design import Column, columns_each, cut_columns, site_columns

# A chance of treatment this near 0 or 1 is no chance of the other arm.
NEAR_CERTAIN = 1e-3
BY_POLICY = "treatment follows the sites' policies: no woman had a chance of the other arm"
METHODS = ("iptw", "overlap")
COLUMNS = [
    *("covariate", "level", "smd_unweighted", "smd_iptw", "smd_overlap"),
    *("pregnancies", "women", "women_smallest_group", "status", "reason"),
]


@dataclass(frozen=True)
class Propensity:
    """The chance of treatment given covariates.

    Attributes
    ----------
    rows : DataFrame
        Person-time of n pregnancies in the outcome period.
    covariates : tuple of Column
        What the chance depends on, sites aside; n values each.
    chance : ndarray, shape (n,)
        Of treatment, by logistic regression on sites and covariates.
    adjusted_for : tuple of str
        Names of sites and covariates in the model.
    note : str
        What is to be said beside what rests on it.
    penalised : bool
        Whether it took Firth's logistic regression.
    """

    rows: pd.DataFrame
    covariates: tuple[Column, ...]
    chance: np.ndarray
    adjusted_for: tuple[str, ...]
    note: str = ""
    penalised: bool = False

    @cached_property
    def treated(self) -> np.ndarray:
        """1 for treated pregnancies, shape (n,)."""
        return (self.rows["arm"] == "treated").to_numpy(float)

    def weights(self, method: str) -> np.ndarray:
        """Return the weights, shape (n,).

        `iptw`: the inverse of the chance of the treatment received, which makes both arms like all
        pregnancies. `overlap`: the chance of the other treatment, which makes them like those whose treatment
        was most open (Li, Morgan and Zaslavsky 2018, Journal of the American Statistical Association
        113:390-400).
        """
        own = np.where(self.treated == 1, self.chance, 1 - self.chance)
        return 1 / own if method == "iptw" else 1 - own

    def effective_sample_size(self, method: str) -> tuple[float, float]:
        """Return (sum w)^2 / sum w^2 of the treated and of the untreated (Kish)."""
        weights = self.weights(method)
        arms = (weights[self.treated == 1], weights[self.treated == 0])
        return tuple(float(arm.sum() ** 2 / (arm**2).sum()) for arm in arms)


def fit_propensity(contrasts: Contrasts) -> Propensity:
    """Fit the chance of treatment to the plan's covariates and, where there are several, to sites.

    Fitted once for the same contrasts.

    Raises
    ------
    NotEstimable
        If treatment is a policy, or the covariates decide it.
    NotConverged
        If the fit does not settle.
    """
    # As a cached property would: balance, rate ratios and precision rest on one fit.
    known = vars(contrasts)
    if "propensity" not in known:
        known["propensity"] = _propensity(contrasts)
    return known["propensity"]


def _propensity(contrasts: Contrasts) -> Propensity:
    if not contrasts.choice:
        raise NotEstimable(BY_POLICY)
    rows = contrasts.rows[contrasts.rows["site"].isin(contrasts.verdict.within_sites)]
    rows = rows.reset_index(drop=True)
    relapses = rows["relapses"].to_numpy()
    columns = columns_each(contrasts.pregnancies, contrasts.settings.covariates, rows, relapses)
    given = [column for column in columns if not column.coded.missing.all()]
    stays = np.all([np.ones(len(rows), dtype=bool), *(~column.coded.missing for column in given)], axis=0)
    complete = rows[stays]
    stays &= (complete.groupby("site", observed=True)["arm"].nunique().reindex(rows["site"]) == 2).to_numpy()
    if not stays.any():
        raise NotEstimable("no site has both arms among the complete cases")
    return _fit(rows, stays, columns, given)


def _fit(rows: pd.DataFrame, stays: np.ndarray, columns: list[Column], given: list[Column]) -> Propensity:
    """Return the propensity of the rows that stay, on those of the columns that can be told apart."""
    lost = rows["site"].nunique() - rows.loc[stays, "site"].nunique()
    kept = rows[stays].reset_index(drop=True)
    sites = site_columns(kept["site"], np.ones(len(kept)))
    cut = [*sites, *cut_columns(given, stays)]
    design = np.column_stack([np.ones(len(kept)), *(column.data for column in cut)])
    adds = independent_columns(design)
    chance, penalised = _chance(design[:, adds], (kept["arm"] == "treated").to_numpy(float))
    used = [column for column, add in zip(cut, adds[1:], strict=True) if add]
    left_out = {column.predictor for column in columns} - {column.predictor for column in used}
    notes = (
        f"left out: {', '.join(sorted(left_out))}" if left_out else "",
        f"{lost} sites have one arm among the complete cases" if lost else "",
        "chance of treatment by Firth's logistic regression: a covariate decides it" if penalised else "",
    )
    covariates = tuple(column for column in used if column.predictor != "site")
    names = tuple(dict.fromkeys(column.predictor for column in used))
    return Propensity(kept, covariates, chance, names, joined(*notes), penalised)


def _chance(design: np.ndarray, treated: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the chance of treatment, shape (n,), and whether it took Firth's model."""
    penalised = False
    try:
        beta, _ = fit_logistic(design, treated)
    except NotConverged:
        beta, _ = fit_logistic(design, treated, penalised=True)
        penalised = True
    chance = expit(design @ beta)
    if chance.min() < NEAR_CERTAIN or chance.max() > 1 - NEAR_CERTAIN:
        raise NotEstimable("the covariates decide who is treated: some had no chance of the other arm")
    return chance, penalised


def weighted_rate_ratio(
    rows: pd.DataFrame, numerator: np.ndarray, weights: np.ndarray, confidence: float
) -> RatioEstimate:
    """Return the ratio of the arms' weighted rates, clustered by woman (CR1S).

    The weights are taken as known, which for inverse-probability weights makes the limits too wide rather
    than too narrow (Lunceford and Davidian 2004, Statistics in Medicine 23:2937-2960); for overlap weights it
    may err to either side.

    Parameters
    ----------
    rows : DataFrame
        Person-time of n pregnancies.
    numerator : ndarray of bool, shape (n,)
        The arm above the line.
    weights : ndarray, shape (n,)
    confidence : float

    Raises
    ------
    NotEstimable
        If an arm has no relapse or there are too few women.
    """
    counts, years = rows["relapses"].to_numpy(float), rows["person_years"].to_numpy(float)
    women, n = rows["woman"].nunique(), len(rows)
    influence = np.zeros(n)
    log_rates = []
    for arm, sign in ((numerator, 1.0), (~numerator, -1.0)):
        relapses = float((weights * counts)[arm].sum())
        if not relapses:
            raise NotEstimable("an arm has no relapse: the ratio is 0 or infinite")
        if rows.loc[arm, "woman"].nunique() < 2:
            raise NotEstimable("clustered errors need 2 women in each arm")
        if one_rate(rows[arm]):
            raise NotEstimable("all women of an arm have one rate: clustered errors would be 0")
        rate = relapses / float((weights * years)[arm].sum())
        influence[arm] = sign * (weights * (counts - rate * years))[arm] / relapses
        log_rates.append(np.log(rate))
    by_woman = pd.Series(influence).groupby(rows["woman"].to_numpy()).sum().to_numpy()
    factor = women / (women - 1) * (n - 1) / (n - 2)
    return wald(log_rates[0] - log_rates[1], factor * float(by_woman @ by_woman), confidence)


def describe_balance(contrasts: Contrasts) -> pd.DataFrame:
    """Return standardised differences of the covariates between the arms, before and after weighting.

    Absolute difference of means (of shares for a level) over the unweighted pooled standard deviation, so
    that before and after have one scale (Austin 2009, Statistics in Medicine 28:3083-3107).

    Parameters
    ----------
    contrasts : Contrasts
        Of the outcome period.
    """
    try:
        propensity = fit_propensity(contrasts)
    except NotEstimable as obstacle:
        counts = contrasts.crude().counts
        size = {"pregnancies": sum(side.pregnancies for side in counts.sides), "women": counts.women}
        why = {"status": obstacle.status, "reason": str(obstacle)}
        return pd.DataFrame(
            [{"covariate": name, **size, **why} for name in contrasts.settings.covariates]
        ).reindex(columns=COLUMNS)
    rows = propensity.rows
    size = {"pregnancies": len(rows), "women": rows["woman"].nunique(), "status": "ok", "reason": ""}
    even = np.ones(len(rows))
    methods = {"smd_unweighted": even, **{f"smd_{name}": propensity.weights(name) for name in METHODS}}
    return pd.DataFrame(
        [
            {
                "covariate": column.predictor,
                "level": column.level,
                "women_smallest_group": _smallest_group(column, rows),
                **{
                    name: standardised_difference(column, propensity.treated, w)
                    for name, w in methods.items()
                },
                **size,
            }
            for column in propensity.covariates
        ]
    ).reindex(columns=COLUMNS)


def _smallest_group(column: Column, rows: pd.DataFrame) -> int:
    """Return the fewest women, if any, of an arm with or without the level; of an arm if there is none."""
    inside = column.coded.where(1.0) if column.reference else np.ones(len(rows), dtype=bool)
    groups = rows.groupby([rows["arm"], inside], observed=True)["woman"].nunique()
    return int(groups.min())


def standardised_difference(column: Column, treated: np.ndarray, weights: np.ndarray) -> float | None:
    """Return the absolute weighted difference over the unweighted pooled SD; None where that is 0."""
    arms = [treated == 1, treated == 0]
    means = [float(np.average(column.data[arm], weights=weights[arm])) for arm in arms]
    if column.reference:
        shares = [float(column.data[arm].mean()) for arm in arms]
        variances = [share * (1 - share) for share in shares]
    else:
        variances = [float(column.data[arm].var(ddof=1)) if arm.sum() > 1 else 0.0 for arm in arms]
    spread = float(np.sqrt(sum(variances) / 2))
    return abs(means[0] - means[1]) / spread if spread > 0 else None
