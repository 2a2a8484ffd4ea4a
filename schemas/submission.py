"""What a site submits: one pandera schema a table.

The rules that join columns and tables are in ``submission_rules``. A check's `description` says what is
allowed; the data dictionary and the answers to sites are made from it.
"""

import pandas as pd
import pandera.pandas as pa

from schemas.names import TERMS

ID_PATTERN = "[A-Za-z0-9_-]{1,32}"
EDSS_SCALE = (0.0, *(step / 2 for step in range(2, 20)))
FARTHEST_DAY = 36525
# Arrow's buffers in place of an object a row: ids are most of what a large submission holds.
TEXT = pd.StringDtype("pyarrow")


def _matches_id(cells: pd.Series) -> pd.Series:
    return cells.str.fullmatch(ID_PATTERN)


def _check(check: pa.Check, name: str, description: str) -> pa.Check:
    check.name = check.error = name
    check.description = description
    return check


def _between(low: float, high: float) -> pa.Check:
    return _check(pa.Check.in_range(low, high), "range", f"{low} to {high}")


def _one_of(*codes: str) -> pa.Check:
    return _check(pa.Check.isin(codes), "code", f"one of {', '.join(codes)}")


def _column(
    dtype, group: str, title: str, description: str, check: pa.Check | None = None, **more
) -> pa.Column:
    unit = more.pop("unit", None)
    nullable = more.pop("nullable", False)
    return pa.Column(
        dtype,
        check,
        nullable=nullable,
        required=not nullable,
        title=title,
        description=description,
        metadata={"unit": unit, "category": group},
        **more,
    )


def _text(group: str, title: str, description: str, check: pa.Check | None = None, **more) -> pa.Column:
    return _column(TEXT, group, title, description, check, **more)


def _identifier(title: str, description: str, **more) -> pa.Column:
    check = _check(pa.Check(_matches_id), "pattern", "1 to 32 letters A-Z a-z, digits, _ or -")
    return _text("identifier", title, description, check, **more)


def _integer(group: str, title: str, description: str, low: int, high: int, **more) -> pa.Column:
    return _column("Int64", group, title, description, _between(low, high), **more)


def _day(group: str, title: str, description: str, low=-FARTHEST_DAY, high=FARTHEST_DAY, **more) -> pa.Column:
    return _integer(group, title, description, low, high, unit="days from delivery", **more)


def _flag(group: str, title: str, description: str, **more) -> pa.Column:
    return _column("boolean", group, title, description, **more)


def _table(title: str, description: str, columns: dict[str, pa.Column]) -> pa.DataFrameSchema:
    return pa.DataFrameSchema(columns, strict=True, coerce=False, title=title, description=description)


_OPTIONAL = {"nullable": True}

PREGNANCIES = _table(
    "pregnancies",
    "One row a pregnancy. Required.",
    {
        "pregnancy_id": _identifier(
            "Pregnancy", "Pseudonym of the pregnancy, unique in the site.", unique=True
        ),
        "woman_id": _identifier("Woman", "Pseudonym of the woman; repeats when she has several pregnancies."),
        "delivery_year": _integer(
            "pregnancy",
            "Year of delivery",
            "The only calendar date; at most the year of the data cut.",
            1980,
            2100,
        ),
        "age_at_delivery": _column(
            "float64", "pregnancy", "Age at delivery", "Age of the woman.", _between(14, 56), unit="years"
        ),
        "ms_diagnosis_year": _integer(
            "disease",
            "Year of diagnosis",
            "Year in which relapsing-remitting multiple sclerosis was diagnosed.",
            1920,
            2100,
            nullable=True,
        ),
        "gestation_days": _integer(
            "pregnancy",
            "Length of gestation",
            "From the first day of the last menstrual period to delivery; 280 is used where it is missing.",
            140,
            308,
            unit="days",
            nullable=True,
        ),
        "onset_after_lmp": _flag(
            "disease",
            "Onset after the last menstrual period",
            "Multiple sclerosis began after it.",
            **_OPTIONAL,
        ),
        "outcome": _text(
            "pregnancy",
            "Outcome",
            "live_birth is used where it is missing.",
            _one_of("live_birth", "stillbirth"),
            **_OPTIONAL,
        ),
        "edss_before": _column(
            "float64",
            "disease",
            "EDSS before pregnancy",
            "Expanded Disability Status Scale.",
            _check(pa.Check.isin(EDSS_SCALE), "range", "0, 1, 1.5, 2 and so on in halves to 9.5"),
            **_OPTIONAL,
        ),
        "dmt_before": _text(
            "treatment", "Therapy before pregnancy", "The last disease-modifying therapy before pregnancy."
        ),
        "dmt_stop_day": _day("treatment", "Last dose of that therapy", "Day of its last dose.", **_OPTIONAL),
        "relapses_pre_year": _integer(
            "relapses",
            "Relapses before pregnancy",
            "In the observed part of the 365 days before the last menstrual period.",
            0,
            366,
            nullable=True,
        ),
        "relapses_pregnancy": _integer(
            "relapses",
            "Relapses in pregnancy",
            "From the last menstrual period to the day before delivery, observed part.",
            0,
            366,
            nullable=True,
        ),
        "relapses_post_year": _integer(
            "relapses",
            "Relapses after delivery",
            "On days 0 to 364, before observed_to_day and next_conception_day.",
            0,
            366,
        ),
        "observed_from_day": _day(
            "observation",
            "First day observed",
            "365 days before the last menstrual period is used where it is missing.",
            **_OPTIONAL,
        ),
        "observed_to_day": _day(
            "observation",
            "First day no longer observed",
            "365 is used where it is missing; it must be stated for recent deliveries.",
            **_OPTIONAL,
        ),
        "next_conception_day": _day(
            "observation",
            "Next conception",
            "Last menstrual period of the woman's next pregnancy; it ends the window after delivery.",
            1,
            730,
            **_OPTIONAL,
        ),
        "ivig": _flag(
            "treatment", "Immunoglobulin after delivery", "Intravenous immunoglobulin started by protocol."
        ),
        "breastfeeding": _text(
            "pregnancy",
            "Breastfeeding",
            "After this delivery.",
            _one_of("none", "partial", "exclusive"),
            **_OPTIONAL,
        ),
        "dmt_restart_day": _day(
            "treatment", "Therapy again", "First day back on a disease-modifying therapy.", 0, **_OPTIONAL
        ),
        "dmt_in_pregnancy": _text(
            "treatment", "Therapy in pregnancy", "A therapy that was continued into pregnancy.", **_OPTIONAL
        ),
        "steroid_prophylaxis": _flag(
            "treatment", "Steroid prophylaxis", "Planned corticosteroids after delivery.", **_OPTIONAL
        ),
        "visits_post_year": _integer(
            "observation", "Visits", "Neurological visits in the year after delivery.", 0, 366, nullable=True
        ),
        "parity": _integer("pregnancy", "Parity", "Earlier births.", 0, 25, nullable=True),
        "assisted_reproduction": _flag(
            "pregnancy", "Assisted reproduction", "This pregnancy followed it.", **_OPTIONAL
        ),
        "iga_deficiency": _flag(
            "comorbidity", "IgA deficiency", "A contraindication to immunoglobulin.", **_OPTIONAL
        ),
        "renal_disease": _flag("comorbidity", "Renal disease", "A caution for immunoglobulin.", **_OPTIONAL),
        "heart_disease": _flag("comorbidity", "Heart disease", "A caution for immunoglobulin.", **_OPTIONAL),
        "diabetes": _flag("comorbidity", "Diabetes", "A caution for immunoglobulin.", **_OPTIONAL),
    },
)


def _reference() -> pa.Column:
    return _identifier("Pregnancy", "pregnancy_id of a row of the pregnancies.")


RELAPSES = _table(
    "relapses",
    "One row a relapse, every onset as it was recorded. Optional; without rows it says that there was none.",
    {
        "pregnancy_id": _reference(),
        "onset_day": _day(
            "relapses", "Onset", "From 730 days before the last menstrual period on, where observed."
        ),
        "steroids": _flag(
            "relapses", "Steroids", "The relapse was treated with corticosteroids.", **_OPTIONAL
        ),
        "confirmed": _text(
            "relapses", "Confirmed", "How it was ascertained.", _one_of("examined", "reported"), **_OPTIONAL
        ),
        "severity": _text(
            "relapses",
            "Severity",
            "As judged by the site.",
            _one_of("mild", "moderate", "severe"),
            **_OPTIONAL,
        ),
    },
)

INFUSIONS = _table(
    "infusions",
    "One row a dose of intravenous immunoglobulin. Optional.",
    {
        "pregnancy_id": _reference(),
        "day": _day("treatment", "Day of the dose", "Day on which it was given."),
        "grams": _column(
            "float64",
            "treatment",
            "Dose",
            "Immunoglobulin given.",
            _check(pa.Check.in_range(0, 200, include_min=False), "range", "above 0, at most 200"),
            unit="g",
        ),
        "grams_per_kg": _column(
            "float64",
            "treatment",
            "Dose by body weight",
            "Immunoglobulin given per kilogram.",
            _check(pa.Check.in_range(0, 10, include_min=False), "range", "above 0, at most 10"),
            unit="g/kg",
            **_OPTIONAL,
        ),
    },
)

ADVERSE_EVENTS = _table(
    "adverse_events",
    "One row an adverse event. Optional.",
    {
        "pregnancy_id": _reference(),
        "day": _day("safety", "Day of the event", "Day on which it began."),
        "term": _text("safety", "Event", "What happened.", _one_of(*TERMS)),
        "serious": _flag("safety", "Serious", "Serious by the usual regulatory definition."),
    },
)

TABLES = {schema.title: schema for schema in (PREGNANCIES, RELAPSES, INFUSIONS, ADVERSE_EVENTS)}
