"""The published evidence: its studies, their pools, how far they can be trusted, and the audit of claims."""

import pandas as pd

from gravida import words
from gravida.report import cells
from gravida.report.display import Display
from gravida.report.section import Picture, Section

DIRECTION = "Ratios are treated over control, the other way round than the registry's own elsewhere here"
INFERRED = "†"
RATIOS = ("OR", "RR", "IRR", "HR")
# Of the many rows of the pools, the report shows these; the table that is released has all.
RANDOM = ("dersimonian_laird", "paule_mandel")


def show_studies(studies: pd.DataFrame) -> Display:
    """Show each study by its odds ratio and its rate ratio, and those without any number."""
    shown = studies[studies["measure"].isin(["OR", "IRR", "HR", ""])]
    shown = shown.sort_values(["year", "study"], kind="stable")
    # What was read from the source is said once a study, whatever its measures.
    shown = shown.assign(first=~shown.duplicated(["study", "year"]))
    return cells.display(
        shown,
        {
            "Study": words.study_name,
            "Controls": lambda row: words.words(row["control_type"], {}),
            "Treated": lambda row: _arm(row, "treated"),
            "Control": lambda row: _arm(row, "control"),
            "Measure": lambda row: words.text(row["measure"]) or words.DASH,
            "Treated over control (limits)": cells.limits("estimate", "lower", "upper", 2),
            "Weight, %": _weight,
            "Main pool": lambda row: "with it" if row["registry"] else "yes" if row["included"] else "no",
            cells.NOTE: lambda row: words.joined(
                words.text(row["note"]), words.text(row["extraction"]).rstrip(".") if row["first"] else ""
            ),
        },
        row="Study",
    )


def _arm(row: pd.Series, arm: str) -> str:
    """Return events and size of an arm, the inferred ones marked."""
    sizes = [f"{arm}_person_years"] if row["measure"] == "IRR" else [f"{arm}_n"]
    columns = [f"{arm}_events", *sizes]
    inferred = words.text(row["inferred"]).split(";")
    if all(words.is_missing(row[column]) for column in columns):
        return words.WITHHELD if words.is_withheld(row) else words.DASH
    digits = {f"{arm}_person_years": 1}
    shown = [
        words.fixed(row[column], digits.get(column, 0)) + (INFERRED if column in inferred else "")
        for column in columns
    ]
    return f"{' / '.join(shown)}{' years' if row['measure'] == 'IRR' else ''}"


def _weight(row: pd.Series) -> str:
    column = "weight_with_registry" if row["registry"] else "weight"
    return cells.value(column, lambda value: words.fixed(value, 1))(row)


def show_pooled(pooled: pd.DataFrame) -> Display:
    """Show every pool by its main methods, and the odds ratio with each study left out."""
    every = ~pooled["analysis"].str.contains("^(?:leave_out|cumulative):")
    left_out = pooled["analysis"].str.startswith("leave_out:")
    zero_cells = pooled.groupby(["analysis", "measure", "method", "interval"])["zero_cells"]
    plain = pooled["zero_cells"].eq(zero_cells.transform("first"))
    haenszel, odds = pooled["method"].eq("mantel_haenszel"), pooled["measure"].eq("OR")
    ratios = pooled["measure"].isin(["OR", "IRR"]) & ~pooled["method"].isin(RANDOM)
    kept = (every & ((ratios & plain) | (haenszel & (odds | plain)))) | (left_out & haenszel & odds & plain)
    return cells.display(
        pooled[kept],
        {
            "Pool": _pool,
            "Method": _method,
            "Studies": cells.count("studies"),
            "Treated over control (limits)": cells.limits("estimate", "lower", "upper", 2),
            "p": cells.p_value(),
            "Q (df)": _q,
            "I², %": cells.fixed("i2", 0),
            "τ² (limits)": _tau2,
            "Prediction": _prediction,
            cells.NOTE: cells.note,
        },
        row="Method",
        group="Pool",
    )


def _pool(row: pd.Series) -> str:
    return words.pool(row["analysis"])


def _method(row: pd.Series) -> str:
    names = (words.words(row["method"], words.POOLING), words.words(row["interval"], words.POOLING))
    added = words.words(row["zero_cells"], words.ZERO_CELLS)
    measure = "RD, treated less control" if row["measure"] == "RD" else row["measure"]
    return f"{measure}: {', '.join(filter(None, (*names, added)))}"


def _q(row: pd.Series) -> str:
    return cells.value("q", lambda value: f"{words.fixed(value, 2)} ({words.count(row['q_df'])})")(row)


def _tau2(row: pd.Series) -> str:
    return cells.limits("tau2", "tau2_lower", "tau2_upper", 2)(row)


def _prediction(row: pd.Series) -> str:
    return cells.value("prediction_lower", lambda value: words.interval(value, row["prediction_upper"], 2))(
        row
    )


def show_grade(grade: pd.DataFrame) -> Display:
    """Show the certainty of each pool, and what each of the five domains takes from it."""
    domains = ("risk_of_bias", "inconsistency", "indirectness", "imprecision", "publication_bias")
    return cells.display(
        grade,
        {
            "Pool": lambda row: f"{_pool(row)}, {row['measure']}",
            "Certainty": cells.value("certainty", words.text),
            "Starts at": lambda row: words.text(row["start"]),
            **{words.words(name, {}): _domain(place, name) for place, name in enumerate(domains)},
        },
        row="Pool",
    )


def _domain(place: int, name: str) -> cells.Cell:
    """Return the cell of a domain: its levels, and its reason, which stands at its place among the five."""

    def show(row: pd.Series) -> str:
        if words.is_missing(row[name]):
            return words.WITHHELD if words.is_withheld(row) else words.DASH
        why = words.text(row["reason"]).split("; ")[place]
        return f"{float(row[name]):g}: {why}".replace("-", "−", 1) if float(row[name]) else why

    return show


def show_audit(audit: pd.DataFrame) -> Display:
    """Show each printed claim beside what its own numbers imply."""
    return cells.display(
        audit,
        {
            "Study": lambda row: row["study"],
            "Claim": lambda row: row["claim"],
            "Printed": lambda row: words.text(row["printed"]),
            "Implied": _implied,
            "Verdict": lambda row: row["verdict"],
            cells.NOTE: lambda row: words.text(row["note"]),
        },
        row="Claim",
        group="Study",
    )


def _implied(row: pd.Series) -> str:
    """Return what follows from the printed numbers, with the range that their rounding leaves."""
    value, lower, upper = (row[name] for name in ("implied", "implied_lower", "implied_upper"))
    if words.is_missing(value):
        return words.DASH
    try:
        number = float(value)
    except ValueError:
        return words.text(value)
    if words.is_missing(lower) or words.is_missing(upper) or float(lower) == float(upper):
        return _digits(number, 4)
    return f"{_digits(number, 4)} ({_digits(lower, 3)} to {_digits(upper, 3)})"


def _digits(number: float, significant: int) -> str:
    """Return a number with so many significant digits, a large one whole."""
    return f"{float(number):,.0f}" if abs(float(number)) >= 1000 else f"{float(number):.{significant}g}"


def describe_studies(studies: pd.DataFrame) -> str:
    """Put the forest plot in words."""
    main = studies[(studies["measure"] == "OR") & studies["included"].astype(bool) & ~studies["registry"]]
    names = ", ".join(main["study"].astype(str))
    return f"Forest plot of the published studies, treated over control. In the main pool: {names or 'none'}."


def describe_cumulative(pooled: pd.DataFrame) -> str:
    """Put the cumulative plot in words: the last pooled odds ratio."""
    rows = pooled[
        pooled["analysis"].str.startswith("cumulative:")
        & pooled["measure"].eq("OR")
        & pooled["method"].eq("mantel_haenszel")
        & pooled["estimate"].notna()
    ]
    if rows.empty:
        return "Cumulative pools by year of publication."
    last = rows.iloc[-1]
    number = words.estimate(last["estimate"], last["lower"], last["upper"], 2)
    return f"Pooled odds ratio, treated over control, study by study; with the last one {number}."


def describe_funnel(grade: pd.DataFrame) -> str:
    """Put the funnel plot in words."""
    return "Funnel plot: the ratio of each study, treated over control, against its standard error."


EVIDENCE_STUDIES = Section(
    table="evidence_studies",
    title="Published studies",
    caption="Relapse after delivery with immunoglobulin and without, study by study",
    show=show_studies,
    notes=(
        f"{DIRECTION}: below 1 is fewer relapses with IVIG. OR: odds ratio of a relapse; IRR: ratio of "
        "rates. Limits: Wald on the log scale, {ci}.",
        f"{INFERRED} inferred, not printed: the note says from what.",
        "Main pool: randomized or concurrent controls, more than one woman in each arm, IVIG after delivery "
        "only. Weights: Mantel-Haenszel; inverse variance where a study prints a ratio only. The registry's "
        "weight is that in the pool with it.",
    ),
    picture=Picture(
        "evidence_forest",
        "Forest plot of the published studies: the pools before and after this registry, treated over "
        "control, {ci}. Hollow: not in the main pool.",
        describe_studies,
    ),
)
EVIDENCE_POOLED = Section(
    table="evidence_pooled",
    title="Published evidence, pooled",
    caption="Pools of the published studies, and with this registry as the newest",
    show=show_pooled,
    notes=(
        f"{DIRECTION}; RD: risk difference, treated less control. {{ci}}. Every method, measure and step is "
        "in evidence_pooled.csv, also DerSimonian-Laird and Paule-Mandel.",
        "Zero cells: half an event added to each cell of a study that has an empty one, in the studies alone "
        "or in the pool too; or such studies left out. I² from Q. τ² with Q-profile limits. Hartung-Knapp "
        "limits are never narrower than Wald's would be at the same t.",
        "Prediction: where the true value of a further study is expected.",
    ),
    picture=Picture(
        "evidence_cumulative",
        "The pooled ratio as the studies came in by year, treated over control, {ci}; this registry last.",
        describe_cumulative,
    ),
)
EVIDENCE_GRADE = Section(
    table="evidence_grade",
    title="Certainty of the evidence",
    caption="Certainty of the pooled ratios by the domains of GRADE",
    show=show_grade,
    notes=(
        "Levels down by written rules, a stand-in for a panel's judgement: risk of bias (ROBINS-I, overall) "
        "critical in half of the weight, I² of 50% and more, relapses counted as women or different windows, "
        "limits that hold 1, fewer than 300 events, Egger's test. What is not randomized starts low.",
    ),
    picture=Picture(
        "evidence_funnel",
        "Funnel plot, treated over control, with pseudo-limits about the main pool.",
        describe_funnel,
    ),
)
EVIDENCE_AUDIT = Section(
    table="evidence_audit",
    title="Audit of printed claims",
    caption="What published claims imply when they are worked out from the numbers printed with them",
    show=show_audit,
    notes=(
        "Implied: at the printed numbers, with the range that their rounding leaves. A claim agrees where "
        "that range meets the printed number, itself taken as rounded; or cut after its last digit, where a "
        "whole number of events stands behind it, or rounded up, where it is a number needed to treat. What "
        "rests on inferred numbers cannot be checked.",
    ),
)
