"""Released tables of published evidence made by hand, for the tests of its figures.

Ratios of studies are Woolf's of their counts (0.5 added at a zero cell), pools of odds ratios those of Mantel
and Haenszel with the limits of Robins, Breslow and Greenland; other cells of pools only have to be drawn.
"""

import math

import numpy as np
import pandas as pd

NAN = float("nan")
Z = 1.959964
# Colditz 1994, JAMA 271:698: author, year, cases and others with and without BCG.
BCG = [
    ("Aronson", 1948, 4, 119, 11, 128),
    ("Ferguson & Simes", 1949, 6, 300, 29, 274),
    ("Rosenthal et al", 1960, 3, 228, 11, 209),
    ("Hart & Sutherland", 1977, 62, 13536, 248, 12619),
    ("Frimodt-Moller et al", 1973, 33, 5036, 47, 5761),
    ("Stein & Aronson", 1953, 180, 1361, 372, 1079),
    ("Vandiviere et al", 1973, 8, 2537, 10, 619),
    ("TPT Madras", 1980, 505, 87886, 499, 87892),
    ("Coetzee & Berjak", 1968, 29, 7470, 45, 7232),
    ("Rosenthal et al", 1961, 17, 1699, 65, 1600),
    ("Comstock et al", 1974, 186, 50448, 141, 27197),
    ("Comstock & Webster", 1969, 5, 2493, 3, 2338),
    ("Comstock et al", 1976, 27, 16886, 29, 17825),
]
# metafor 3.8-1, rma(measure = "OR", method = "REML", test = "knha") of the same 13, logarithms.
BCG_REML = (-0.745177771837063, -1.15201918564033, -0.338336358033797)
BCG_PREDICTION = (-2.07521534641549, 0.584859802741365)
# regtest(model = "lm", predictor = "sei") of the same: t and p on 11 df.
BCG_EGGER = (-1.50695069669431, 0.159991485084265)


def limits(log_ratio, variance):
    reach = Z * math.sqrt(variance)
    return tuple(math.exp(value) for value in (log_ratio, log_ratio - reach, log_ratio + reach))


def odds_ratio(a, n1, c, n2):
    cells = [a, n1 - a, c, n2 - c]
    cells = [cell + 0.5 for cell in cells] if 0 in cells else cells
    return limits(math.log(cells[0] * cells[3] / cells[1] / cells[2]), sum(1 / cell for cell in cells))


def rate_ratio(a, t1, c, t2):
    a, c = (a + 0.5, c + 0.5) if 0 in (a, c) else (a, c)
    return limits(math.log(a * t2 / c / t1), 1 / a + 1 / c)


def mantel_haenszel(tables):
    """Pool tables (a, n1, c, n2): odds ratio and its limits."""
    r = s = pr = ps_qr = qs = 0.0
    for a, n1, c, n2 in tables:
        n, b, d = n1 + n2, n1 - a, n2 - c
        ri, si, p, q = a * d / n, b * c / n, (a + d) / n, (b + c) / n
        r, s, pr, ps_qr, qs = r + ri, s + si, pr + p * ri, ps_qr + p * si + q * ri, qs + q * si
    return limits(math.log(r / s), pr / (2 * r**2) + ps_qr / (2 * r * s) + qs / (2 * s**2))


def study(name, year, counts=None, ratio=None, measure="OR", **more):
    """Return a row of `evidence_studies`; counts are events and n, or events and years, of either arm."""
    row = {
        "study": name, "year": year, "window": "0-6 months", "dose": "", "treated_events": NAN,
        "treated_n": NAN, "control_events": NAN, "control_n": NAN, "treated_person_years": NAN,
        "control_person_years": NAN, "measure": measure, "exact_lower": NAN, "exact_upper": NAN,
        "weight": NAN, "weight_with_registry": NAN, "weight_method": "", "control_type": "concurrent",
        "included": True, "inferred": "", "overlap_group": "", "robins_i": "", "source": "a journal",
        "registry": False, "women": NAN, "smallest_count": NAN, "note": "", "suppressed": False,
    }  # fmt: skip
    found = ratio or (NAN, NAN, NAN)
    if counts:
        size = "person_years" if measure == "IRR" else "n"
        names = [f"{arm}_{what}" for arm in ("treated", "control") for what in ("events", size)]
        row |= dict(zip(names, counts, strict=True))
        found = (rate_ratio if measure == "IRR" else odds_ratio)(*counts)
    return row | dict(zip(("estimate", "lower", "upper"), found, strict=True)) | more


def weighted(rows):
    """Return studies as a table with weights: Mantel and Haenszel's of odds ratios, or inverse variances."""
    table = pd.DataFrame(rows)
    counts = table["control_events"] * (table["treated_n"] - table["treated_events"])
    counts /= table["treated_n"] + table["control_n"]
    shares = counts.where(table["measure"] == "OR", np.log(table["upper"] / table["lower"]) ** -2)
    for column, own in (("weight", False), ("weight_with_registry", True)):
        inside = shares.where(table["included"] & (~table["registry"] | own))
        table[column] = 100 * inside / inside.groupby(table["measure"]).transform("sum")
    return table.assign(weight_method="mantel_haenszel")


def pooled(analysis, ratio, studies, method="mantel_haenszel", measure="OR", **more):
    """Return a row of `evidence_pooled`."""
    names = [
        "p_value", "q", "q_df", "q_p_value", "i2", "tau2", "tau2_lower", "tau2_upper", "prediction_lower",
        "prediction_upper", "egger_t", "egger_df", "egger_p_value", "women", "smallest_count",
    ]  # fmt: skip
    row = {
        "analysis": analysis, "measure": measure, "method": method, "interval": "wald", "zero_cells": "none",
        "studies": studies, **dict(zip(("estimate", "lower", "upper"), ratio, strict=True)),
        **dict.fromkeys(names, NAN), "status": "ok", "reason": "", "suppressed": False,
    }  # fmt: skip
    return row | more


def bcg_studies():
    rows = [study(name, year, (a, a + b, c, c + d)) for name, year, a, b, c, d in BCG]
    return weighted(rows)


def bcg_pooled():
    """Return the pools of the 13 trials, cumulative by year."""
    in_time = sorted(BCG, key=lambda trial: trial[1])
    tables = [(a, a + b, c, c + d) for _, _, a, b, c, d in in_time]
    twice = {"Rosenthal et al", "Comstock et al"}
    names = [f"{name} {year}" if name in twice else name for name, year, *_ in in_time]
    reml = tuple(math.exp(value) for value in BCG_REML)
    prediction = tuple(math.exp(value) for value in BCG_PREDICTION)
    egger = {"egger_t": BCG_EGGER[0], "egger_df": 11, "egger_p_value": BCG_EGGER[1]}
    spread = {"q": 163.942579569193, "q_df": 12, "q_p_value": 8.2e-29, "i2": 92.6803640448177}
    tau = {"tau2": 0.337772045077251, "tau2_lower": 0.130161462668022, "tau2_upper": 1.18119009212124}
    ends = dict(zip(("prediction_lower", "prediction_upper"), prediction, strict=True))
    mixed = {"method": "reml", "interval": "hartung_knapp", **tau, **ends}
    # metafor's FE_OR: -0.43613907613641, standard error 0.042265456992996.
    fixed = limits(-0.43613907613641, 0.042265456992996**2)
    return pd.DataFrame(
        [
            pooled("main", mantel_haenszel(tables), 13, **spread),
            pooled("main", fixed, 13, "inverse_variance", **egger),
            pooled("main", reml, 13, **mixed),
            *[
                pooled(f"cumulative:{name}", mantel_haenszel(tables[: place + 1]), place + 1)
                for place, name in enumerate(names)
            ],
        ]
    )


HELLWIG = (5, 14, 39, 74)
ACHIRON = (6, 41, 13, 39)
LONG_NAME = "Prospective Cohort of Seven EU Countries"
OWN_COUNTS = (12, 60, 25, 72)


def ivig_studies(withheld=False):
    """Return studies of every kind of row: zero cells, inferred numbers, printed ratios, and a registry's."""
    own = {"registry": True, "control_type": "concurrent", "women": 132, "smallest_count": 12}
    rows = [
        study("Achiron 1996", 1996, (0, 3, 12, 18), included=False, control_type="same_women",
              inferred="control_n;robins_i", note="controls are the same women at another time; more"),
        study("Orvieto", 1999, (0, 14, 1, 1), included=False, inferred="control_events;control_n",
              note="the control group is a single woman; a cell is 0"),
        study("Achiron", 2004, ACHIRON, inferred="treated_events;control_events",
              note="relapses were counted, not women with a relapse"),
        study("Hellwig", 2008, HELLWIG, inferred="year;control_n"),
        study(LONG_NAME, 2012, (0, 20, 4, 22)),
        study("Adjusted", 2023, ratio=(0.22, 0.08, 0.59), inferred="ratio", included=False,
              note="dearer drug"),
        study("This registry", 2026, OWN_COUNTS, **own),
        study("Achiron", 2004, (6, 10.25, 13, 9.75), measure="IRR", inferred="treated_person_years"),
        study("Brandt-Wouters", 2016, (5, 10.5, 81, 67.25), measure="IRR", included=False,
              control_type="historical"),
        study("Horvat Ledinek 2020", 2020, ratio=(0.709723, 0.384911, 1.308901), measure="IRR",
              note="ratio and limits as printed; its women are the registry's own: not pooled with it"),
        study("This registry", 2026, (12, 28.4, 25, 33.1), measure="IRR", **own),
        study("Haas", 2007, measure="", included=False, control_type="other_dose"),
    ]  # fmt: skip
    table = weighted(rows)
    return withhold(table, table["registry"]) if withheld else table


def withhold(table, chosen):
    """Take every number of the rows chosen, as the release gate does."""
    numbers = [name for name in table.select_dtypes("number") if name != "year"]
    return table.assign(
        suppressed=table["suppressed"] | chosen, **{name: table[name].mask(chosen) for name in numbers}
    )


def ivig_pooled(withheld=False):
    """Return pools for `ivig_studies`: the main one, a review's, and those with the registry."""
    two, zero = [ACHIRON, HELLWIG], (0, 20, 4, 22)
    spread = {"q": 1.24, "q_df": 2, "q_p_value": 0.538, "i2": 0.0}
    tau = {"tau2": 0.12, "tau2_lower": 0.0, "tau2_upper": 9.5}
    mixed = {"method": "reml", "interval": "hartung_knapp", "zero_cells": "half", **tau}
    printed, after = (0.62, 0.36, 1.06), (0.6, 0.4, 0.9)
    rate = {"measure": "IRR", "method": "inverse_variance"}
    rows = [
        pooled("all", (0.3, 0.1, 0.9), 6),
        pooled("main", mantel_haenszel([*two, zero]), 3, **spread),
        pooled("main", (0.4, 0.1, 1.6), 3, prediction_lower=0.02, prediction_upper=7.0, **mixed),
        pooled("main", (0.39, 0.2, 0.8), 3, "inverse_variance", zero_cells="half"),
        pooled("rosa_2018", (0.3185, 0.1515, 0.6693), 4, zero_cells="half_in_pool", q=3.738, q_df=3),
        pooled("rosa_2018", (0.29, 0.14, 0.6), 4),
        pooled("with_registry", mantel_haenszel([*two, zero, OWN_COUNTS]), 4),
        pooled("cumulative:Achiron", mantel_haenszel([ACHIRON]), 1),
        pooled("cumulative:Hellwig", mantel_haenszel(two), 2),
        pooled(f"cumulative:{LONG_NAME}", mantel_haenszel([*two, zero]), 3),
        pooled("cumulative:This registry", mantel_haenszel([*two, zero, OWN_COUNTS]), 4),
        pooled("main", rate_ratio(6, 10.25, 13, 9.75), 1, measure="IRR"),
        pooled("main", printed, 2, q=0.9, q_df=1, q_p_value=0.343, i2=0.0, **rate),
        pooled("main", (NAN, NAN, NAN), 2, **{**rate, "method": "reml", "interval": "hartung_knapp"},
               status="not_converged", reason="the likelihood has no highest point"),
        pooled("with_registry", after, 2, **rate),
        pooled("cumulative:Achiron", rate_ratio(6, 10.25, 13, 9.75), 1, **rate),
        pooled("cumulative:Horvat Ledinek 2020", printed, 2, **rate),
        pooled("cumulative:This registry", after, 2, **rate),
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    own = table["analysis"].isin(["with_registry", "cumulative:This registry"])
    return withhold(table, own) if withheld else table


def many_studies(number=40):
    """Return so many studies with names of up to 40 letters, every third not in the pool, and their pools."""
    draw = np.random.default_rng(7)
    rows, tables = [], []
    for place in range(number):
        n1, n2 = (int(size) for size in draw.integers(8, 400, 2))
        counts = (int(draw.binomial(n1, 0.2)), n1, int(draw.binomial(n2, 0.3)), n2)
        name = f"Study of MS Wards Mannheim-Würzburg {place}"[: 40 - place % 30]
        included = place % 3 > 0
        kind = {"included": included, "control_type": "concurrent" if included else "historical"}
        rows.append(study(f"{name}{place}", 1980 + place, counts, **kind))
        tables += [counts] if included else []
    pools = [pooled("main", mantel_haenszel(tables), len(tables))]
    names = [row["study"] for row in rows if row["included"]]
    pools += [
        pooled(f"cumulative:{name}", mantel_haenszel(tables[: place + 1]), place + 1)
        for place, name in enumerate(names)
    ]
    return weighted(rows), pd.DataFrame(pools)
