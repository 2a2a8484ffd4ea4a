"""Immunoglobulin doses and adverse events after delivery."""

import numpy as np
import pandas as pd

FULL_COURSE = 6
MONTHLY_GRAMS = 10.0
STOPPED_EARLY = 0.12
LOADING = 0.08
LOADING_GRAMS_PER_KG = 0.4
LOADING_DAYS = 5

EVENTS_PER_INFUSION = 0.05
# term, share among infusion reactions, probability that it is serious
REACTIONS = (
    ("headache", 0.52, 0.0),
    ("fever", 0.13, 0.01),
    ("rash", 0.10, 0.02),
    ("vomiting", 0.09, 0.0),
    ("arthralgia", 0.06, 0.0),
    ("chest_pain", 0.04, 0.15),
    ("aseptic_meningitis", 0.02, 0.8),
    ("thrombosis", 0.01, 1.0),
    ("haemolysis", 0.01, 0.5),
    ("anaphylaxis", 0.002, 1.0),
    ("other", 0.018, 0.05),
)
EVENTS_WITHOUT_INFUSION = 0.05
BACKGROUND = (("infection", 0.7, 0.1), ("thrombosis", 0.05, 1.0), ("other", 0.25, 0.1))


def draw_infusions(ivig: np.ndarray, end: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the doses of the treated: 10 g monthly for six months, the first in the week after delivery.

    12% stop early; 8% begin with 0.4 g/kg on five consecutive days in place of the first dose.

    Parameters
    ----------
    ivig : ndarray of bool, shape (n,)
    end : ndarray of int, shape (n,)
        First day no longer observed (at least 30): later doses are not seen.

    Returns
    -------
    DataFrame
        position (row of the pregnancy), day, grams, grams_per_kg; sorted by position and day.
    """
    position = np.flatnonzero(ivig)
    treated = position.size
    weight = np.clip(rng.normal(68, 11, treated), 45, 120)
    first = rng.integers(0, 7, treated)
    given = np.where(rng.random(treated) < STOPPED_EARLY, rng.integers(1, FULL_COURSE, treated), FULL_COURSE)
    loading = rng.random(treated) < LOADING
    month = np.arange(FULL_COURSE)
    drift = rng.integers(0, 5, (treated, FULL_COURSE)) * (month > 0)
    monthly_seen = (month < given[:, None]) & ~(loading[:, None] & (month == 0))
    loading_seen = np.broadcast_to(loading[:, None], (treated, LOADING_DAYS))
    loading_grams = 5 * np.rint(LOADING_GRAMS_PER_KG * weight / 5)
    day = np.hstack([first[:, None] + 30 * month + drift, first[:, None] + np.arange(LOADING_DAYS)])
    grams = np.hstack(
        [np.full(monthly_seen.shape, MONTHLY_GRAMS), loading_grams[:, None] * np.ones(LOADING_DAYS)]
    )
    seen = np.hstack([monthly_seen, loading_seen]) & (day < end[position][:, None])
    row, _ = np.nonzero(seen)
    doses = pd.DataFrame({"position": position[row], "day": day[seen], "grams": grams[seen]})
    doses["grams_per_kg"] = np.round(doses["grams"].to_numpy() / weight[row], 3)
    return doses.sort_values(["position", "day"], ignore_index=True)


def draw_adverse_events(infusions: pd.DataFrame, end: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Draw reactions within two days of an infusion, and events that need no infusion.

    Returns
    -------
    DataFrame
        position, day, term, serious; sorted by position and day.
    """
    dose = np.flatnonzero(rng.random(len(infusions)) < EVENTS_PER_INFUSION)
    position = infusions["position"].to_numpy()[dose]
    day = np.minimum(infusions["day"].to_numpy()[dose] + rng.integers(0, 3, dose.size), end[position] - 1)
    other = np.flatnonzero(rng.random(end.size) < EVENTS_WITHOUT_INFUSION)
    events = pd.concat(
        [
            _events(position, day, REACTIONS, rng),
            _events(other, np.floor(rng.random(other.size) * end[other]).astype(np.int64), BACKGROUND, rng),
        ]
    )
    return events.sort_values(["position", "day", "term"], ignore_index=True)


def _events(position: np.ndarray, day: np.ndarray, kinds: tuple, rng: np.random.Generator) -> pd.DataFrame:
    terms, share, serious = zip(*kinds, strict=True)
    kind = rng.choice(len(terms), position.size, p=np.array(share) / sum(share))
    return pd.DataFrame(
        {
            "position": position,
            "day": day,
            "term": np.array(terms, dtype=object)[kind],
            "serious": rng.random(position.size) < np.array(serious)[kind],
        }
    )
