"""The truths from which studies are simulated, each with its name."""

import math
from dataclasses import dataclass

from gravida.synthetic.design import SiteDesign
from gravida.synthetic.published import RATES, TREATED, UNTREATED

# Relapses a year after delivery over both arms: the shipped registry's 42 in 132 pregnancies. Before
# pregnancy it is the registry's own.
RATE_AFTER = 0.32
RATE_BEFORE = RATES["pre_pregnancy_year"]
# How much of a pregnancy's frailty is the woman's, and so the same in her next pregnancy.
SHARED = 0.5
PREGNANCIES = TREATED.pregnancies + UNTREATED.pregnancies
WOMEN = TREATED.number_of_women + UNTREATED.number_of_women
# Dispersion where it is not what a scenario asks about: that of a published cohort of 116 pregnancies with
# 0, 1, 2 and 3 or more relapses in 85, 24, 5 and 2.
USUAL_ALPHA = 0.8
# With fewer sites an analysis of site rates has too few degrees of freedom for its t.
FEWEST_SITES = 4


@dataclass(frozen=True, slots=True)
class Scenario:
    """One truth.

    Attributes
    ----------
    name : str
        As in the tables and in the names of files.
    sites : tuple of SiteDesign
    alpha : float
        Marginal variance of a count of mean mu is ``mu + alpha mu^2``.
    rate_ratio : float
        Untreated over treated in the year after delivery.
    shock : float
        Standard deviation of a site's own normal deviation on the log rate in the year after delivery,
        drawn anew in each replicate.
    """

    name: str
    sites: tuple[SiteDesign, ...]
    alpha: float
    rate_ratio: float = 1.0
    shock: float = 0.0

    @property
    def choice(self) -> bool:
        """Whether treatment is an individual choice: the primary contrast is then within sites."""
        return self.sites[0].policy == "individual"

    @property
    def rates(self) -> dict[str, float]:
        """Relapses a year after delivery by arm; their geometric mean is `RATE_AFTER`."""
        half = math.sqrt(self.rate_ratio)
        return {"untreated": RATE_AFTER * half, "treated": RATE_AFTER / half}

    @property
    def asks_for_sites(self) -> bool:
        """Whether the rates of the sites are compared too: with shocks, or where there are enough sites."""
        return not self.choice and (self.shock > 0 or len(self.sites) >= FEWEST_SITES)


def _equal_sites(count: int, policies: tuple[str, ...]) -> tuple[SiteDesign, ...]:
    """Share the study's pregnancies and women out over sites with these policies in turn."""
    return tuple(
        SiteDesign(
            f"site_{number + 1:02d}",
            policies[number % len(policies)],
            PREGNANCIES * (number + 1) // count - PREGNANCIES * number // count,
            WOMEN * (number + 1) // count - WOMEN * number // count,
        )
        for number in range(count)
    )


PAIR = (TREATED, UNTREATED)
CHOICE = _equal_sites(12, ("individual",))
POLICY = _equal_sites(6, ("all", "none"))

SCENARIOS = (
    Scenario("alpha_0_null", PAIR, 0.0),
    Scenario("alpha_0.5_null", PAIR, 0.5),
    Scenario("alpha_0.8_null", PAIR, 0.8),
    Scenario("alpha_1.5_null", PAIR, 1.5),
    Scenario("alpha_0_ratio_1.5", PAIR, 0.0, 1.5),
    Scenario("alpha_0.5_ratio_1.5", PAIR, 0.5, 1.5),
    Scenario("alpha_0.8_ratio_1.5", PAIR, 0.8, 1.5),
    Scenario("alpha_1.5_ratio_1.5", PAIR, 1.5, 1.5),
    Scenario("choice_12_sites", CHOICE, USUAL_ALPHA),
    Scenario("policy_6_sites", POLICY, USUAL_ALPHA),
    Scenario("shock_0.2", PAIR, USUAL_ALPHA, shock=0.2),
    Scenario("shock_0.3", PAIR, USUAL_ALPHA, shock=0.3),
    # Beyond the twelve of the plan: what an analysis of site rates gives where clustering by woman fails.
    Scenario("policy_6_sites_shock_0.3", POLICY, USUAL_ALPHA, shock=0.3),
)
