"""The rows that are analysed: the cohort and its person-time."""

import numpy as np
import pandas as pd
import pandera.pandas as pa

ARMS = ["treated", "untreated"]
POLICIES = ["all", "none", "individual"]


def _at_least(low: int) -> pa.Check:
    """Check all rows at once: to keep a verdict on each takes longer than to make them."""
    return pa.Check(lambda column: not (column < low).any(), name=f"at_least_{low}")


def _above(low: int) -> pa.Check:
    return pa.Check(lambda column: not (column <= low).any(), name=f"above_{low}")


def _one_of(values: list[str]) -> pa.Check:
    """Check the categories of a column, each of which some row has."""
    return pa.Check(lambda column: set(column.cat.categories) <= set(values), name="one_of")


def _twice(rows: pd.DataFrame) -> bool:
    """Say whether a site has a pregnancy twice."""
    by_site = rows.groupby("site", observed=True)["pregnancy_id"]
    return any(not pregnancies.is_unique for _, pregnancies in by_site)


def _repeated(rows: pd.DataFrame) -> bool:
    """Say whether a pregnancy has two rows in a period: counted, for in the millions that takes the least."""
    pregnancy, codes = rows["pregnancy"].to_numpy(), rows["period"].cat.codes.to_numpy()
    return any(
        np.bincount(pregnancy[codes == code]).max(initial=0) > 1 for code in range(codes.max(initial=-1) + 1)
    )


# Columns that the workflow adds to a site's own; those are checked at intake. The categories are texts in the
# file.
COHORT = pa.DataFrameSchema(
    {
        "woman": pa.Column(int, _at_least(0)),
        "site": pa.Column("category"),
        "policy": pa.Column("category", _one_of(POLICIES)),
        "received": pa.Column("category", _one_of(ARMS)),
        "by_policy": pa.Column("category", _one_of(ARMS)),
        "arm": pa.Column("category", _one_of(ARMS)),
        "dated": pa.Column(bool),
        "doses_dated": pa.Column(bool),
        "first_dose_day": pa.Column("Int64", _at_least(0), nullable=True),
        "dmt_washout_days": pa.Column(float, _at_least(0), nullable=True),
        "disease_duration_years": pa.Column(float, _at_least(0), nullable=True),
        "dmt_class": pa.Column("category", _one_of(["none", "moderate", "high", "other"])),
        "relapses_pre_year": pa.Column("Int64", _at_least(0), nullable=True),
    },
    pa.Check(lambda rows: not _twice(rows), name="one_row_a_pregnancy"),
)

PERSON_TIME = pa.DataFrameSchema(
    {
        "site": pa.Column("category"),
        "woman": pa.Column("int32", _at_least(0)),
        "arm": pa.Column("category", _one_of(ARMS)),
        "pregnancy": pa.Column("int32", _at_least(0)),
        "period": pa.Column("category"),
        "relapses": pa.Column("int32", _at_least(0)),
        "days": pa.Column("int32", _above(0)),
        "person_years": pa.Column(float, _above(0)),
    },
    pa.Check(lambda rows: not _repeated(rows), name="one_row_a_pregnancy_and_period"),
    strict=True,
)

ONSETS = pa.DataFrameSchema(
    {
        "pregnancy": pa.Column(int, _at_least(0)),
        "day": pa.Column(int),
        "retained": pa.Column(bool),
    },
    strict=True,
)
