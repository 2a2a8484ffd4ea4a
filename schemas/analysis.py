"""The rows that are analysed: the cohort and its person-time."""

import numpy as np
import pandas as pd
import pandera.pandas as pa

ARMS = ["treated", "untreated"]
POLICIES = ["all", "none", "individual"]

# Columns that the workflow adds to a site's own; those are checked at intake.
COHORT = pa.DataFrameSchema(
    {
        "woman": pa.Column(int, pa.Check.ge(0)),
        "site": pa.Column("string"),
        "policy": pa.Column("string", pa.Check.isin(POLICIES)),
        "received": pa.Column("string", pa.Check.isin(ARMS)),
        "by_policy": pa.Column("string", pa.Check.isin(ARMS)),
        "arm": pa.Column("string", pa.Check.isin(ARMS)),
        "dated": pa.Column(bool),
        "doses_dated": pa.Column(bool),
        "first_dose_day": pa.Column("Int64", pa.Check.ge(0), nullable=True),
        "dmt_washout_days": pa.Column(float, pa.Check.ge(0), nullable=True),
        "disease_duration_years": pa.Column(float, pa.Check.ge(0), nullable=True),
        "dmt_class": pa.Column("string", pa.Check.isin(["none", "moderate", "high", "other"])),
        "relapses_pre_year": pa.Column("Int64", pa.Check.ge(0), nullable=True),
    },
    unique=["site", "pregnancy_id"],
)


def _repeated(rows: pd.DataFrame) -> bool:
    """Say whether a pregnancy has two rows in a period: counted, for in the millions that takes the least."""
    pregnancy, codes = rows["pregnancy"].to_numpy(), rows["period"].cat.codes.to_numpy()
    return any(
        np.bincount(pregnancy[codes == code]).max(initial=0) > 1 for code in range(codes.max(initial=-1) + 1)
    )


PERSON_TIME = pa.DataFrameSchema(
    {
        "site": pa.Column("category"),
        "woman": pa.Column("int32", pa.Check.ge(0)),
        "arm": pa.Column("category", pa.Check.isin(ARMS)),
        "pregnancy": pa.Column("int32", pa.Check.ge(0)),
        "period": pa.Column("category"),
        "relapses": pa.Column("int32", pa.Check.ge(0)),
        "days": pa.Column("int32", pa.Check.gt(0)),
        "person_years": pa.Column(float, pa.Check.gt(0)),
    },
    pa.Check(lambda rows: not _repeated(rows), name="one_row_a_pregnancy_and_period"),
    strict=True,
)

ONSETS = pa.DataFrameSchema(
    {
        "pregnancy": pa.Column(int, pa.Check.ge(0)),
        "day": pa.Column(int),
        "retained": pa.Column(bool),
    },
    strict=True,
)
