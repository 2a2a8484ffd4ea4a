"""What a section of the report is."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from gravida import words
from gravida.report.display import Display

# Rows of more single sites are not printed: nobody reads them, and the page would not load at once.
MOST_SITES = 30
NOT_PRINTED = (
    f"Of more than {MOST_SITES} sites only the rows of all together are printed; those of each are in the "
    "table's file."
)


def of_few_sites(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table without the rows of single sites, where there are more than can be read."""
    single = table["site"] != "all"
    return table[~single] if table.loc[single, "site"].nunique() > MOST_SITES else table


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of a section: its name, its caption and how its content is put in words."""

    name: str
    caption: str
    describe: Callable[[pd.DataFrame], str]


@dataclass(frozen=True, slots=True)
class Section:
    """A section: it appears where its table has rows. ``{ci}`` in its texts becomes such as `95% CI`.

    Attributes
    ----------
    table : str
        Name of the released table.
    title, caption : str
        Heading of the section, and what its table shows.
    show : callable
        From the released table to what is printed.
    notes : tuple of str
        Conventions, printed under the table.
    picture : Picture, optional
        The figure above the table.
    contrast : str
        What the comparison of the arms is called here, "" where there is none. Where arms cannot be told
        from sites, a note says what its interval holds.
    where : tuple of (column, value, note)
        Notes that are printed where the column holds the value, for rows that not every study has; with ""
        for the value, where it holds anything.
    by_site : bool
        Whether single sites are left out where there are many (`of_few_sites`).
    """

    table: str
    title: str
    caption: str
    show: Callable[[pd.DataFrame], Display]
    notes: tuple[str, ...]
    picture: Picture | None = None
    contrast: str = ""
    where: tuple[tuple[str, str, str], ...] = ()
    by_site: bool = False

    def notes_for(self, table: pd.DataFrame) -> list[str]:
        """Return the notes that this table needs."""
        needed = [note for column, value, note in self.where if _holds(table[column], value)]
        many = self.by_site and len(of_few_sites(table)) < len(table)
        return [*self.notes, *needed, *([NOT_PRINTED] if many else [])]


def _holds(column: pd.Series, value: str) -> bool:
    return bool((column == value).any()) if value else not column.map(words.is_missing).all()
