"""The comparisons of one measure: which rows of the sheet have numbers for it, and what each of them says."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gravida.models.inference import quantile
from gravida.models.stratified import OF_TOTALS, Arms, stratum_estimates

MEASURES = ("OR", "RR", "RD", "IRR")
# Limits of published ratios are 95% limits; the sheet has no column for another coverage.
PRINTED_CONFIDENCE = 0.95
TOTALS = ("treated_events", "treated_n", "control_events", "control_n")
PERSON_TIME = ("treated_events", "treated_person_years", "control_events", "control_person_years")


@dataclass(frozen=True, slots=True)
class Comparisons:
    """The rows that have numbers for one measure.

    Attributes
    ----------
    measure : str
        OR, RR, RD or IRR.
    counted : tuple of int
        Positions in the sheet of the rows with counts, in its order; `arms` holds these counts.
    arms : Arms
    printed : tuple of int
        Positions of the rows that have no counts for the measure but print its ratio with limits.
    log_ratios, variances : ndarray
        What these print.
    """

    measure: str
    counted: tuple[int, ...]
    arms: Arms
    printed: tuple[int, ...]
    log_ratios: np.ndarray
    variances: np.ndarray

    @property
    def telling(self) -> np.ndarray:
        """Which counted rows say something of the measure, boolean; all of them of a difference."""
        return np.ones(len(self.counted), bool) if self.measure == "RD" else ~self.arms.silent

    @property
    def zero_cells(self) -> bool:
        """Whether a row that says something has a zero cell; never where no row has an event to go by."""
        return bool((self.arms.zero_cell & self.telling).any() and not self.arms.silent.all())

    def without_zero_cells(self) -> "Comparisons":
        """Return the comparisons without the counted rows that have a zero cell."""
        kept = ~self.arms.zero_cell
        return replace(
            self,
            counted=tuple(np.array(self.counted, int)[kept].tolist()),
            arms=self.arms.take(kept),
        )

    def estimates(self, half: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return estimates and variances of counted rows, `half` an event added at a zero cell, and printed.

        Rows with no event, or nothing but events, in both arms are left out, and those whose variance is
        not a positive number.
        """
        arms = self.arms.take(~self.arms.silent)
        estimates, variances = stratum_estimates(arms.with_half() if half else arms, self.measure)
        usable = np.isfinite(estimates) & np.isfinite(variances) & (variances > 0)
        return (
            np.concatenate([estimates[usable], self.log_ratios]),
            np.concatenate([variances[usable], self.variances]),
        )


def compare(sheet: pd.DataFrame, measure: str) -> Comparisons:
    """Return the comparisons of a checked sheet, or of some of its rows, for one measure.

    A row with counts is taken by its counts even where it prints a ratio too.

    Parameters
    ----------
    sheet : DataFrame
        As `gravida.evidence.sheet.check_sheet` returns it.
    measure : str
        OR, RR, RD or IRR.
    """
    columns = TOTALS if measure in OF_TOTALS else PERSON_TIME
    counts = sheet[list(columns)].to_numpy(float)
    has_counts = np.isfinite(counts).all(axis=1)
    arms = Arms(*counts[has_counts].T, person_time=measure not in OF_TOTALS)
    ratio, lower, upper = (sheet[name].to_numpy(float) for name in ("ratio", "ratio_lower", "ratio_upper"))
    has_ratio = sheet["ratio_measure"].eq(measure).to_numpy() & np.isfinite(ratio + lower + upper)
    only_ratio = has_ratio & ~has_counts
    errors = np.log(upper[only_ratio] / lower[only_ratio]) / (2 * quantile(PRINTED_CONFIDENCE))
    return Comparisons(
        measure,
        tuple(np.flatnonzero(has_counts).tolist()),
        arms,
        tuple(np.flatnonzero(only_ratio).tolist()),
        np.log(ratio[only_ratio]),
        errors**2,
    )
