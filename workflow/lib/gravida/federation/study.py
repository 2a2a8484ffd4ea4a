"""The contrasts of a study, of which some centres may keep their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from gravida.files import read_json
from gravida.words import joined

# What counts and fits is imported where it is used: the tables of checks and of attrition need none of it.
if TYPE_CHECKING:
    from gravida.federation.pool import Pool
    from gravida.statistics.contrasts import Contrasts


def pool_of(
    pregnancies: pd.DataFrame, person_time: pd.DataFrame, answers: Sequence[str], **tables: pd.DataFrame
) -> "Pool":
    """Return the rows at hand and what centres that keep theirs have answered.

    Parameters
    ----------
    pregnancies, person_time : DataFrame
        Of the cohort.
    answers : sequence of str
        The file of their answers.
    tables : DataFrame
        As `selection.holdings` takes them.
    """
    # Imported here: most studies have all their rows at hand.
    from gravida.federation.pool import Pool
    from gravida.federation.selection import holdings

    (path,) = answers
    return Pool(holdings(pregnancies, person_time, **tables), read_json(path)["given"])


def with_theirs(name: str, own: pd.DataFrame, answers: Sequence[str]) -> pd.DataFrame:
    """Return a table of single sites with the rows of those that keep theirs.

    Parameters
    ----------
    name : str
        ``attrition`` or ``data_quality``.
    own : DataFrame
        The table of the sites whose rows are at hand.
    answers : sequence of str
        As `contrasts_of`.
    """
    if not answers:
        return own
    from gravida.federation.pool import Pool
    from gravida.federation.pooled_tables import pool_attrition, pool_quality

    pool = {"attrition": pool_attrition, "data_quality": pool_quality}[name]
    return pool(Pool({}, read_json(answers[0])["given"]), own)


def not_counting(table: pd.DataFrame, keeping: Sequence[str]) -> pd.DataFrame:
    """Return a table that is made of rows at hand alone, its reasons saying so where some sites keep theirs.

    Parameters
    ----------
    table : DataFrame
        With `reason`.
    keeping : sequence of str
        Sites that keep their rows.
    """
    if not keeping:
        return table
    said = f"{len(keeping)} sites keep their rows and are not counted"
    return table.assign(reason=[joined(reason, said) for reason in table["reason"].fillna("")])


def contrasts_of(
    pregnancies: pd.DataFrame, person_time: pd.DataFrame, plan: Mapping[str, Any], answers: Sequence[str]
) -> "Contrasts":
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
        from gravida.statistics.contrasts import Contrasts

        return Contrasts.of_plan(pregnancies, person_time, plan)
    from gravida.federation.contrasts import PooledContrasts

    nothing = pd.DataFrame()
    pooled = PooledContrasts.of_plan(nothing, nothing, plan)
    return replace(pooled, pool=pool_of(pregnancies, person_time, answers))
