"""Whether a continuous predictor acts in a straight line: the curved part of a restricted cubic spline.

The knots are quantiles of all values at once: not a sum over women.
"""

import numpy as np

from gravida.errors import NotEstimable

# Harrell (2015), Regression Modeling Strategies, 2nd edition, section 2.4.6: where to put three knots.
KNOTS = (0.1, 0.5, 0.9)
# With fewer distinct values a curve through three knots would be told by single values.
FEWEST_VALUES = 4


def knots_of(values: np.ndarray) -> np.ndarray:
    """Return the three knots of some values, shape (n,): their quantiles, linearly interpolated.

    Raises
    ------
    NotEstimable
        If there are fewer than 4 distinct values, or two knots coincide.
    """
    if np.unique(values).size < FEWEST_VALUES:
        raise NotEstimable(f"fewer than {FEWEST_VALUES} distinct values: no curve can be told from a line")
    knots = np.quantile(values, KNOTS)
    if np.diff(knots).min() <= 0:
        raise NotEstimable("the knots of the spline coincide: too many pregnancies share one value")
    return knots


def spline_term(values: np.ndarray) -> np.ndarray:
    """Return the column that a restricted cubic spline with 3 knots adds to the values themselves.

    The spline is straight below the first and above the last knot. Divided by the square of the distance of
    the outer knots, its curved part has the unit of the values (norm 2 of `Hmisc::rcspline.eval`). The test
    that its coefficient is 0 is the test for non-linearity.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Without missing values.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    NotEstimable
        As for `knots_of`.
    """
    first, middle, last = knots_of(values)
    part_first, part_middle, part_last = (np.maximum(values - knot, 0) ** 3 for knot in (first, middle, last))
    gap = last - middle
    curved = part_first - part_middle * (last - first) / gap + part_last * (middle - first) / gap
    return curved / (last - first) ** 2
