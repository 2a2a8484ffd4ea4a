"""What the release gate judges a number by and never releases: the women behind it."""

import numpy as np
import pandas as pd

# A sum of doses or an interpolated quartile may differ from the same value by rounding, by no more than this.
SAME_VALUE = 1e-9


def women_with(women: pd.Series | np.ndarray, events: pd.Series | np.ndarray) -> int:
    """Return how many women have an event.

    Parameters
    ----------
    women : Series or ndarray, shape (n,)
        The woman of each row.
    events : Series or ndarray of int or bool, shape (n,)
        Her events in that row.
    """
    return pd.unique(np.asarray(women)[np.asarray(events) > 0]).size


def relapsed_women(
    women: pd.Series | np.ndarray, relapses: pd.Series | np.ndarray, suffix: str = ""
) -> dict[str, int]:
    """Return the women with a relapse in some rows, and the most relapses of one of them.

    Parameters
    ----------
    women, relapses : Series or ndarray, shape (n,)
        The woman and the relapses of each row; True is one relapse.
    suffix : str
        Ends the names of both.
    """
    relapses = np.asarray(relapses)
    relapsed = relapses > 0
    place, _ = pd.factorize(np.asarray(women)[relapsed])
    hers = np.bincount(place, weights=relapses[relapsed])
    return {f"women_with_relapse{suffix}": hers.size, f"relapses_most{suffix}": int(hers.max(initial=0))}


def relapses_by_arm(
    women: pd.Series | np.ndarray, relapses: pd.Series | np.ndarray, numerator: np.ndarray
) -> dict[str, int]:
    """Return the relapses behind each arm of a contrast, the women who had them, and the most of one woman.

    A woman with pregnancies in both arms counts in each in which she had a relapse.

    Parameters
    ----------
    women, relapses : Series or ndarray, shape (n,)
        The woman and the relapses of each row; True is one relapse.
    numerator : ndarray of bool, shape (n,)
        The rows of the numerator's arm; all others are the denominator's.
    """
    women, relapses = np.asarray(women), np.asarray(relapses)
    arms = {"numerator": numerator, "denominator": ~numerator}
    counted = {f"relapses_{arm}": int(relapses[inside].sum()) for arm, inside in arms.items()}
    for arm, inside in arms.items():
        counted |= relapsed_women(women[inside], relapses[inside], f"_{arm}")
    return counted


def women_at(women: pd.Series, values: pd.Series, value: float) -> int:
    """Return how many women hold this very value: none, where it was interpolated between two.

    Parameters
    ----------
    women, values : Series, shape (n,)
        The woman and the value of each pregnancy.
    value : float
        A median or a quartile of the values.
    """
    return women_with(women, _same(values, value))


def women_apart(women: pd.Series, values: pd.Series, value: float) -> int:
    """Return how many women have another value than this one, in some pregnancy.

    Parameters are those of `women_at`.
    """
    return women_with(women, ~_same(values, value))


def _same(values: pd.Series, value: float) -> np.ndarray:
    return np.isclose(values.to_numpy(float), value, rtol=SAME_VALUE, atol=SAME_VALUE)
