"""What the sheets of published evidence hold: relapse rates, studies of treatment, claims to be audited.

Numbers arrive as floats, missing where the cell is empty; text as text, "" where it is empty (see
`gravida.evidence.sheet`). A check over several columns names the column at fault before its colon.
"""

import pandas as pd
import pandera.pandas as pa

from schemas.names import RESERVED

ESTIMATE_TYPES = ("ARR", "ARR_difference", "IRR", "proportion_relapse_free")
RATES_AND_SHARES = ("ARR", "IRR", "proportion_relapse_free")
RATIO_MEASURES = ("OR", "RR", "IRR", "HR")
CONTROL_TYPES = ("randomized", "concurrent", "historical", "same_women", "other_dose")
COUNTED = ("women", "pregnancies", "relapses")
DOMAINS = (
    *("confounding", "selection", "classification", "deviations"),
    *("missing_data", "measurement", "reporting", "overall"),
)
JUDGEMENTS = ("low", "moderate", "serious", "critical", "no_information")
# The row that the registry itself adds, and the pools that every sheet has.
RESERVED_POOLS = {"all", "main", "with_registry", "leave_out", "cumulative"}
# Limits of a published ratio farther apart, or closer together, are slips of the pen.
WIDEST, NARROWEST = 1e6, 1.0001


def parts(cell: str) -> list[str]:
    """Return what stands between the semicolons of a cell."""
    return [part.strip() for part in cell.split(";") if part.strip()]


def labels(sheet: pd.DataFrame) -> pd.Series:
    """Return each row's name: the study, with its year where the study's name stands there twice."""
    twice = sheet["study"].duplicated(keep=False)
    return sheet["study"].where(~twice, sheet["study"] + " " + sheet["year"].map("{:g}".format))


def _number(*checks: pa.Check, nullable: bool = True, required: bool = True) -> pa.Column:
    return pa.Column(float, list(checks), nullable=nullable, required=required, metadata={"number": True})


def _text(*checks: pa.Check, required: bool = True) -> pa.Column:
    plain = pa.Check(_plain, error="more than one line of plain text, or it begins like a formula")
    return pa.Column(None, [plain, *checks], required=required)


def _filled() -> pa.Check:
    return pa.Check.str_length(min_value=1, error="empty")


def _one_of(*words: str, empty: bool = False) -> pa.Check:
    return pa.Check.isin([*words, *([""] if empty else [])], error=f"not one of {', '.join(words)}")


def _whole(cells: pd.Series) -> pd.Series:
    return cells == cells.round()


def _count() -> pa.Column:
    whole = pa.Check(_whole, error="not a whole number")
    return _number(whole, pa.Check.ge(0, error="negative"), required=False)


def _year(nullable: bool) -> pa.Column:
    between = pa.Check.in_range(1900, 2100, error="not a year")
    return _number(pa.Check(_whole, error="not a year"), between, nullable=nullable)


def _holds(error: str, rule) -> pa.Check:
    """Return a check of every row; where `rule` compares with an empty cell it is not broken."""
    return pa.Check(lambda sheet: ~rule(sheet), error=error)


def _plain(cells: pd.Series) -> pd.Series:
    """Say which cells are one line of plain text that no spreadsheet takes for a formula."""
    return ~cells.str.contains(r"[\x00-\x1f\x7f]|^[=+@-]", regex=True)


def _labels_differ(sheet: pd.DataFrame) -> pd.Series:
    """Say which rows have a name of their own."""
    return ~labels(sheet).duplicated(keep=False)


def _no_reserved_pool(cells: pd.Series) -> pd.Series:
    return ~cells.map(lambda cell: bool({*parts(cell)} & RESERVED_POOLS))


def _knows_inferred(sheet: pd.DataFrame) -> pd.Series:
    return sheet["inferred"].map(lambda cell: set(parts(cell)) <= set(STUDIES.columns))


def _judged(cell: str) -> bool:
    pairs = [part.partition("=") for part in parts(cell)]
    return all(domain in DOMAINS and judgement in JUDGEMENTS for domain, _, judgement in pairs)


PUBLISHED_RATES = pa.DataFrameSchema(
    {
        "study": _text(_filled()),
        "year": _year(nullable=True),
        "n_pregnancies": _number(pa.Check.ge(1, error="below 1")),
        "n_women": _number(pa.Check.ge(1, error="below 1")),
        "period": _text(_filled()),
        "estimate_type": _text(_one_of(*ESTIMATE_TYPES)),
        "value": _number(nullable=False),
        "lo": _number(),
        "hi": _number(),
        "spread_type": _text(_one_of("SD", "CI95", empty=True)),
        "spread": _number(pa.Check.ge(0, error="negative")),
        "source": _text(_filled()),
        "status": _text(_filled()),
    },
    checks=[
        _holds("lo: above the value", lambda sheet: sheet["lo"] > sheet["value"]),
        _holds("hi: below the value", lambda sheet: sheet["hi"] < sheet["value"]),
        _holds(
            "value: a rate, ratio or share is not negative",
            lambda sheet: sheet["estimate_type"].isin(RATES_AND_SHARES) & (sheet["value"] < 0),
        ),
    ],
    unique=["study", "year", "period", "estimate_type"],
    strict=True,
)

STUDIES = pa.DataFrameSchema(
    {
        "study": _text(
            _filled(),
            pa.Check(
                lambda cells: cells.str.lower().str.split().str.join(" ") != RESERVED.lower(),
                error="this name is kept for the registry's own row",
            ),
            pa.Check.str_length(max_value=80, error="longer than 80 letters"),
        ),
        "year": _year(nullable=False),
        "window": _text(required=False),
        "dose": _text(required=False),
        "treated_events": _count(),
        "treated_n": _count(),
        "control_events": _count(),
        "control_n": _count(),
        "treated_person_years": _number(pa.Check.ge(0, error="negative"), required=False),
        "control_person_years": _number(pa.Check.ge(0, error="negative"), required=False),
        "ratio": _number(pa.Check.gt(0, error="not above 0"), required=False),
        "ratio_lower": _number(pa.Check.gt(0, error="not above 0"), required=False),
        "ratio_upper": _number(pa.Check.gt(0, error="not above 0"), required=False),
        "ratio_measure": _text(_one_of(*RATIO_MEASURES, empty=True), required=False),
        "control_type": _text(_one_of(*CONTROL_TYPES)),
        "overlap_group": _text(required=False),
        "inferred": _text(required=False),
        "source": _text(_filled()),
        "note": _text(required=False),
        "review": _text(
            pa.Check.str_matches(r"^[A-Za-z0-9_; -]*$", error="names of letters, digits and _, `;` between"),
            pa.Check(_no_reserved_pool, error=f"a name that is kept: {', '.join(sorted(RESERVED_POOLS))}"),
            required=False,
        ),
        "exclude": _text(required=False),
        "events_counted": _text(_one_of(*COUNTED, empty=True), required=False),
        "robins_i": _text(
            pa.Check(lambda cells: cells.map(_judged), error="not `domain=judgement; ...` of ROBINS-I"),
            required=False,
        ),
    },
    checks=[
        _holds("treated_n: is 0", lambda sheet: sheet["treated_n"] == 0),
        _holds("control_n: is 0", lambda sheet: sheet["control_n"] == 0),
        _holds("treated_person_years: is 0", lambda sheet: sheet["treated_person_years"] == 0),
        _holds("control_person_years: is 0", lambda sheet: sheet["control_person_years"] == 0),
        _holds(
            "treated_events: more than treated_n",
            lambda sheet: sheet["treated_events"] > sheet["treated_n"],
        ),
        _holds(
            "control_events: more than control_n",
            lambda sheet: sheet["control_events"] > sheet["control_n"],
        ),
        _holds("ratio_lower: above the ratio", lambda sheet: sheet["ratio_lower"] > sheet["ratio"]),
        _holds("ratio_upper: below the ratio", lambda sheet: sheet["ratio_upper"] < sheet["ratio"]),
        _holds(
            "ratio_lower: the same as ratio_upper, or nearly",
            lambda sheet: sheet["ratio_upper"] <= NARROWEST * sheet["ratio_lower"],
        ),
        _holds(
            "ratio_upper: more than a million times ratio_lower",
            lambda sheet: sheet["ratio_upper"] > WIDEST * sheet["ratio_lower"],
        ),
        _holds(
            "ratio: empty, while its limits or its measure are given",
            lambda sheet: (
                sheet["ratio"].isna()
                & (
                    sheet["ratio_lower"].notna()
                    | sheet["ratio_upper"].notna()
                    | sheet["ratio_measure"].ne("")
                )
            ),
        ),
        _holds(
            "ratio_measure: empty; say whether the ratio is an OR, RR, IRR or HR, for they are never mixed",
            lambda sheet: sheet["ratio"].notna() & sheet["ratio_measure"].eq(""),
        ),
        pa.Check(_labels_differ, error="study: with its year it has the name of another row"),
        pa.Check(_knows_inferred, error="inferred: not names of columns of this sheet, `;` between"),
    ],
    unique=["study", "year"],
    strict=True,
)

CLAIMS = pa.DataFrameSchema(
    {
        "study": _text(_filled()),
        "claim": _text(_filled()),
        "check": _text(_filled()),
        # A printed number may be negative.
        "printed": pa.Column(None, [_filled()]),
        "inputs": _text(),
        "source": _text(_filled()),
        "note": _text(required=False),
        "discrepancy": _text(required=False),
        "inferred": _text(required=False),
    },
    unique=["study", "claim"],
    strict=True,
)
