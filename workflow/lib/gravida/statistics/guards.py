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
    return int(np.unique(np.asarray(women)[np.asarray(events) > 0]).size)


def relapsed_women(rows: pd.DataFrame) -> dict[str, int]:
    """Return the women with a relapse in some rows of person-time, and the most relapses of one of them."""
    relapses = rows["relapses"].to_numpy()
    relapsed = relapses > 0
    _, place = np.unique(rows["woman"].to_numpy()[relapsed], return_inverse=True)
    hers = np.bincount(place, weights=relapses[relapsed])
    return {"women_with_relapse": hers.size, "relapses_most": int(hers.max(initial=0))}


def relapses_by_arm(
    women: pd.Series | np.ndarray, relapses: pd.Series | np.ndarray, numerator: np.ndarray
) -> dict[str, int]:
    """Return the relapses behind each arm of a contrast, and the women who had them.

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
    return counted | {
        f"women_with_relapse_{arm}": women_with(women[inside], relapses[inside])
        for arm, inside in arms.items()
    }


def women_at(women: pd.Series, values: pd.Series, value: float) -> int:
    """Return how many women hold this very value: none, where it was interpolated between two.

    Parameters
    ----------
    women, values : Series, shape (n,)
        The woman and the value of each pregnancy.
    value : float
        A median or a quartile of the values.
    """
    same = np.isclose(values.to_numpy(float), value, rtol=SAME_VALUE, atol=SAME_VALUE)
    return women_with(women, same)
