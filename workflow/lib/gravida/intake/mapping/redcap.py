"""Exports of REDCap: labels translated back to codes, rows given to their instruments.

A labelled export has labels for its column names and its cells; by the project's data dictionary it becomes
the table that the raw export would have been.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gravida.intake.mapping.plan import same_word
from gravida.intake.mapping.steps import column_key, find_column, read_cells
from gravida.intake.reading.text import UNREADABLE_CELL, Text

REPEAT_INSTRUMENT = "redcap_repeat_instrument"
# Each with its name in a labelled export.
_OWN_COLUMNS = {
    REPEAT_INSTRUMENT: "Repeat Instrument",
    "redcap_repeat_instance": "Repeat Instance",
    "redcap_event_name": "Event Name",
    "redcap_data_access_group": "Data Access Group",
    "redcap_survey_identifier": "Survey Identifier",
}
# The columns of a data dictionary, as downloaded and as the API gives it.
_DICTIONARY = {
    "name": ("Variable / Field Name", "field_name"),
    "form": ("Form Name", "form_name"),
    "type": ("Field Type", "field_type"),
    "label": ("Field Label", "field_label"),
    "choices": ("Choices, Calculations, OR Slider Labels", "select_choices_or_calculations"),
}
_STATES = {"incomplete": "0", "unverified": "1", "complete": "2"}
_CHECKED = {"checked": "1", "unchecked": "0"}
_FIXED_CHOICES = {"yesno": {"yes": "1", "no": "0"}, "truefalse": {"true": "1", "false": "0"}}
_TAG = re.compile(r"<[^<>]{0,500}>")


@dataclass(frozen=True, slots=True)
class Field:
    """A variable of the project; `choices` are (code, label) in the dictionary's order."""

    name: str
    form: str
    type: str
    label: str
    choices: tuple[tuple[str, str], ...]


def read_dictionary(text: Text) -> tuple[Field, ...] | None:
    """Read a data dictionary; None where the table is not one."""
    places = {}
    for what, names in _DICTIONARY.items():
        found = [place for name in names for place in find_column(text, name)]
        if len(found) != 1:
            return None
        places[what] = found[0]
    rows = zip(*(text.columns[places[what]].to_pylist() for what in _DICTIONARY), strict=True)
    return tuple(
        Field(name.strip(), form.strip(), kind.strip(), _plain(label), _choices(kind.strip(), choices))
        for name, form, kind, label, choices in rows
        if name.strip()
    )


def _plain(label: str) -> str:
    return column_key(_TAG.sub("", label))


def _choices(kind: str, text: str) -> tuple[tuple[str, str], ...]:
    if kind not in ("radio", "dropdown", "checkbox"):
        return ()
    pairs = [part.partition(",") for part in text.split("|")]
    return tuple((code.strip(), _plain(label)) for code, comma, label in pairs if comma)


def box_name(field: str, code: str) -> str:
    """Return the column of one choice of a checkbox, as REDCap names it."""
    return f"{field}___{re.sub('[^a-z0-9]', '_', code.lower())}"


def own_columns(text: Text, fields: Sequence[Field], record_id: str) -> frozenset[str]:
    """Return the names of columns that REDCap adds by itself and that no mapping needs to name."""
    forms = {f"{field.form}_{end}" for field in fields for end in ("complete", "timestamp")}
    return frozenset({*_OWN_COLUMNS, *forms, record_id}) & set(text.names)


def box_siblings(fields: Sequence[Field]) -> dict[str, str]:
    """Return for each column of a checkbox the name of the field."""
    return {
        box_name(field.name, code): field.name
        for field in fields
        if field.type == "checkbox"
        for code, _ in field.choices
    }


def as_raw(
    text: Text, fields: Sequence[Field], missing: Mapping[str, str]
) -> tuple[Text, dict[str, np.ndarray]]:
    """Turn a labelled export into the raw one.

    Parameters
    ----------
    text : Text
    fields : sequence of Field
        The data dictionary.
    missing : mapping of str to str
        Codes of missing data and their reasons; a cell that holds the reason becomes the code.

    Returns
    -------
    Text
        With the variables' names and the codes of choices. A column that the dictionary does not know, or
        that could be several of its fields, keeps its name.
    dict of str to ndarray of bool
        For each variable whose label is none of its choices, or of several, the rows.
    """
    meanings = _meanings(fields)
    names = _raw_names(text.names, fields)
    columns, unknown = [], {}
    codes_of_missing = {same_word(reason): code for code, reason in missing.items()}
    for name, column in zip(names, text.columns, strict=True):
        if name not in meanings:
            columns.append(column)
            continue
        cells = read_cells(column)
        known = codes_of_missing | meanings[name]
        found = [word if _settled(word, missing) else known.get(same_word(word)) for word in cells.words]
        columns.append(cells.replaced([UNREADABLE_CELL if word is None else word for word in found]).text())
        failing = cells.where([word is None for word in found])
        if failing.any():
            unknown[name] = failing
    return replace(text, names=names, columns=tuple(columns)), unknown


def _settled(word: str, missing: Mapping[str, str]) -> bool:
    return word == "" or word in missing or UNREADABLE_CELL in word


def _meanings(fields: Sequence[Field]) -> dict[str, dict[str, str | None]]:
    """Return for each raw column the code of each label; None for a label of several codes."""
    meanings: dict[str, dict[str, str | None]] = {}
    for field in fields:
        if field.type == "checkbox":
            meanings |= {box_name(field.name, code): dict(_CHECKED) for code, _ in field.choices}
        elif field.type in _FIXED_CHOICES:
            meanings[field.name] = dict(_FIXED_CHOICES[field.type])
        elif field.choices:
            labels: dict[str, str | None] = {}
            for code, label in field.choices:
                key = same_word(label)
                labels[key] = None if key in labels else code
            meanings[field.name] = labels
    meanings |= {f"{form}_complete": dict(_STATES) for form in _forms(fields)}
    forms = {same_word(form.replace("_", " ")): form for form in _forms(fields)}
    return meanings | {REPEAT_INSTRUMENT: forms | {form.casefold(): form for form in forms.values()}}


def _forms(fields: Sequence[Field]) -> list[str]:
    return list(dict.fromkeys(field.form for field in fields))


def _raw_names(names: Sequence[str], fields: Sequence[Field]) -> tuple[str, ...]:
    """Return the variable of each column.

    Fields that share a label are told apart by their order, which is that of the dictionary, where the export
    holds all of them.
    """
    variables: dict[str, list[str]] = {column_key(label): [name] for name, label in _OWN_COLUMNS.items()}
    for field in fields:
        if field.type == "checkbox":
            for code, label in field.choices:
                key = f"{field.label} (choice={label})"
                variables.setdefault(key, []).append(box_name(field.name, code))
        else:
            variables.setdefault(field.label, []).append(field.name)
    variables.setdefault("Complete?", []).extend(f"{form}_complete" for form in _forms(fields))
    raw = {name for several in variables.values() for name in several}
    keys = [name if name in raw else _plain(name) for name in names]
    times = Counter(keys)
    left = {key: iter(several) for key, several in variables.items() if times[key] == len(several)}
    return tuple(
        next(left[key]) if key in left and name not in raw else name
        for key, name in zip(keys, names, strict=True)
    )


def instrument_rows(text: Text, instrument: str, record_id: str) -> Text:
    """Return the rows of one repeating instrument, or those of none where `instrument` is "".

    In the rows of a repeating instrument REDCap leaves the fields of other forms empty; those that are empty
    in all of them are filled from the record's own row, where it has one.
    """
    places = find_column(text, REPEAT_INSTRUMENT)
    if not places:
        return text if not instrument else text.take(np.empty(0, dtype=np.int64))
    cells = read_cells(text.columns[places[0]])
    wanted = _form_key(instrument)
    chosen = np.flatnonzero(cells.where([_form_key(word) == wanted for word in cells.words]))
    rows = text.take(chosen)
    records = find_column(text, record_id)
    if not instrument or len(records) != 1:
        return rows
    base = text.take(np.flatnonzero(~cells.filled))
    return _filled_from(rows, base, records[0])


def _form_key(word: str) -> str:
    return re.sub("[^a-z0-9]+", "_", word.lower()).strip("_")


def _filled_from(rows: Text, base: Text, record: int) -> Text:
    names = base.columns[record].to_pylist()
    # A record with several rows of its own has events; none of them is the one.
    times = Counter(names)
    once = {name: place for place, name in enumerate(names) if times[name] == 1}
    owner = [once.get(name) for name in rows.columns[record].to_pylist()]
    places = pa.array(owner, pa.int64())
    columns = tuple(
        column if place == record or any(column.to_pylist()) else pc.fill_null(own.take(places), "")
        for place, (column, own) in enumerate(zip(rows.columns, base.columns, strict=True))
    )
    return replace(rows, columns=columns)
