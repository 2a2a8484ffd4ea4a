"""Rubin's rules where nothing differs or nothing can be had, and imputed values moved along their scale."""

import numpy as np
import pandas as pd
import pytest
from gravida.errors import NotConverged, NotEstimable
from gravida.statistics.missing import pool, shift


def test_estimates_that_agree_leave_the_degrees_of_freedom_of_complete_data() -> None:
    pooled = pool(np.full((4, 1), 0.3), np.full((4, 1), 0.04), 50)
    assert pooled.total == pytest.approx([0.04])
    assert pooled.df == pytest.approx([50 * 51 / 53])
    assert [*pooled.riv, *pooled.lambda_] == [0, 0]


def test_pooling_refuses_what_has_no_answer() -> None:
    with pytest.raises(ValueError, match="two imputations"):
        pool(np.zeros((1, 1)), np.ones((1, 1)), 50)
    with pytest.raises(NotEstimable, match="no more women than coefficients"):
        pool(np.zeros((2, 1)), np.ones((2, 1)), 0)
    with pytest.raises(NotConverged, match="variance"):
        pool(np.zeros((2, 1)), np.array([[1.0], [0.0]]), 50)


@pytest.mark.parametrize(
    ("value", "delta", "moved"),
    [
        (2.0, 1.0, 3.0),
        (0.0, 0.5, 1.0),
        (1.0, -0.5, 0.0),
        (9.0, 2.0, 9.5),
        (1.5, -3.0, 0.0),
        (2.0, 0.25, 2.5),
        (2.0, -0.25, 1.5),
        (2.0, 0.1, 2.0),
        (3.5, 0.0, 3.5),
    ],
)
def test_a_shift_stays_on_the_scale(value: float, delta: float, moved: float) -> None:
    completed = pd.DataFrame({"edss_before": [value, value, np.nan], "woman": [0, 1, 2]})
    out = shift(completed, "edss_before", delta, np.array([True, False, False]))
    assert out["edss_before"].fillna(-1).to_list() == [value, moved, -1]
    assert completed["edss_before"].iloc[1] == value
