"""What the sheet of published relapse rates holds, as `gravida.tables.read_table` reads it.

Whole numbers come as integers or, in a column with an empty cell, as floats: numeric columns are checked for
what they hold, not for their type.
"""

import pandas as pd
import pandera.pandas as pa

ESTIMATE_TYPES = ("ARR", "ARR_difference", "IRR", "proportion_relapse_free")
RATES_AND_SHARES = ("ARR", "IRR", "proportion_relapse_free")


def _numeric(cells: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(cells)


def _finite(cells: pd.Series) -> bool:
    return not cells.isin([float("inf"), float("-inf")]).any()


def _limits_enclose(sheet: pd.DataFrame) -> pd.Series:
    below = sheet["lo"].isna() | (sheet["lo"] <= sheet["value"])
    return below & (sheet["hi"].isna() | (sheet["value"] <= sheet["hi"]))


def _not_negative(sheet: pd.DataFrame) -> pd.Series:
    return ~sheet["estimate_type"].isin(RATES_AND_SHARES) | (sheet["value"] >= 0)


def _number(*checks: pa.Check, nullable: bool = True) -> pa.Column:
    finite = pa.Check(_finite, error="finite number")
    return pa.Column(None, [pa.Check(_numeric, error="number"), finite, *checks], nullable=nullable)


def _text(*checks: pa.Check) -> pa.Column:
    return pa.Column(None, list(checks), nullable=True)


PUBLISHED_RATES = pa.DataFrameSchema(
    {
        "study": _text(pa.Check.str_length(min_value=1)),
        "year": _number(pa.Check.in_range(1900, 2100)),
        "n_pregnancies": _number(pa.Check.ge(1)),
        "n_women": _number(pa.Check.ge(1)),
        "period": _text(pa.Check.str_length(min_value=1)),
        "estimate_type": _text(pa.Check.isin(ESTIMATE_TYPES)),
        "value": _number(nullable=False),
        "lo": _number(),
        "hi": _number(),
        "spread_type": _text(pa.Check.isin(["", "SD", "CI95"])),
        "spread": _number(pa.Check.ge(0)),
        "source": _text(pa.Check.str_length(min_value=1)),
        "status": _text(pa.Check.str_length(min_value=1)),
    },
    checks=[
        pa.Check(_limits_enclose, error="limits enclose the value"),
        pa.Check(_not_negative, error="a rate, ratio or share is not negative"),
    ],
    unique=["study", "year", "period", "estimate_type"],
    strict=True,
)
