"""Words for scenarios and methods, the same in picture and page."""

from gravida.calibration.scenarios import SCENARIOS, Scenario

METHODS = {
    "primary": "Primary analysis",
    "poisson_cr2": "Poisson, CR2",
    "poisson_jackknife": "Poisson, jackknife",
    "gee_poisson": "GEE Poisson",
    "poisson_model": "Poisson, model-based",
    "exact": "Exact Poisson",
    "difference_in_differences": "Difference-in-differences",
    "site_rates": "t of site rates",
}


def describe(scenario: Scenario) -> list[str]:
    """Return a scenario in a few words: its sites, what is true of women, and what is true of sites."""
    sites = "sites by choice" if scenario.choice else "policy sites"
    ratio = "no effect" if scenario.rate_ratio == 1 else f"ratio {scenario.rate_ratio:g}"
    shock = [f"site shocks of SD {scenario.shock:g}"] if scenario.shock else []
    return [f"{len(scenario.sites)} {sites}", f"alpha {scenario.alpha:g}, {ratio}", *shock]


SCENARIO_WORDS = {scenario.name: describe(scenario) for scenario in SCENARIOS}
