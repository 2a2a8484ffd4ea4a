"""The spline check for non-linearity, against R."""

import numpy as np
import pytest
from gravida.errors import NotEstimable
from gravida.models.splines import knots_of, spline_term

# Hmisc 4.8: rcspline.eval(x, knots = quantile(x, c(.1, .5, .9)), inclx = FALSE)
AGES = [19, 23, 24, 27, 28, 29, 30, 31, 33, 35, 36, 40, 44]
OF_AGES = [
    0,
    0,
    0.00200000000000001,
    0.21434375000000011,
    0.43200000000000005,
    0.76215625000000009,
    1.22825000000000029,
    1.84692527173913046,
    3.49310733695652242,
    5.56890896739130348,
    6.72460869565217401,
    11.72999999999999687,
    16.83000000000000185,
]
EDSS = [0, 0, 1, 1, 1.5, 2, 2, 2.5, 3, 3.5, 4, 6.5, 7]
OF_EDSS = [
    0,
    0,
    0.0152199762187871,
    0.0152199762187871,
    0.0653091557669441,
    0.1733650416171223,
    0.1733650416171223,
    0.3562945897740781,
    0.6094530321046370,
    0.9228076694411407,
    1.2863258026159323,
    3.5068965517241368,
    3.9724137931034482,
]


@pytest.mark.parametrize(("values", "term"), [(AGES, OF_AGES), (EDSS, OF_EDSS)])
def test_spline_term_is_that_of_r(values: list[float], term: list[float]) -> None:
    assert spline_term(np.array(values, dtype=float)) == pytest.approx(term, rel=1e-12, abs=1e-12)


def test_spline_is_straight_outside_the_knots() -> None:
    values = np.linspace(0, 10, 101)
    first, _, last = knots_of(values)
    term = spline_term(values)
    assert (term[values <= first] == 0).all()
    assert np.diff(term[values >= last], 2) == pytest.approx(0, abs=1e-10)


def test_no_spline_without_a_curve() -> None:
    with pytest.raises(NotEstimable, match="fewer than 4 distinct values"):
        spline_term(np.array([0.0, 1, 2, 0, 1, 2, 2]))
    with pytest.raises(NotEstimable, match="knots of the spline coincide"):
        spline_term(np.array([0.0] * 80 + [1, 2, 3, 4]))
