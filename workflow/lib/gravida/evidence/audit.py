"""Claims of published studies recomputed from what they print, and whether the numbers agree."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from gravida.evidence.claims import Claim, Number, read_claims, read_count, read_exact, read_number
from gravida.evidence.claims import read_rounded as rounded
from gravida.evidence.comparisons import MEASURES, PRINTED_CONFIDENCE, compare
from gravida.evidence.implied import FORMULAS, NEEDS_PRINTED, PRINTS_COUNT, Formula, Implied, only
from gravida.evidence.pool import PooledRow, pool
from gravida.evidence.rows import analyses
from gravida.words import joined

AGREES, DISAGREES, UNCHECKED = "agrees", "disagrees", "cannot be checked"
# Two ends that are the same in decimals differ by no more than this share in binary.
SAME_END = 1e-12
POOL_KEYS = ("analysis", "measure", "method", "interval", "zero_cells")
ARMS = ("treated", "control")
NUMBERS_NEEDED = ("nnt_from_counts", "nnt_from_odds_ratio")


class Uncheckable(Exception):
    """Something that a claim is computed from is not there; the message says what."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One row of the table `evidence_audit`; `implied` is a number as text, or words."""

    study: str
    claim: str
    kind: str
    discrepancy: str
    printed: str
    implied: str = ""
    implied_lower: float = math.nan
    implied_upper: float = math.nan
    verdict: str = UNCHECKED
    note: str = ""
    source: str = ""


def audit_claims(claims: pd.DataFrame, studies: pd.DataFrame) -> pd.DataFrame:
    """Return the verdict on each printed claim.

    Every printed number stands for half a unit of its last digit either side; counts are exact. A claim
    agrees where the range of what its inputs imply meets the interval of what is printed. Where the sheet
    says that its inputs are inferred it cannot be checked, whatever they imply. Pools have 95% limits, as
    published ones do, and hold published studies alone.

    Parameters
    ----------
    claims : DataFrame
        Text columns study, claim, check, printed, inputs, source, note.
    studies : DataFrame
        The sheet of published studies, one row a comparison.

    Returns
    -------
    DataFrame
        study, claim, kind (arithmetic: from numbers printed with it; circular: from cells that were inferred
        from it; other_source: against another paper; design), discrepancy (claims with the same word there
        are of one slip), printed, implied (text, also of a number), implied_lower, implied_upper, verdict,
        note, source.

    Raises
    ------
    ConfigurationError
        If a row's check is unknown, or an input or the printed number cannot be read.
    """
    verdicts = [_audit(claim, studies) for claim in read_claims(claims)]
    return pd.DataFrame(verdicts, columns=list(Verdict.__dataclass_fields__))


def _audit(claim: Claim, studies: pd.DataFrame) -> Verdict:
    names = ("study", "claim", "discrepancy", "printed", "source")
    about = {name: getattr(claim, name) for name in names} | {"kind": _kind(claim.check)}
    try:
        if claim.check in FLAGS:
            found, fault = _flag(claim, studies)
            verdict = DISAGREES if fault else AGREES
            return Verdict(**about, implied=found, verdict=verdict, note=joined(claim.note, fault))
        printed = _printed(claim)
        implied = _implied(claim, printed, studies)
    except Uncheckable as obstacle:
        return Verdict(**about, note=joined(claim.note, str(obstacle)))
    verdict, remark = _compare(claim, printed, implied)
    return Verdict(**about, **_shown(implied), verdict=verdict, note=joined(claim.note, implied.note, remark))


def _kind(check: str) -> str:
    if check in FLAGS:
        return "design"
    kinds = {"pooled": "circular", "total": "circular", "same_number": "other_source"}
    return (kinds | {"same_count": "other_source"}).get(check, "arithmetic")


def _compare(claim: Claim, printed: Number, implied: Implied) -> tuple[str, str]:
    """Return the verdict, and what must be said of how it came about."""
    if claim.inferred:
        return UNCHECKED, f"rests on inferred numbers: {claim.inferred}"
    if any(meet(printed, found, claim.check == "same_number") for found in implied.ranges):
        return AGREES, ""
    if claim.check in NEEDS_PRINTED and any(_is_cut(printed, found.value) for found in implied.ranges):
        return AGREES, "cut after its last digit, not rounded"
    if claim.check in NUMBERS_NEEDED and any(_is_rounded_up(claim, found) for found in implied.ranges):
        return AGREES, "rounded up, as numbers needed to treat are"
    return DISAGREES, ""


def _is_cut(printed: Number, value: float) -> bool:
    return printed.value <= value < printed.value + 2 * (printed.upper - printed.value)


def _is_rounded_up(claim: Claim, implied: Number) -> bool:
    whole = claim.printed.strip().lstrip("-+").isdigit()
    return whole and abs(float(claim.printed)) in {
        math.ceil(abs(end)) for end in (implied.lower, implied.upper)
    }


def meet(printed: Number, implied: Number, only_inside: bool = False) -> bool:
    """Return whether two intervals have a number in common.

    Parameters
    ----------
    printed, implied : Number
    only_inside : bool
        Whether intervals that touch at their ends alone, as those of 3 and 4 do, have none.
    """
    points = printed.lower == printed.upper or implied.lower == implied.upper
    gap = max(printed.lower, implied.lower) - min(printed.upper, implied.upper)
    slack = SAME_END * max(1e-300, abs(implied.value), abs(printed.value))
    return gap < -slack if only_inside and not points else gap <= slack


def _shown(implied: Implied) -> dict[str, str | float]:
    if len(implied.found) != 1:
        return {"implied": " or ".join(f"{value:.2f}" for value in implied.found) or "none"}
    ends = [end for found in implied.ranges for end in (found.lower, found.upper)]
    finite = bool(ends) and all(map(math.isfinite, ends))
    return {
        "implied": f"{implied.found[0]:.15g}",
        "implied_lower": min(ends) if finite else math.nan,
        "implied_upper": max(ends) if finite else math.nan,
    }


def _printed(claim: Claim) -> Number:
    if not claim.printed:
        raise Uncheckable("missing: printed")
    try:
        return (read_count if claim.check in PRINTS_COUNT else read_number)(claim.printed)
    except ValueError as problem:
        raise claim.fault("printed", f"{claim.printed}: {problem}") from None


def _implied(claim: Claim, printed: Number, studies: pd.DataFrame) -> Implied:
    if claim.check == "total":
        return _total(claim, studies)
    if claim.check == "pooled":
        return _pooled(claim, studies)
    if claim.check not in FORMULAS:
        known = ", ".join(sorted([*FORMULAS, *FLAGS, "total", "pooled"]))
        raise claim.fault("check", f"{claim.check} is not one of {known}")
    formula = FORMULAS[claim.check]
    inputs = _numbers(claim, formula)
    if claim.check in NEEDS_PRINTED:
        inputs["printed"] = printed
    _check_ranges(claim, inputs)
    try:
        implied = formula.compute(**inputs)
        if not all(math.isfinite(value) for value in implied.found):
            raise ValueError
        return implied
    except KeyError as missing:
        raise Uncheckable(f"missing: {missing.args[0]}") from None
    except (ValueError, ZeroDivisionError, OverflowError):
        raise Uncheckable("the printed values, as rounded, give no finite answer") from None


def _check_ranges(claim: Claim, inputs: dict[str, Number]) -> None:
    """Refuse a coverage that is none and degrees of freedom below 1."""
    if "confidence" in inputs and not 0 < inputs["confidence"].value < 1:
        raise claim.fault("inputs", "confidence is between 0 and 1, such as 0.95")
    if "df" in inputs and inputs["df"].value < 1:
        raise claim.fault("inputs", "df is at least 1")


def _numbers(claim: Claim, formula: Formula) -> dict[str, Number]:
    names = tuple(claim.inputs) if formula.any_counts else formula.names
    given = _texts(claim, names, formula.optional)
    readers = dict.fromkeys(formula.rounded, rounded) | dict.fromkeys(formula.exact, read_exact)
    numbers = {}
    for name, text in given.items():
        try:
            numbers[name] = readers.get(name, read_count)(text)
        except ValueError as problem:
            raise claim.fault("inputs", f"{name}={text}: {problem}") from None
    return numbers


def _texts(claim: Claim, names: tuple[str, ...], optional: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return the inputs that are given; one that is needed and empty cannot be checked."""
    if unknown := [name for name in claim.inputs if name not in names]:
        raise claim.fault(
            "inputs", f"{unknown[0]} is no input of {claim.check}, which takes {', '.join(names)}"
        )
    missing = [name for name in names if not claim.inputs.get(name) and name not in optional]
    if missing or not names:
        raise Uncheckable(f"missing: {', '.join(missing) or 'inputs'}")
    return {name: text for name, text in claim.inputs.items() if text}


def _total(claim: Claim, studies: pd.DataFrame) -> Implied:
    """Return the sum of a column of the sheet over the rows that a published review pooled."""
    given = _texts(claim, ("review", "column"))
    column = given["column"]
    if column not in studies:
        raise claim.fault("inputs", f"column={column} is no column of the sheet of studies")
    reviews = studies.get("review", pd.Series("", studies.index)).fillna("")
    rows = studies[[given["review"] in map(str.strip, str(names).split(";")) for names in reviews]]
    if rows.empty:
        raise Uncheckable(f"missing: rows of the review {given['review']}")
    numbers = pd.to_numeric(rows[column], errors="coerce")
    if numbers.isna().any():
        raise Uncheckable(f"missing: {column} of {', '.join(rows.loc[numbers.isna(), 'study'])}")
    return only(float(numbers.sum()))


def _pooled(claim: Claim, studies: pd.DataFrame) -> Implied:
    """Return a number of a pool of the published studies, with the 95% limits that are published."""
    given = _texts(claim, (*POOL_KEYS, "column"))
    column = given.pop("column")
    if column not in PooledRow.__dataclass_fields__:
        raise claim.fault("inputs", f"column={column} is no column of evidence_pooled")
    name, measure = given.pop("analysis"), given.pop("measure")
    pools = {analysis.name: analysis for analysis in analyses(studies, studies.head(0), ())}
    if name not in pools or measure not in MEASURES:
        raise Uncheckable(f"missing: {column} of {name} {measure}")
    rows = [
        row
        for row in pool(compare(studies.iloc[pools[name].rows], measure), PRINTED_CONFIDENCE)
        if all(getattr(row, key) == value for key, value in given.items())
    ]
    value = getattr(rows[0], column) if len(rows) == 1 else None
    if not isinstance(value, (int, float)):
        raise Uncheckable(f"missing: {column} of {name} {measure}")
    return only(float(value))


def _flag(claim: Claim, studies: pd.DataFrame) -> tuple[str, str]:
    """Return what the sheet holds, and the fault in words, "" where there is none."""
    extra = ("arm",) if claim.check == "arm_size" else ()
    given = _texts(claim, ("row", "year", *extra), frozenset({"year"}))
    rows = studies[studies["study"] == given["row"]]
    if "year" in given:
        rows = rows[rows["year"].astype(str).str.removesuffix(".0") == given["year"]]
    if len(rows) != 1:
        what = f"{len(rows)} rows are called {given['row']}; give its year" if len(rows) else given["row"]
        raise Uncheckable(f"missing: {what}")
    return FLAGS[claim.check](claim, rows.iloc[0])


def _cell(row: pd.Series, column: str) -> object:
    if column not in row.index or pd.isna(row[column]):
        raise Uncheckable(f"missing: {column} of {row['study']}")
    return row[column]


def arm_size(claim: Claim, row: pd.Series) -> tuple[str, str]:
    """Say how many an arm holds; one is too few to be a group."""
    arm = claim.inputs["arm"]
    if arm not in ARMS:
        raise claim.fault("inputs", f"arm={arm} is not one of {', '.join(ARMS)}")
    size = int(_cell(row, f"{arm}_n"))
    return str(size), "a group of one: its risk can only be 0 or 1" if size == 1 else ""


def selected_controls(_: Claim, row: pd.Series) -> tuple[str, str]:
    """Say what the controls are; the same women's earlier deliveries were chosen for their outcome."""
    found = _cell(row, "control_type") or "unknown"
    chosen = "the controls are earlier deliveries of the same women, chosen because a relapse followed"
    return str(found), chosen if found == "same_women" else ""


def events_counted(_: Claim, row: pd.Series) -> tuple[str, str]:
    """Say what the events are numbers of; relapses are not women, of whom one may have several."""
    found = _cell(row, "events_counted") or "women"
    several = "relapses are counted as if each were a woman: one may have several"
    return str(found), several if found == "relapses" else ""


FLAGS: dict[str, Callable[[Claim, pd.Series], tuple[str, str]]] = {
    "arm_size": arm_size,
    "selected_controls": selected_controls,
    "events_counted": events_counted,
}
