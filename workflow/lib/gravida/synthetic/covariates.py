"""What else a registry records of a pregnancy; none of it is tied to the relapses."""

import numpy as np

from gravida.synthetic.timeline import Observation, Timeline

EDSS = (
    (0.0, 0.16),
    (1.0, 0.24),
    (1.5, 0.22),
    (2.0, 0.16),
    (2.5, 0.08),
    (3.0, 0.06),
    (3.5, 0.04),
    (4.0, 0.03),
    (5.0, 0.006),
    (6.0, 0.004),
)
THERAPIES = (
    ("none", 0.26),
    ("interferon_beta", 0.30),
    ("glatiramer_acetate", 0.18),
    ("dimethyl_fumarate", 0.05),
    ("natalizumab", 0.08),
    ("fingolimod", 0.06),
    ("teriflunomide", 0.01),
    ("rituximab", 0.01),
    ("ocrelizumab", 0.01),
    ("cladribine", 0.005),
    ("azathioprine", 0.015),
    ("other", 0.01),
    ("unknown", 0.01),
)
CONTINUED = ("interferon_beta", "glatiramer_acetate", "natalizumab")
CONTINUED_SHARE = 0.15
BREASTFEEDING = (("none", 0.30), ("partial", 0.30), ("exclusive", 0.40))
PARITY = ((0, 0.58), (1, 0.30), (2, 0.10), (3, 0.02))
STILLBIRTH = 0.005
YES = {
    "steroid_prophylaxis": 0.04,
    "assisted_reproduction": 0.05,
    "iga_deficiency": 0.003,
    "renal_disease": 0.005,
    "heart_disease": 0.005,
    "diabetes": 0.01,
}


def draw_covariates(
    timeline: Timeline, observation: Observation, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw disability, therapies, birth and comorbidity, one array a column; nan or None where empty."""
    n = timeline.delivery.size
    stillbirth = rng.random(n) < STILLBIRTH
    breastfeeding = np.where(stillbirth, "none", _choose(BREASTFEEDING, n, rng)).astype(object)
    visits = 1 + rng.poisson(2.0 * np.maximum(observation.end, 1) / 365)
    first_parity = _choose(PARITY, timeline.woman.max() + 1, rng).astype(np.int64)
    return {
        "outcome": np.where(stillbirth, "stillbirth", "live_birth").astype(object),
        "edss_before": _choose(EDSS, n, rng).astype(float),
        "breastfeeding": breastfeeding,
        "visits_post_year": visits,
        "parity": first_parity[timeline.woman] + timeline.rank,
        **_therapies(timeline, observation, breastfeeding, rng),
        **{column: rng.random(n) < share for column, share in YES.items()},
    }


def _therapies(
    timeline: Timeline, observation: Observation, breastfeeding: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw the therapy before pregnancy, its last day, and the return to one after delivery.

    Half are back on a therapy within the year, later where breastfeeding is exclusive.
    """
    n = timeline.delivery.size
    before = _choose(THERAPIES, n, rng)
    continued = np.isin(before, CONTINUED) & (rng.random(n) < CONTINUED_SHARE)
    into_pregnancy = np.minimum(rng.integers(7, 140, n), timeline.gestation - 1)
    washout = np.where(rng.random(n) < 0.4, 0, rng.exponential(120, n)).astype(np.int64)
    stop = -timeline.gestation + np.where(continued, into_pregnancy, -1 - washout)
    restart = rng.gamma(3.0, np.where(breastfeeding == "exclusive", 80, 45), n).astype(np.int64)
    back = (rng.random(n) < 0.6) & (restart < observation.end)
    return {
        "dmt_before": before,
        "dmt_stop_day": np.where(np.isin(before, ("none", "unknown")), np.nan, stop),
        "dmt_restart_day": np.where(back, restart, np.nan),
        "dmt_in_pregnancy": np.where(continued, before, None),
    }


def _choose(weights: tuple, n: int, rng: np.random.Generator) -> np.ndarray:
    values, share = zip(*weights, strict=True)
    return np.array(values, dtype=object)[rng.choice(len(values), n, p=np.array(share) / sum(share))]
