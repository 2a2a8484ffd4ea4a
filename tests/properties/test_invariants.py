"""What must hold for any data: sums over batches, the 30-day rule, the gate, exact limits."""

import numpy as np
import pandas as pd
from gravida.disclosure import release_tables
from gravida.models.exact import exact_rate_ratio, garwood
from gravida.models.inference import holm
from gravida.models.kernel import Batch, negative_binomial, poisson, total
from gravida.periods import PERIODS, Window, count_onsets, period_windows, retain_separate_onsets
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.disclosure.hand_made import PARTS, Site, relapse_rates

# The same examples on every machine and every run.
steady = settings(derandomize=True, deadline=None, max_examples=60)
SUMS = {
    "pregnancy": tuple(f"trimester_{part}" for part in (1, 2, 3)),
    "postpartum_6_months": ("postpartum_q1", "postpartum_q2"),
    "postpartum_year": tuple(f"postpartum_q{part}" for part in (1, 2, 3, 4)),
}


@steady
@given(
    counts=st.lists(st.integers(0, 30), min_size=2, max_size=40),
    cut=st.integers(1, 39),
    log_alpha=st.floats(-30, 3),
)
def test_sums_do_not_depend_on_the_batches(counts: list[int], cut: int, log_alpha: float) -> None:
    n = len(counts)
    batch = Batch(
        np.array(counts, dtype=float),
        np.column_stack([np.ones(n), np.arange(n) % 3]),
        np.log(0.2 + np.arange(n) % 5 / 5),
        np.arange(n) // 2,
    )
    parts = [part for part in (batch.take(slice(0, cut)), batch.take(slice(cut, n))) if part.counts.size]
    for family, at in ((poisson, [-0.5, 0.2]), (negative_binomial, [-0.5, 0.2, log_alpha])):
        whole, halves = total(family, [batch], np.array(at)), total(family, parts, np.array(at))
        assert np.allclose(whole.score, halves.score, rtol=1e-9, atol=1e-9)
        assert np.allclose(whole.information, halves.information, rtol=1e-9, atol=1e-9)
        assert np.isclose(whole.log_likelihood, halves.log_likelihood, rtol=1e-12)
        assert whole.pregnancies == halves.pregnancies == n


@steady
@given(days=st.lists(st.integers(-700, 364), max_size=30), separation=st.integers(0, 90))
def test_retained_onsets_are_apart_and_explain_the_others(days: list[int], separation: int) -> None:
    day = np.array(days, dtype=np.int64)
    kept = retain_separate_onsets(np.zeros(day.size, dtype=np.int64), day, separation)
    retained = np.sort(day[kept])
    assert (np.diff(retained) >= separation).all()
    for dropped in day[~kept]:
        before = retained[retained <= dropped]
        assert before.size and dropped - before.max() < separation


@steady
@given(
    gestation=st.integers(140, 308),
    start=st.integers(-800, 300),
    length=st.integers(0, 1200),
    onset=st.integers(-800, 400),
)
def test_days_and_onsets_of_the_parts_are_those_of_the_wholes(
    gestation: int, start: int, length: int, onset: int
) -> None:
    observed = Window(np.array([start]), np.array([start + length]))
    windows = period_windows(np.array([gestation]))
    days = {period: int(windows[period].days_within(observed)[0]) for period in PERIODS}
    found = {
        period: int(count_onsets(np.array([0]), np.array([onset]), windows[period])[0]) for period in PERIODS
    }
    for measure in (days, found):
        assert sum(measure[f"trimester_{part}"] for part in (1, 2, 3)) == measure["pregnancy"]
        assert sum(measure[f"postpartum_q{part}"] for part in (1, 2, 3, 4)) == measure["postpartum_year"]
    assert sum(found[period] for period in ("pre_pregnancy_year", "pregnancy", "postpartum_year")) <= 1


@steady
@given(events=st.integers(0, 400), years=st.floats(0.01, 1e4))
def test_garwood_limits_leave_half_of_alpha_in_each_tail(events: int, years: float) -> None:
    lower, upper = garwood(np.array([events]), np.array([years]), 0.95)
    assert np.isclose(stats.poisson.cdf(events, upper[0] * years), 0.025, rtol=1e-6)
    if events:
        assert np.isclose(stats.poisson.sf(events - 1, lower[0] * years), 0.025, rtol=1e-6)


@steady
@given(
    first=st.integers(0, 60),
    second=st.integers(0, 60),
    years=st.tuples(st.floats(0.5, 500), st.floats(0.5, 500)),
)
def test_exact_p_and_limits_agree(first: int, second: int, years: tuple[float, float]) -> None:
    if first + second == 0:
        return
    exact = exact_rate_ratio((first, second), years, 0.95)
    covers_one = exact.lower <= 1 and (exact.upper is None or exact.upper >= 1)
    # Not where p is 0.05 to the last digits.
    assert abs(exact.p_value - 0.05) < 1e-9 or covers_one == (exact.p_value > 0.05)
    turned = exact_rate_ratio((second, first), years[::-1], 0.95)
    assert np.isclose(turned.p_value, exact.p_value, rtol=1e-9)


COUNTS = st.tuples(*[st.integers(0, 12)] * len(PARTS))


@steady
@given(
    sites=st.lists(st.tuples(COUNTS, st.integers(1, 40)), min_size=2, max_size=4),
    min_women=st.integers(5, 11),
)
def test_no_released_count_is_small(sites: list[tuple[tuple[int, ...], int]], min_women: int) -> None:
    policies = ("all", "none", "all", "none")
    table = relapse_rates(
        *(Site(f"s{place}", policies[place], *site) for place, site in enumerate(sites)),
    )
    out = release_tables({"relapse_rates": table}, min_women).tables["relapse_rates"]
    for (_, row), (_, full) in zip(out.iterrows(), table.iterrows(), strict=True):
        for column in ("pregnancies", "women", "relapses"):
            assert pd.isna(row[column]) or row[column] == 0 or row[column] >= min_women
        small = any(0 < full[column] < min_women for column in ("pregnancies", "women", "relapses"))
        # Other rows are withheld to protect these, but none of these leaves.
        assert row["suppressed"] or not small
        assert pd.isna(row["rate"]) or not small
        assert row["suppressed"] == any(pd.isna(row[column]) for column in full.index if column in row)


@steady
@given(first=COUNTS, second=COUNTS, min_women=st.integers(5, 11))
def test_no_small_count_is_the_rest_of_a_sum(
    first: tuple[int, ...], second: tuple[int, ...], min_women: int
) -> None:
    """Of one site an arm; the arms make up all, the quarters the year, the trimesters the pregnancy."""
    table = relapse_rates(Site("s0", "all", first), Site("s1", "none", second))
    out = release_tables({"relapse_rates": table}, min_women).tables["relapse_rates"]
    arms = out[out["group"] == "arm"].pivot_table(
        index="arm", columns="period", values="relapses", dropna=False, aggfunc="first"
    )
    rests = [arms.loc["all"] - arms.loc[arm] for arm in ("treated", "untreated")]
    for whole, parts in SUMS.items():
        lines = arms[list(parts)]
        rests += [arms[whole] - lines.drop(columns=part).sum(axis=1, skipna=False) for part in parts]
    for rest in rests:
        assert not ((rest > 0) & (rest < min_women)).any()


@steady
@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_never_lowers(p_values: list[float]) -> None:
    raw = np.array(p_values)
    adjusted = holm(raw)
    assert (adjusted >= raw).all() and (adjusted <= 1).all()
    order = np.argsort(raw, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
