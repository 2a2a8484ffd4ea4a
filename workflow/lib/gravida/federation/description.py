"""What a registry is: its women, rates and sites, how its counts vary, and what its design can answer."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from gravida.statistics.contrasts import Contrasts


@dataclass(frozen=True, slots=True)
class Description:
    """The tables by name, and what leads every output as plain data."""

    tables: Mapping[str, pd.DataFrame]
    verdict: Mapping[str, object]


def describe_registry(contrasts: Contrasts, year: int, min_women: int) -> Description:
    """Describe the rows at hand and what centres that keep theirs have answered.

    Nothing here depends on covariates.

    Parameters
    ----------
    contrasts : Contrasts
        Of the outcome period, as `study.contrasts_of` returns them.
    year : int
        Of the latest data cut.
    min_women : int
        The fewest women of a frequency, and who relapse in the rest of a year.

    Returns
    -------
    Description
        With baseline, relapse_rates, dispersion, sites, identifiability and registry_counts.

    Raises
    ------
    Awaiting, Refused
        If a centre that keeps its rows has not answered, or does not.
    """
    describe = _rows if contrasts.rows_at_hand else _sums
    tables = describe(contrasts, year, min_women) | {"identifiability": contrasts.verdict.sites}
    return Description(tables, contrasts.verdict.as_dict())


def _rows(contrasts: Contrasts, year: int, min_women: int) -> dict[str, pd.DataFrame]:
    from gravida.statistics.baseline import describe_baseline
    from gravida.statistics.dispersion import measure_dispersion
    from gravida.statistics.rates import estimate_rates
    from gravida.statistics.registry_counts import count_registry
    from gravida.statistics.sites import estimate_sites

    rows, policies, settings = contrasts.person_time, contrasts.policies, contrasts.settings
    return {
        "baseline": describe_baseline(contrasts.pregnancies),
        "relapse_rates": estimate_rates(rows, settings.confidence),
        "dispersion": measure_dispersion(rows, min_women),
        "sites": estimate_sites(rows, policies, settings.period, settings.confidence),
        "registry_counts": count_registry(rows, policies, year, min_women),
    }


def _sums(contrasts: Contrasts, year: int, min_women: int) -> dict[str, pd.DataFrame]:
    from gravida.federation import pooled_tables
    from gravida.federation.rates import pool_rates

    pool, policies, settings = contrasts.pool, contrasts.policies, contrasts.settings
    return {
        "baseline": pooled_tables.pool_baseline(pool),
        "relapse_rates": pool_rates(pool, settings.confidence),
        "dispersion": pooled_tables.pool_dispersion(pool, min_women),
        "sites": pooled_tables.pool_sites(pool, policies, settings.period, settings.confidence),
        "registry_counts": pooled_tables.pool_registry(contrasts, year),
    }
