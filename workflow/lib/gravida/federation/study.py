"""The contrasts of a study, of which some centres may keep their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from gravida.files import read_json
from gravida.statistics.contrasts import Contrasts

if TYPE_CHECKING:
    from gravida.federation.pool import Pool


def pool_of(pregnancies: pd.DataFrame, person_time: pd.DataFrame, answers: Sequence[str]) -> "Pool":
    """Return the rows at hand and what centres that keep theirs have answered.

    Parameters
    ----------
    pregnancies, person_time : DataFrame
        Of the cohort.
    answers : sequence of str
        The file of their answers.
    """
    # Imported here: most studies have all their rows at hand.
    from gravida.federation.pool import Pool
    from gravida.federation.selection import holdings

    (path,) = answers
    return Pool(holdings(pregnancies, person_time), read_json(path)["given"])


def contrasts_of(
    pregnancies: pd.DataFrame, person_time: pd.DataFrame, plan: Mapping[str, Any], answers: Sequence[str]
) -> Contrasts:
    """Return the contrasts of the plan.

    Parameters
    ----------
    pregnancies, person_time : DataFrame
        Of the cohort.
    plan : mapping
        As `Contrasts.of_plan` takes it.
    answers : sequence of str
        The file of what centres have answered that keep their rows; nothing where none does.
    """
    if not answers:
        return Contrasts.of_plan(pregnancies, person_time, plan)
    from gravida.federation.contrasts import PooledContrasts

    nothing = pd.DataFrame()
    pooled = PooledContrasts.of_plan(nothing, nothing, plan)
    return replace(pooled, pool=pool_of(pregnancies, person_time, answers))
