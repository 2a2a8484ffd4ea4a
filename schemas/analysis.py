"""The rows that are analysed: the cohort and its person-time."""

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

PERSON_TIME = pa.DataFrameSchema(
    {
        "site": pa.Column("string"),
        "woman": pa.Column(int, pa.Check.ge(0)),
        "arm": pa.Column("string", pa.Check.isin(ARMS)),
        "pregnancy": pa.Column(int, pa.Check.ge(0)),
        "period": pa.Column("string"),
        "relapses": pa.Column(int, pa.Check.ge(0)),
        "days": pa.Column(int, pa.Check.gt(0)),
        "person_years": pa.Column(float, pa.Check.gt(0)),
    },
    strict=True,
    unique=["pregnancy", "period"],
)

ONSETS = pa.DataFrameSchema(
    {
        "pregnancy": pa.Column(int, pa.Check.ge(0)),
        "day": pa.Column(int),
        "retained": pa.Column(bool),
    },
    strict=True,
)
