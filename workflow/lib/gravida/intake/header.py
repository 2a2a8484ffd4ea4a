"""Which columns a table was sent with, and which it should not have been."""

import re
from collections import Counter

from gravida.intake.outcome import Outcome
from schemas.submission import TABLES

HEADER_CHECKS = {
    "duplicate_column": "Every column once.",
    "missing_column": "Every required column, spelled as in the data dictionary.",
    "unexpected_column": "Only columns of the data dictionary: remove this one.",
    "identifier_column": "Nothing that may identify a person: remove this column.",
}
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_ .-]{0,39}")
# Words of a column's name that announce what the contract forbids, in the languages of likely sites.
_IDENTIFYING_WORDS = frozenset(
    (
        *("id", "pid", "no", "nr", "mrn", "nhs", "ssn", "oib", "emso", "jmbg", "cpr", "bsn", "pin", "dob"),
        *("born", "zip", "plz", "city", "town", "mesto", "mjesto", "grad", "ort", "ulica"),
        *("tel", "fax", "gsm", "note", "notes", "ime", "nom"),
    )
)
_IDENTIFYING_PARTS = (
    *(
        "name",
        "initial",
        "inicial",
        "patient",
        "record",
        "chart",
        "hospital",
        "national",
        "passport",
        "insur",
    ),
    *("birth", "date", "datum", "address", "adress", "naslov", "adresa", "street", "strasse", "post_code"),
    *("postcode", "postal", "mail", "phone", "telefon", "mobile", "contact", "comment", "koment"),
    *("remark", "free_text", "freetext", "narrative", "opomb", "napomen", "bemerk", "priimek", "prezime"),
    *("rojst", "rodjen", "rođen", "geburt", "naissance", "prenom", "social_sec", "personnummer"),
)


def assess_header(table: str, names: tuple[str, ...] | None) -> list[Outcome]:
    """Compare the columns of a file with the schema of its table.

    Parameters
    ----------
    table : str
        A key of `TABLES`.
    names : tuple of str or None
        The columns as sent, `pregnancy_id` among them, so that the first row is known to hold names; None
        when the table was not sent or could not be read.

    Returns
    -------
    list of Outcome
        One for each failing (column, check), and one for each check without a failure.
    """
    if names is None:
        return [_outcome(table, "", check, 0) for check in HEADER_CHECKS]
    known = TABLES[table].columns
    times = Counter(names)
    strange = [(place, name) for place, name in enumerate(names, start=1) if name not in known]
    failing = {
        "duplicate_column": [name for name in known if times[name] > 1],
        "missing_column": [name for name, column in known.items() if column.required and not times[name]],
        "unexpected_column": [_shown(place, name) for place, name in strange if not _identifies(name)],
        "identifier_column": [_shown(place, name) for place, name in strange if _identifies(name)],
    }
    return [
        _outcome(table, column, check, 1)
        for check in HEADER_CHECKS
        for column in dict.fromkeys(failing[check] or [""])
    ]


def _outcome(table: str, column: str, check: str, checked: int) -> Outcome:
    advice = HEADER_CHECKS[check]
    return Outcome(table, column, check, "conformance", "refused", advice, checked, int(column != ""))


def _shown(place: int, name: str) -> str:
    return name if _PLAIN.fullmatch(name) else f"column {place}"


def _identifies(name: str) -> bool:
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    words = re.sub(r"[\W_]+", "_", words).strip("_")
    return any(part in words for part in _IDENTIFYING_PARTS) or not _IDENTIFYING_WORDS.isdisjoint(
        words.split("_")
    )
