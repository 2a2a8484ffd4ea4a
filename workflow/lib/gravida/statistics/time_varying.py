"""What comes after delivery and may change the rate from then on: the return to a disease-modifying therapy.

It is no covariate at delivery: whoever restarts on day 200 had to get there. So each pregnancy's days before
and after the restart are counted apart.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from gravida.models.coded import Coded
from gravida.periods import YEAR
from gravida.person_time import count_person_time
from gravida.statistics.contrasts import Contrasts
from gravida.statistics.design import Column

RESTART = "dmt_restart"
CAUTION = "days after the restart against those before; a relapse may be why a therapy was restarted"
NO_RESTART_DATED = "no restart of a therapy is dated where relapses are"
# Later than any day of the year.
NEVER = 100_000


def split_at_restart(contrasts: Contrasts, onsets: pd.DataFrame) -> tuple[pd.DataFrame, Column]:
    """Return person-time of the outcome period before and after the restart, and which is which.

    Parameters
    ----------
    contrasts : Contrasts
        Of the outcome period; only pregnancies with dated relapses are used.
    onsets : DataFrame
        `Cohort.onsets`.

    Returns
    -------
    rows : DataFrame
        As `Cohort.person_time`, up to two rows a pregnancy.
    after : Column
        1 for days after the restart.
    """
    pregnancies = contrasts.pregnancies
    if not (pregnancies["dated"] & pregnancies["dmt_restart_day"].notna()).any():
        return contrasts.rows, Column(RESTART, "after", "before", Coded.of(np.zeros(len(contrasts.rows))))
    restart = pregnancies["dmt_restart_day"].astype("Float64").fillna(NEVER)
    first = pregnancies["observed_from_day"].astype("Float64").fillna(-NEVER)
    last = pregnancies["observed_to_day"].astype("Float64").fillna(YEAR)
    before = pregnancies.assign(observed_to_day=np.minimum(last, restart).astype("Int64"))
    after = pregnancies.assign(
        observed_from_day=np.maximum(first, restart).astype("Int64"), observed_to_day=last.astype("Int64")
    )
    dated = pregnancies.index[pregnancies["dated"]]
    parts = []
    for part in (before, after):
        counted, _ = count_person_time(part, onsets[onsets["retained"]], (contrasts.settings.period,))
        rows = replace(contrasts, person_time=counted[counted["pregnancy"].isin(dated)]).rows
        parts.append(rows)
    indicator = np.repeat([0.0, 1.0], [len(rows) for rows in parts])
    return pd.concat(parts, ignore_index=True), Column(RESTART, "after", "before", Coded.of(indicator))
