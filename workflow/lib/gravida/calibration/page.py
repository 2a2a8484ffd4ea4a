"""The page that says what the simulation found: words and tables, all numbers from its table."""

import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, StrictUndefined

from gravida.calibration.labels import METHODS, SCENARIO_WORDS
from gravida.calibration.scenarios import (
    PREGNANCIES,
    RATE_AFTER,
    RATE_BEFORE,
    SCENARIOS,
    SHARED,
    WOMEN,
    Scenario,
)
from gravida.files import read_text

TEMPLATE = Path(__file__).with_name("page.md.j2")
# Where coverage of a 95% interval should lie.
LOW, HIGH = 0.93, 0.97
OUTSIDE = "†"
DASH = "–"
WIDTH = 110
PLAIN = [scenario for scenario in SCENARIOS if not scenario.shock]
SHOCKS = [scenario for scenario in SCENARIOS if scenario.shock]
PAIRS = [scenario for scenario in PLAIN if len(scenario.sites) == 2]
# The groups of scenarios that the words speak of.
GROUPS = {
    "PLAIN": PLAIN,
    "PAIRS": PAIRS,
    "EFFECT": [scenario for scenario in SCENARIOS if scenario.rate_ratio != 1],
    "ALPHA_0": [scenario for scenario in PAIRS if scenario.alpha == 0],
    "ALPHA_15": [scenario for scenario in PAIRS if scenario.alpha == 1.5],
}


def calibration_page(summary: pd.DataFrame, seed: int) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    summary : DataFrame
        The table of `calibrate`, with every scenario of `SCENARIOS`.
    seed : int
        What the studies were drawn from.
    """
    found = Findings(summary.set_index(["scenario", "method"]))
    template = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    design = {
        "pregnancies": PREGNANCIES,
        "treated": SCENARIOS[0].sites[0].pregnancies,
        "women": WOMEN,
        "rate_after": RATE_AFTER,
        "rate_before": RATE_BEFORE,
        "shared": SHARED,
    }
    text = template.from_string(read_text(TEMPLATE)).render(
        **design,
        **GROUPS,
        **found.tables(),
        seed=seed,
        replicates=f"{summary['replicates'].min():,}",
        low=f"{LOW:.0%}",
        high=f"{HIGH:.0%}",
        outside=OUTSIDE,
        span=found.span,
        share=found.share,
        number=found.number,
        estimated=found.estimated,
        verdict=found.verdict,
    )
    return "\n\n".join(_filled(part) for part in text.strip().split("\n\n")) + "\n"


def _filled(part: str) -> str:
    """Return a paragraph or list with lines of equal length; headings and tables as they are."""
    if part.startswith(("#", "|")):
        return part
    items = re.split(r"\n(?=- )", part)
    indents = ["  " if item.startswith("- ") else "" for item in items]
    filled = [
        textwrap.fill(" ".join(item.split()), WIDTH, subsequent_indent=indent, break_on_hyphens=False)
        for item, indent in zip(items, indents, strict=True)
    ]
    return "\n".join(filled)


@dataclass(frozen=True, slots=True)
class Findings:
    """The rows of the summary, by scenario and method."""

    rows: pd.DataFrame

    def share(self, scenario: str, method: str, column: str = "coverage") -> str:
        """Return a share in percent."""
        return f"{100 * self.rows.loc[(scenario, method), column]:.1f}%"

    def number(self, scenario: str, method: str, column: str) -> str:
        """Return a number with two decimals."""
        return f"{self.rows.loc[(scenario, method), column]:.2f}"

    def estimated(self, scenario: str, method: str) -> str:
        """Return the share of replicates with an estimate, in percent."""
        row = self.rows.loc[(scenario, method)]
        return f"{100 * row['estimated'] / row['replicates']:.1f}%"

    def span(self, method: str, scenarios: Sequence[Scenario], column: str = "coverage") -> str:
        """Return the smallest and the largest share over scenarios, in percent."""
        shares = self._shares(method, scenarios, column)
        if shares.empty:
            return DASH
        low, high = (f"{100 * share:.1f}%" for share in (shares.min(), shares.max()))
        return low if low == high else f"{low} to {high}"

    def verdict(self, method: str, scenarios: Sequence[Scenario]) -> str:
        """Say whether coverage is where it should be in all scenarios."""
        shares = self._shares(method, scenarios, "coverage")
        outside = [name for name, share in shares.items() if not LOW <= share <= HIGH]
        if not outside:
            return f"inside {LOW:.0%} to {HIGH:.0%} in every scenario"
        named = "; ".join(", ".join(SCENARIO_WORDS[name]) for name in outside)
        return f"**outside {LOW:.0%} to {HIGH:.0%}** in {len(outside)} of {len(shares)} scenarios ({named})"

    def tables(self) -> dict[str, str]:
        """Return the tables of the page by name, in Markdown."""
        brief = ["primary", "poisson_cr2", "difference_in_differences", "site_rates"]
        return {
            "summary_table": self._brief(),
            "shock_table": self._table(brief, _coverage, SHOCKS),
            "coverage_table": self._table(list(METHODS), _coverage, SCENARIOS),
            "rejection_table": self._table(list(METHODS), lambda row: _percent(row, "rejected"), SCENARIOS),
            "error_table": self._errors(),
            "missing_table": self._missing(),
        }

    def _shares(self, method: str, scenarios: Sequence[Scenario], column: str) -> pd.Series:
        names = [scenario.name for scenario in scenarios]
        return self.rows.xs(method, level="method")[column].reindex(names).dropna()

    def _brief(self) -> str:
        """Return each method's coverage without and with site shocks."""
        lines = [["", "without site shocks", "with site shocks"]]
        for method, words in METHODS.items():
            lines.append([words, self.span(method, PLAIN), self.span(method, SHOCKS)])
        return _markdown(lines)

    def _table(
        self, methods: Sequence[str], cell: Callable[[pd.Series], str], scenarios: Sequence[Scenario]
    ) -> str:
        """Return a line for each scenario and a column for each method."""
        lines = [["", *(METHODS[method] for method in methods)]]
        lines += [
            [_words(scenario), *(self._cell(scenario, method, cell) for method in methods)]
            for scenario in scenarios
        ]
        return _markdown(lines)

    def _cell(self, scenario: Scenario, method: str, cell: Callable[[pd.Series], str]) -> str:
        """Return what stands in one place of a table, a dash where there is no estimate."""
        if (scenario.name, method) not in self.rows.index:
            return DASH
        row = self.rows.loc[(scenario.name, method)]
        return cell(row) if row["estimated"] else DASH

    def _errors(self) -> str:
        methods = ["primary", "difference_in_differences"]
        heads = [f"{METHODS[method]}: {name}" for method in methods for name in ("bias", "mean error", "SD")]
        lines = [["", *heads, "Fallback"]]
        for scenario in SCENARIOS:
            rows = [self.rows.loc[(scenario.name, method)] for method in methods]
            cells = [text for row in rows for text in _three(row)]
            lines.append([_words(scenario), *cells, f"{100 * rows[0]['fallback']:.1f}"])
        return _markdown(lines)

    def _missing(self) -> str:
        """Return the methods without an estimate in more than 1 of 100 replicates, and why."""
        lines = [["", "Method", "Percent of replicates", "Commonest reason"]]
        for scenario in SCENARIOS:
            for method, row in self.rows.loc[scenario.name].iterrows():
                missing = 1 - row["estimated"] / row["replicates"]
                if missing > 0.01:
                    cells = [METHODS[method], f"{100 * missing:.1f}", row["reason"]]
                    lines.append([_words(scenario), *cells])
        return _markdown(lines) if len(lines) > 1 else "None in more than 1% of the replicates."


def _three(row: pd.Series) -> list[str]:
    bias = f"{row['bias']:.3f} ({row['bias_mcse']:.3f})"
    return [bias, f"{row['mean_error']:.3f}", f"{row['empirical_sd']:.3f}"]


def _percent(row: pd.Series, share: str) -> str:
    return f"{100 * row[share]:.1f} ({100 * row[f'{share}_mcse']:.1f})"


def _coverage(row: pd.Series) -> str:
    return _percent(row, "coverage") + OUTSIDE * (not LOW <= row["coverage"] <= HIGH)


def _words(scenario: Scenario) -> str:
    return ", ".join(SCENARIO_WORDS[scenario.name])


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    """Return a table whose first line is its head."""
    head, *rest = lines
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rest))
