"""Rows of a submission as typed frames, from small tables of text."""

import io

import pandas as pd

from tests.study import CODES

CLASSES = pd.read_csv(CODES, keep_default_na=False).set_index("code")["efficacy"].to_dict()
DEFAULTS = {
    "delivery_year": 2015,
    "age_at_delivery": 31.5,
    "ms_diagnosis_year": 2010,
    "gestation_days": 280,
    "dmt_before": "none",
    "relapses_pre_year": 0,
    "relapses_pregnancy": 0,
    "relapses_post_year": 0,
    "ivig": True,
}


def pregnancies(text: str) -> pd.DataFrame:
    """Return typed rows from a table of text whose columns override the defaults."""
    given = pd.read_csv(io.StringIO(text.strip().replace(" ", "")), sep="|", dtype=object)
    columns = [name for name in given.columns if not name.startswith("Unnamed")]
    rows = []
    for record in given[columns].to_dict("records"):
        rows.append(DEFAULTS | {key: value for key, value in record.items() if pd.notna(value)})
        rows[-1] |= {key: None for key, value in record.items() if pd.isna(value)}
    frame = pd.DataFrame(rows).reindex(columns=list(EXPECTED))
    for name, dtype in EXPECTED.items():
        values = frame[name]
        if dtype in ("Int64", "float64"):
            values = pd.to_numeric(values)
        if dtype == "boolean":
            values = values.map({"0": False, "1": True, True: True, False: False})
        frame[name] = values.astype(dtype)
    return frame


EXPECTED = {
    "pregnancy_id": "string",
    "woman_id": "string",
    "delivery_year": "Int64",
    "age_at_delivery": "float64",
    "ms_diagnosis_year": "Int64",
    "gestation_days": "Int64",
    "onset_after_lmp": "boolean",
    "edss_before": "float64",
    "dmt_before": "string",
    "dmt_stop_day": "Int64",
    "dmt_restart_day": "Int64",
    "outcome": "string",
    "relapses_pre_year": "Int64",
    "relapses_pregnancy": "Int64",
    "relapses_post_year": "Int64",
    "observed_from_day": "Int64",
    "observed_to_day": "Int64",
    "next_conception_day": "Int64",
    "ivig": "boolean",
}


def onsets(*rows: tuple[str, int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "pregnancy_id": pd.array([row[0] for row in rows], dtype="string"),
            "onset_day": pd.array([row[1] for row in rows], dtype="Int64"),
        }
    )
