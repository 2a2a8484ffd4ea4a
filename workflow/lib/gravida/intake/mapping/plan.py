"""What a mapping file says, understood: the plan of each table and column."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import pandera.pandas as pa

# Which rows of the relapses may be left out.
OUTSIDE = "outside_observation"
WITHOUT_PREGNANCY = "without_pregnancy"


@dataclass(frozen=True, slots=True)
class Source:
    """One table of a site's own: a file, or a sheet of a workbook. `sheet` and the like may be empty."""

    file: str
    sheet: str = ""
    header_row: int | None = None
    encoding: str = ""
    separator: str = ""

    @property
    def name(self) -> str:
        """The key under which the table is handed to `apply_mapping`."""
        return f"{self.file}:{self.sheet}" if self.sheet else self.file

    @property
    def options(self) -> dict[str, str | int]:
        """What `read_source` is told beside the file."""
        told = {
            "sheet": self.sheet,
            "header_row": self.header_row,
            "encoding": self.encoding,
            "separator": self.separator,
        }
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """Where one column of the data dictionary comes from.

    `sources` are columns of the source, none where `value` is given; `reading` is what a date becomes, ""
    where it is none, and `month_only` whether one that is known to the month alone will do; a number is
    multiplied by `factor`, then `shift` is added.
    """

    target: str
    kind: str
    sources: tuple[str, ...]
    join: str
    value: str
    reading: str
    factor: Fraction
    shift: Fraction
    weeks: bool
    rounding: str
    codes: Mapping[str, str]
    missing: Mapping[str, str]
    yes: frozenset[str]
    no: frozenset[str]
    decimal: str
    date_order: str
    month_only: bool

    @property
    def calculates(self) -> bool:
        """Whether a number is changed."""
        return self.factor != 1 or self.shift != 0 or self.weeks or bool(self.rounding)


@dataclass(frozen=True, slots=True)
class TablePlan:
    """Where one table comes from.

    `delivery` reads the date of delivery; each of `repeat` makes a further row of a row of the source;
    `ignore` names what is left out, None for all that is not mapped. Of relapses, `of_women` says that each
    row is known to be of a woman, not of one of her pregnancies, and `leave_out` which rows are no fault but
    left out; of pregnancies, `counted` that their counts are made from the relapses.
    """

    table: str
    source: Source
    instrument: str
    delivery: ColumnPlan | None
    columns: tuple[ColumnPlan, ...]
    repeat: tuple[tuple[ColumnPlan, ...], ...]
    ignore: frozenset[str] | None
    of_women: bool = False
    leave_out: frozenset[str] = frozenset()
    counted: bool = False

    def wanted(self) -> frozenset[str]:
        """Return the names of all columns of the source that are used."""
        plans = [*self.columns, *(plan for group in self.repeat for plan in group)]
        plans += [self.delivery] if self.delivery else []
        return frozenset(name for plan in plans for name in plan.sources)


@dataclass(frozen=True, slots=True)
class Redcap:
    """The files are exports of REDCap; `dictionary` is the source of its data dictionary."""

    dictionary: Source
    labelled: bool
    record_id: str


@dataclass(frozen=True, slots=True)
class SiteMapping:
    """A whole mapping file: the tables in the contract's order."""

    tables: tuple[TablePlan, ...]
    redcap: Redcap | None
    missing: Mapping[str, str]

    @property
    def sources(self) -> tuple[Source, ...]:
        """Return what has to be read, each once: with its name, the key that `apply_mapping` expects."""
        found = {plan.source.name: plan.source for plan in self.tables}
        if self.redcap:
            found[self.redcap.dictionary.name] = self.redcap.dictionary
        return tuple(found.values())


def same_word(word: str) -> str:
    """Return a word of a site as it is compared: case and repeated blanks do not matter."""
    return " ".join(word.split()).casefold()


def code_list(rule: pa.Column) -> tuple[str, ...]:
    """Return the codes that the schema of a column allows, none where it has no list."""
    return tuple(
        code for check in rule.checks if check.name == "code" for code in check.statistics["allowed_values"]
    )
