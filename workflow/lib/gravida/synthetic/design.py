"""What a synthetic registry is drawn from: the truth that an analysis of it should find."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from gravida.errors import ConfigurationError

POLICIES = ("all", "none", "individual")

# Relapses a year without treatment, by part of the course. The shape is the published one (a low third
# trimester, a peak in the first postpartum quarter, near the old level in the fourth); the level is that of
# a cohort of 116 pregnancies with 0, 1, 2, 3 or more postpartum relapses in 85, 24, 5 and 2 of them.
RATES = MappingProxyType(
    {
        "second_year_before": 0.36,
        "pre_pregnancy_year": 0.36,
        "trimester_1": 0.26,
        "trimester_2": 0.20,
        "trimester_3": 0.11,
        "postpartum_q1": 0.60,
        "postpartum_q2": 0.40,
        "postpartum_q3": 0.33,
        "postpartum_q4": 0.32,
    }
)

# Share of empty cells in the columns where an empty cell only means "not known". `outcome` is not among
# them: empty would mean a live birth.
MISSING = MappingProxyType(
    {
        "gestation_days": 0.02,
        "ms_diagnosis_year": 0.01,
        "edss_before": 0.03,
        "dmt_stop_day": 0.05,
        "relapses_pre_year": 0.01,
        "relapses_pregnancy": 0.01,
        "breastfeeding": 0.05,
        "dmt_restart_day": 0.03,
        "steroid_prophylaxis": 0.02,
        "visits_post_year": 0.05,
        "parity": 0.02,
        "assisted_reproduction": 0.03,
        "iga_deficiency": 0.10,
        "renal_disease": 0.02,
        "heart_disease": 0.02,
        "diabetes": 0.02,
        "steroids": 0.03,
        "confirmed": 0.02,
        "severity": 0.08,
        "grams_per_kg": 0.10,
    }
)


@dataclass(frozen=True, slots=True)
class SiteDesign:
    """One site: its size, its policy and how its background differs from the registry's.

    Attributes
    ----------
    name : str
        Also the key of the site's random numbers: other sites do not change its rows.
    policy : {"all", "none", "individual"}
        Whether immunoglobulin is given after every delivery, after none, or by choice.
    pregnancies : int
    women : int, optional
        Left out, 112 women for every 132 pregnancies.
    treated_share : float
        Probability of treatment under the policy "individual".
    rate_effect : float
        Log rate ratio of this site in every period.
    postpartum_effect : float
        Further log rate ratio after delivery alone: a shock that no difference-in-differences can see.
    dated : bool
        Whether the site sends the day of each relapse.
    """

    name: str
    policy: str
    pregnancies: int
    women: int | None = None
    treated_share: float = 0.5
    rate_effect: float = 0.0
    postpartum_effect: float = 0.0
    dated: bool = True

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise ConfigurationError(f"synthetic site {self.name}: the policy must be one of {POLICIES}")
        if self.pregnancies < 1 or not 1 <= self.number_of_women <= self.pregnancies:
            raise ConfigurationError(f"synthetic site {self.name}: needs 1 <= women <= pregnancies")

    @property
    def number_of_women(self) -> int:
        """Women of the site."""
        return max(1, round(self.pregnancies * 112 / 132)) if self.women is None else self.women


@dataclass(frozen=True, slots=True)
class RegistryDesign:
    """The truth of a synthetic registry.

    Attributes
    ----------
    sites : tuple of SiteDesign
    seed : int
    rate_ratio : float
        Untreated over treated, constant over the postpartum year.
    rates : mapping of str to float
        Untreated relapses a year in each part of the course (the keys of `RATES`).
    alpha : float
        Variance of the gamma frailty (mean 1) of each pregnancy, shared by its periods: the dispersion of
        the negative binomial (NB2) count of any one period. 0 is Poisson.
    woman_alpha : float
        Variance of a further gamma frailty that all pregnancies of a woman share.
    first_year, last_year : int
        Years of delivery.
    data_cut : date
        Deliveries are at least 30 days before it, and nothing is observed from it on.
    lost_to_follow_up : float
        Share of pregnancies whose observation ends on a day between 30 and 364.
    conceives_again : float
        Share of pregnancies with a next conception within the year.
    shortest_interval : int
        Days from a delivery to the next conception, at least.
    two_years_before : float
        Share of pregnancies observed from 730 instead of 365 days before the last menstrual period.
    close_onsets : float
        Share of relapses reported once more 1 to 29 days later; all other onsets of a pregnancy lie at
        least 30 days apart.
    missing : mapping of str to float
        Share of cells left empty, completely at random, by column (keys of `MISSING`).
    """

    sites: tuple[SiteDesign, ...]
    seed: int = 20191111
    rate_ratio: float = 1.4
    rates: Mapping[str, float] = field(default_factory=lambda: RATES)
    alpha: float = 0.7
    woman_alpha: float = 0.0
    first_year: int = 2008
    last_year: int = 2017
    data_cut: date = date(2019, 6, 30)
    lost_to_follow_up: float = 0.05
    conceives_again: float = 0.04
    shortest_interval: int = 30
    two_years_before: float = 0.5
    close_onsets: float = 0.0
    missing: Mapping[str, float] = field(default_factory=lambda: MISSING)

    def __post_init__(self) -> None:
        names = [site.name for site in self.sites]
        if len(set(names)) < len(names):
            raise ConfigurationError("synthetic registry: a site is listed twice")
        if set(self.rates) != set(RATES):
            raise ConfigurationError(f"synthetic registry: rates need exactly {', '.join(RATES)}")
        if unknown := sorted(set(self.missing) - set(MISSING)):
            raise ConfigurationError(
                f"synthetic registry: {', '.join(unknown)} cannot be left empty at random"
            )
        if self.shortest_interval < 30:
            raise ConfigurationError("synthetic registry: shortest_interval must be 30 days or more")
