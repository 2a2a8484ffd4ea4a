"""What identifies a person, wherever it hides in a table: also in columns of codes, of numbers and of ids.

It is a net with meshes: it catches what has a known form. That nothing was found is no proof that nothing is
there, so the columns of the data dictionary and their codes remain the first defence.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from gravida.intake.centre.given_names import GIVEN_NAMES, NO_NAMES
from gravida.intake.centre.identifying_ids import id_checks
from gravida.intake.centre.national_ids import is_national_id
from gravida.intake.centre.pseudonyms import KINDS, distinct_cells
from gravida.intake.centre.written_dates import full_dates
from gravida.intake.outcome import Outcome, row_lines
from gravida.intake.parse import kind
from gravida.intake.reading.text import UNREADABLE_CELL, Text
from schemas.submission import ID_PATTERN, TABLES

LONGEST_CODE = 200
# More different texts than this are no codes; they are not read one by one.
MOST_TEXTS = 2_000
MOST_IDS = 5_000
FIRST_SERIAL, LAST_SERIAL = 20_000, 60_000

_REMOVE = (
    "Remove it: {}. Only codes and numbers of the data dictionary, and pseudonyms, may leave the centre."
)
_NEW_IDS = (
    "An id made of {} points at the woman: replace the ids by pseudonyms, made with the key of the centre."
)
IDENTIFYING_CHECKS = {
    "email": _REMOVE.format("an e-mail address"),
    "phone_number": _REMOVE.format("a telephone number"),
    "full_date": "A date with day, month and year: send days from delivery, or only the year.",
    "looks_like_a_date": f"A day between {FIRST_SERIAL:,} and {LAST_SERIAL:,} is a date as Excel counts it, "
    "days from 1900: send days from delivery.",
    "national_id": _REMOVE.format(
        "a national id, a health or tax number or a bank account, by its check digit"
    ),
    "name": _REMOVE.format("a name"),
    "free_text": f"Codes of the data dictionary, no free text: no cell of more than {LONGEST_CODE} signs and "
    f"no column of more than {MOST_TEXTS:,} different texts.",
    "record_number": "A number of six digits or more in a cell of text: if it is a record number, remove it.",
    "id_looks_like_date": _NEW_IDS.format("a date, as of birth or delivery,"),
    "id_looks_like_national_id": _NEW_IDS.format("a national id"),
    "id_looks_like_name": _NEW_IDS.format("a name"),
    "record_number_in_id": "Ids hold numbers of six digits or more: if these are record numbers of the "
    "hospital, replace the ids by pseudonyms.",
}
_FLAGGED = {"record_number", "record_number_in_id"}

_EMAIL = re.compile(r"[^\s@,;<>]{1,64}@[^\s@,;<>]{1,64}\.[A-Za-z]{2,24}")
_PHONES = re.compile(
    r"(?<![\w.,])(?:\+|00)[1-9](?:[ ()/.-]{0,2}[0-9]){6,14}(?!\w)"
    r"|(?<![\w.,])\(?0[0-9]{1,4}\)?(?:[ /.-]{0,2}[0-9]){5,10}(?!\w)"
    r"|(?<![\w.,])\(?[0-9]{3}\)?[ .-]{1,2}[0-9]{3}[ .-][0-9]{4}(?!\w)"
)
_TOKEN = re.compile(r"[A-Z0-9]+")
_JOINED = re.compile(r"[ ./+-]{1,2}")
_LONGEST_NUMBER, _SHORTEST_NUMBER, _FEWEST_DIGITS = 27, 9, 7
_WORD = re.compile(r"[A-Za-z]+")
_CAPITALISED = re.compile(r"([A-Z][a-z]+|[A-Z]{3,})(?=[ ,-]{1,2}([A-Z][a-z]+|[A-Z]{3,}))")
_SMALL_NUMBER = re.compile(r"[+-]?(0*[0-9]{1,6}([.,][0-9]*)?|[.,][0-9]+)([eE][+-]?[0-9]{1,2})?")
_LONG_DIGITS = re.compile(r"[0-9]{6,}")
_SERIAL = re.compile(r"[0-9]{5}([.,][0-9]{0,20})?")
_LETTERS = str.maketrans({"đ": "d", "Đ": "D", "ł": "l", "Ł": "L", "ß": "ss", "ø": "o", "Ø": "O", "æ": "ae"})


def scan(texts: Mapping[str, Text], codes: Sequence[str] = ()) -> list[Outcome]:
    """Look for what identifies in every cell of every table.

    Parameters
    ----------
    texts : mapping of table to Text
        Columns that are not in the data dictionary are searched as text.
    codes : sequence of str
        Words that are allowed besides the codes of the schemas, such as those of therapies.

    Returns
    -------
    list of Outcome
        For each table one for each failing (column, check) of `IDENTIFYING_CHECKS`, and one without a column
        for each check without a failure. No value of a cell is in any.
    """
    allowed = _allowed(codes)
    return [outcome for table, text in texts.items() for outcome in _scan_table(table, text, allowed)]


def assess_ids(frame: pd.DataFrame) -> list[Outcome]:
    """Look for what identifies inside the ids of the pregnancies.

    Of more than `MOST_IDS` different ids so many are looked at, evenly spread: the habit of a site shows in
    them.

    Parameters
    ----------
    frame : DataFrame, n rows
        With the columns `KINDS`, missing where an id is unusable.

    Returns
    -------
    list of Outcome
        One for each column and check of `ID_CHECKS`; the lines count rows, the header being 1.
    """
    outcomes = []
    for column in KINDS:
        place, words = pd.factorize(frame[column])
        step = -(-len(words) // MOST_IDS) or 1
        looked_at = int(((place >= 0) & (place % step == 0)).sum())
        for check, failing in id_checks([plain(word) for word in words[::step]]).items():
            lines = row_lines(np.isin(place, [step * at for at in failing]))
            outcomes.append(_outcome("pregnancies", column, check, looked_at, lines))
    return outcomes


def plain(text: str) -> str:
    """Return a text without accents, invisible signs and full-width forms, its digits 0 to 9."""
    if text.isascii():
        return text.strip()
    apart = unicodedata.normalize("NFKD", text).translate(_LETTERS)
    kept = (sign for sign in apart if unicodedata.category(sign) not in {"Mn", "Cf"})
    return "".join(str(unicodedata.decimal(sign, sign)) for sign in kept).strip()


def _allowed(codes: Sequence[str]) -> frozenset[str]:
    rules = [check for schema in TABLES.values() for rule in schema.columns.values() for check in rule.checks]
    listed = [code for check in rules for code in (check.statistics or {}).get("allowed_values", ())]
    return frozenset(str(code).lower() for code in (*listed, *codes, "true", "false", "yes", "no"))


def _scan_table(table: str, text: Text, allowed: frozenset[str]) -> list[Outcome]:
    filled = dict.fromkeys(IDENTIFYING_CHECKS, 0)
    reported = table if table in TABLES else "submission"
    outcomes = []
    for name, cells in zip(text.names, text.columns, strict=True):
        words, places = distinct_cells(cells)
        shown = name if table in TABLES and name in TABLES[table].columns else "a column of its own"
        checked = int(np.isin(places, [at for at, word in enumerate(words) if word.strip()]).sum())
        for check, failing in _scan_words(table, name, words, allowed).items():
            filled[check] += checked
            rows = np.isin(places, list(failing))
            if rows.any():
                outcomes.append(_outcome(reported, shown, check, checked, text.lines[rows]))
    failed = {outcome.check for outcome in outcomes}
    return outcomes + [
        _outcome(reported, "", check, filled[check], np.empty(0, dtype=np.int64))
        for check in IDENTIFYING_CHECKS
        if check not in failed
    ]


def _outcome(table: str, column: str, check: str, checked: int, lines: np.ndarray) -> Outcome:
    action = "flagged" if check in _FLAGGED else "refused"
    advice = IDENTIFYING_CHECKS[check]
    return Outcome(table, column, check, "conformance", action, advice, checked, lines.size, lines)


def _scan_words(table: str, name: str, words: list[str], allowed: frozenset[str]) -> dict[str, set[int]]:
    """Return for every check that is made of the column the places of the words that fail it."""
    if name in KINDS:
        return _scan_ids(words, allowed)
    rule = TABLES[table].columns.get(name) if table in TABLES else None
    found = _scan_texts(words, [at for at, word in enumerate(words) if not _harmless(word, allowed)], allowed)
    if rule is not None and kind(rule) != "string":
        # A long number in a column of numbers is told by its range.
        del found["record_number"]
    if rule is not None and (rule.metadata or {}).get("unit") == "days from delivery":
        found["looks_like_a_date"] = {at for at, word in enumerate(words) if _serial(word)}
    return found


def _scan_ids(words: list[str], allowed: frozenset[str]) -> dict[str, set[int]]:
    # Whatever does not fit the pattern of ids may be any text.
    odd = [at for at, word in enumerate(words) if word and not re.fullmatch(ID_PATTERN, word)]
    found = _scan_texts(words, odd, allowed)
    del found["record_number"]
    of_ids = id_checks([plain(word) for word in words])
    of_ids["id_looks_like_name"] |= found.pop("name")
    of_ids["id_looks_like_national_id"] |= found.pop("national_id")
    told = set().union(*found.values())
    return found | {check: failing - told for check, failing in of_ids.items()}


def _scan_texts(words: list[str], places: list[int], allowed: frozenset[str]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {check: set() for check in _TEXT_CHECKS}
    found["free_text"] |= set(places[MOST_TEXTS:])
    for at in places[:MOST_TEXTS]:
        for check in _text_checks(words[at], allowed):
            found[check].add(at)
    return found


def _harmless(word: str, allowed: frozenset[str]) -> bool:
    if not word or word == UNREADABLE_CELL or _SMALL_NUMBER.fullmatch(word):
        return True
    return len(word) <= LONGEST_CODE and re.sub(r"[\W_]+", "_", word.lower()) in allowed


def _serial(word: str) -> bool:
    return bool(_SERIAL.fullmatch(word.strip())) and (
        FIRST_SERIAL <= float(word.strip().replace(",", ".")) <= LAST_SERIAL
    )


_TEXT_CHECKS = ("email", "phone_number", "full_date", "national_id", "name", "free_text", "record_number")


def _text_checks(word: str, allowed: frozenset[str]) -> Iterator[str]:
    """Yield the checks that a text fails; what one check has found the next ones do not see."""
    if len(word) > LONGEST_CODE:
        yield "free_text"
    text = plain(word[:LONGEST_CODE])
    for check, find in _FINDERS:
        spans = list(find(text))
        if spans:
            yield check
        for start, end in spans:
            text = text[:start] + "\n" * (end - start) + text[end:]
    if _has_name(text, allowed):
        yield "name"


def _national_ids(text: str) -> Iterator[tuple[int, int]]:
    if sum(map(str.isdecimal, text)) < _FEWEST_DIGITS:
        return
    tokens = list(_TOKEN.finditer(text.upper())) if len(text.upper()) == len(text) else []
    for first, token in enumerate(tokens):
        number, end = "", token.start()
        for following in tokens[first:]:
            number += following[0]
            gap = text[end : following.start()]
            if len(number) > _LONGEST_NUMBER or (gap and not _JOINED.fullmatch(gap)):
                break
            end = following.end()
            if len(number) >= _SHORTEST_NUMBER and is_national_id(number):
                yield token.start(), end


def _matches(pattern: re.Pattern[str]):
    return lambda text: (found.span() for found in pattern.finditer(text))


_FINDERS = (
    ("email", _matches(_EMAIL)),
    ("full_date", lambda text: full_dates(text.lower())),
    ("national_id", _national_ids),
    ("phone_number", _matches(_PHONES)),
    ("record_number", _matches(_LONG_DIGITS)),
)


def _has_name(text: str, allowed: frozenset[str]) -> bool:
    words = {part for code in allowed for part in code.split("_")} | NO_NAMES
    if any(word.lower() in GIVEN_NAMES and word.lower() not in words for word in _WORD.findall(text)):
        return True
    return any(
        first.lower() not in words and second.lower() not in words
        for first, second in _CAPITALISED.findall(text)
    )
