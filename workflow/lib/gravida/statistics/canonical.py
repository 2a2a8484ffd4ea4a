"""An order of the rows that follows from their values: random draws then do not depend on how rows came."""

import numpy as np
import pandas as pd

# Names that a site may choose anew, and positions that follow from the order of rows and sites.
_NAMES = ["woman", "woman_id", "pregnancy_id", "pregnancy"]


def canonical_order(rows: pd.DataFrame, woman: np.ndarray) -> np.ndarray:
    """Return positions that put rows into an order of their own, shape (n,).

    The rows of a woman stand together. Neither the order of the rows nor the names of women and pregnancies
    matter; women whose rows are all the same may change places, which nothing can tell.

    Parameters
    ----------
    rows : DataFrame
        n rows; the columns `woman`, `woman_id`, `pregnancy_id` and `pregnancy` are not looked at.
    woman : ndarray of int, shape (n,)
        Number of the woman.
    """
    values = rows.drop(columns=_NAMES, errors="ignore")
    own = pd.util.hash_pandas_object(values, index=False).to_numpy()
    _, number = np.unique(woman, return_inverse=True)
    # Whole numbers of 64 bits add up round the clock, in whatever order.
    hers = np.zeros(number.max(initial=-1) + 1, dtype=np.uint64)
    np.add.at(hers, number, own)
    return np.lexsort((own, number, hers[number]))
