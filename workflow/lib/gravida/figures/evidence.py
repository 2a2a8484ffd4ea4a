"""The pictures of the published evidence, drawn from released tables only, as PNG for print."""

import pandas as pd

from gravida.figures.evidence_cumulative import draw_evidence_cumulative
from gravida.figures.evidence_forest import draw_evidence_forest
from gravida.figures.evidence_funnel import draw_evidence_funnel


def draw_evidence(
    studies: pd.DataFrame, pooled: pd.DataFrame, confidence: float = 0.95, synthetic: bool = False
) -> dict[str, bytes]:
    """Draw every picture of the published evidence.

    Parameters
    ----------
    studies, pooled : DataFrame
        The released tables `evidence_studies` and `evidence_pooled`.
    confidence : float
        Coverage of the limits in the tables, 0 to 1.
    synthetic : bool
        Whether the registry among the studies is invented; every picture then says so.

    Returns
    -------
    dict of bytes
        PNG by name: `evidence_forest`, `evidence_funnel`, `evidence_cumulative`.
    """
    options = {"confidence": confidence, "mark": "synthetic data" if synthetic else ""}
    return {
        "evidence_forest": draw_evidence_forest(studies, pooled, **options),
        "evidence_funnel": draw_evidence_funnel(studies, pooled, **options),
        "evidence_cumulative": draw_evidence_cumulative(pooled, **options),
    }
