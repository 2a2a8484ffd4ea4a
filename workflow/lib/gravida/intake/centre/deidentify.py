"""De-identification at the centre: local rows in, rows that may leave out."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from gravida.intake.centre.anonymity import smallest_classes
from gravida.intake.centre.identifying import scan
from gravida.intake.centre.pseudonyms import pseudonymise
from gravida.intake.header import assess_header
from gravida.intake.outcome import Outcome
from gravida.intake.parse import empty_table, parse_table
from gravida.intake.reading.text import Text, neutral
from schemas.submission import TABLES

UNKNOWN_TABLE = "Only tables of the data dictionary leave the centre."


@dataclass(frozen=True, slots=True)
class Deidentified:
    """What is left after de-identification.

    `tables` may leave only if no outcome refuses: see `leaves`. `classes` names the smallest class, so it
    stays at the centre.
    """

    tables: dict[str, Text]
    outcomes: list[Outcome]
    classes: pd.DataFrame

    @property
    def leaves(self) -> bool:
        """Whether nothing was found that must not leave."""
        return not any(outcome.refuses for outcome in self.outcomes)


def deidentify(texts: Mapping[str, Text], key: bytes, k: int = 5, codes: Sequence[str] = ()) -> Deidentified:
    """Replace the ids, then look for what still identifies in the result.

    Rows are put in the order of their pseudonyms: that of the source may be by name or by date.

    Parameters
    ----------
    texts : mapping of table to Text
        In columns of the data dictionary: days from delivery and ages, no dates.
    key : bytes
        As `read_key` returns it.
    k : int
        Women that should share age, year of delivery and site.
    codes : sequence of str
        Codes of therapies, which are no names.

    Raises
    ------
    ConfigurationError
        If two identifiers would have the same pseudonym.
    """
    tables = {table: _in_order(text) for table, text in pseudonymise(texts, key).items()}
    outcomes = [outcome for table, text in tables.items() for outcome in _assess_table(table, text)]
    pregnancies = (
        parse_table("pregnancies", tables["pregnancies"]).frame
        if "pregnancies" in tables
        else empty_table("pregnancies")
    )
    return Deidentified(
        tables, [*outcomes, *scan(tables, codes)], smallest_classes(pregnancies, k, at_centre=True)
    )


def _assess_table(table: str, text: Text) -> list[Outcome]:
    if table in TABLES:
        return assess_header(table, text.names)
    return [Outcome("submission", "", "unexpected_file", "conformance", "refused", UNKNOWN_TABLE, 1, 1)]


def _in_order(text: Text) -> Text:
    if "pregnancy_id" not in text.names:
        return text
    ids = pd.Series(text.columns[text.names.index("pregnancy_id")].to_pylist(), dtype="object")
    order = ids.sort_values(kind="stable").index.to_numpy()
    return text.take(order)


def as_csv(text: Text) -> str:
    """Write a table as canonical CSV: commas, Unix line ends, quotes only where needed.

    A cell that a spreadsheet would execute begins with ``'``.
    """
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow([neutral(name) for name in text.names])
    cells = [[neutral(cell) for cell in column.to_pylist()] for column in text.columns]
    writer.writerows(zip(*cells, strict=True))
    return lines.getvalue()
