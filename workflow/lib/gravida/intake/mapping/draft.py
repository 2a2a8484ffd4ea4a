"""A first draft of a mapping file from a centre's own tables, for a person to check.

Columns are recognised by their names and by the shape of their cells. No cell is written down, but the words
of columns that hold codes.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from gravida.intake.mapping.dates import evident_order, is_date_like, needs_order, read_month
from gravida.intake.mapping.plan import code_list, same_word
from gravida.intake.mapping.steps import read_cells
from gravida.intake.mapping.words import CODES, COLUMNS, DATES, TABLE_WORDS, YES_NO, simple
from gravida.intake.parse import kind
from gravida.intake.reading.text import Text
from gravida.periods import COUNT_COLUMNS
from schemas.submission import TABLES

_WOMAN = "woman_id"
_LIKE_ENOUGH = 0.8
_MOST_WORDS = 30
_LONGEST_WORD = 40
_LONGEST_NAME = 80
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}([.,][0-9]{1,15})?([eE][+-]?[0-9]{1,2})?|[0-9]{1,2} ?\+ ?[0-6]")
_MOST_WEEKS = 45
_FLAGS = {word for pair in YES_NO for word in pair}
_OPENING = (
    "# A draft from the names of the columns and the shape of their cells.",
    '# Read every line with "check"; fill every TODO; name under ignore what is to be left out.',
    "version: 1",
)
_TODO_ORDER = 'date_order: ""  # TODO: dmy or mdy, which no date here shows'


@dataclass(frozen=True, slots=True)
class _Shape:
    """A column: its name as sent and as compared, what its cells are, and its different cells."""

    name: str
    plain: str
    what: str
    words: tuple[str, ...]


def draft_mapping(sources: Mapping[str, Text], dmt_codes: Sequence[str]) -> str:
    """Return a mapping file to be checked and completed, as YAML.

    Parameters
    ----------
    sources : mapping of str to Text
        The centre's tables; the name of a file is that of the `Text`, or else the key.
    dmt_codes : sequence of str
        The codes of disease-modifying therapies.
    """
    shapes = {name: _shapes(text) for name, text in sources.items()}
    found = {(name, table): _proposal(table, shapes[name]) for name in sources for table in TABLES}
    chosen = _tables_of(sources, found)
    proposals = {table: found[name, table] for table, name in chosen.items()}
    counted = _may_be_counted(proposals)
    lines = [*_OPENING, *_declarations(proposals), "tables:"]
    for table, name in chosen.items():
        made = set(COUNT_COLUMNS.values()) if table == "pregnancies" and counted else set()
        lines += _table_lines(table, sources[name], name, shapes[name], proposals[table], dmt_codes, made)
    lines += [
        f"# {_quoted(name)} is like no table: add it if it is one"
        for name in shapes
        if name not in chosen.values()
    ]
    return "\n".join(lines) + "\n"


def _shapes(text: Text) -> list[_Shape]:
    shapes = []
    for name, column in zip(text.names, text.columns, strict=True):
        words = tuple(word for word in read_cells(column).words if word)
        shapes.append(_Shape(name, simple(name[:_LONGEST_NAME]), _what(words), words))
    return shapes


def _what(words: Sequence[str]) -> str:
    if not words:
        return "empty"
    if len(words) <= 4 and all(word.casefold() in _FLAGS for word in words):
        return "flag"
    if all(is_date_like(word) or read_month(word, "any") for word in words):
        return "date"
    if all(len(word) <= 40 and _NUMBER.fullmatch(word) for word in words):
        return "number"
    return "word"


def _alike(name: str, words: str) -> float:
    """Return how much a name is like the likest of some words, 0 where it is not like enough."""
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(name)
    best = 0.0
    for word in words.split(";"):
        matcher.set_seq1(word)
        # Each is an upper bound of the next and takes less time.
        bounds = matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio
        if all(bound() >= _LIKE_ENOUGH for bound in bounds):
            best = max(best, matcher.ratio())
    return best


def _takes(table: str, column: str) -> frozenset[str]:
    """Return the shapes that a column may have."""
    if column in DATES:
        return frozenset({"date"})
    rule = TABLES["pregnancies" if column == _WOMAN else table].columns[column]
    if rule.metadata["category"] == "identifier":
        return frozenset({"word", "number", "flag"})
    if kind(rule) == "boolean":
        return frozenset({"flag", "empty"})
    if kind(rule) == "string":
        return frozenset({"word", "flag", "empty"})
    dated = rule.metadata["unit"] == "days from delivery" or column in ("delivery_year", "ms_diagnosis_year")
    numeric = {"number", "flag", "empty"}
    return frozenset(numeric | {"date"} if dated else numeric)


def _proposal(table: str, shapes: Sequence[_Shape]) -> dict[str, _Shape]:
    """Return the column of the source for each column of a table and each of `DATES`, the likest first."""
    words = COLUMNS[table] | (DATES if table == "pregnancies" else {"delivery_date": DATES["delivery_date"]})
    if table == "relapses":
        words |= {_WOMAN: COLUMNS["pregnancies"][_WOMAN]}
    pairs = [
        (score, -place, column)
        for place, shape in enumerate(shapes)
        for column, known in words.items()
        if shape.name
        and shape.what in _takes(table, column)
        and (score := _alike(shape.plain, f"{known};{simple(column)}"))
    ]
    found: dict[str, _Shape] = {}
    used: set[int] = set()
    for _, place, column in sorted(pairs, reverse=True):
        if column not in found and place not in used:
            found[column] = shapes[-place]
            used.add(place)
    return found


def _tables_of(
    sources: Mapping[str, Text], found: Mapping[tuple[str, str], Mapping[str, _Shape]]
) -> dict[str, str]:
    """Return the source that is likest to each table; each source is at most one table."""
    scores = []
    for place, (name, text) in enumerate(sources.items()):
        label = simple((text.sheet or (text.file or name).rpartition(".")[0])[:_LONGEST_NAME])
        for table, words in TABLE_WORDS.items():
            columns = len(found[name, table].keys() & TABLES[table].columns)
            score = columns / len(TABLES[table].columns) + (_alike(label, words) > 0)
            scores.append((score if columns else 0.0, -place, name, table))
    chosen: dict[str, str] = {}
    for score, _, name, table in sorted(scores, reverse=True):
        if score > 0 and table not in chosen and name not in chosen.values():
            chosen[table] = name
    return {table: chosen[table] for table in TABLES if table in chosen}


def _declarations(proposals: Mapping[str, Mapping[str, _Shape]]) -> list[str]:
    shapes = [(table, column, shape) for table, found in proposals.items() for column, shape in found.items()]
    lines = []
    numbers = [word for _, _, shape in shapes if shape.what == "number" for word in shape.words]
    if any("," in word for word in numbers):
        lines.append('decimal: ","  # check')
    dates = [shape.words for _, _, shape in shapes if shape.what == "date" and needs_order(shape.words)]
    if dates:
        orders = {evident_order(words) for words in dates} - {""}
        lines.append(f"date_order: {orders.pop()}  # check" if len(orders) == 1 else _TODO_ORDER)
    flags = {
        word.casefold()
        for table, column, shape in shapes
        if column in TABLES[table].columns and kind(TABLES[table].columns[column]) == "boolean"
        for word in shape.words
    }
    pairs = [pair for pair in YES_NO if flags & set(pair)]
    if flags - {word for pair in YES_NO[:3] for word in pair}:
        yes, no = (list(dict.fromkeys(pair[side] for pair in pairs)) for side in (0, 1))
        lines += [f"yes: {_quoted(yes)}  # check", f"no: {_quoted(no)}  # check"]
    return lines


def _may_be_counted(proposals: Mapping[str, Mapping[str, _Shape]]) -> bool:
    """Return whether there are onsets from which counts can be made, and no counts."""
    counts = proposals.get("pregnancies", {}).keys() & set(COUNT_COLUMNS.values())
    return not counts and "onset_day" in proposals.get("relapses", {})


def _table_lines(
    table: str,
    text: Text,
    name: str,
    shapes: Sequence[_Shape],
    found: Mapping[str, _Shape],
    dmt_codes: Sequence[str],
    made: Collection[str],
) -> list[str]:
    lines = [f"  {table}:", f"    file: {_quoted(text.file or name)}"]
    lines += [f"    sheet: {_quoted(text.sheet)}"] if text.sheet else []
    linking, used = _linking(table, found)
    lines += [*linking, *(["    relapse_counts: from_relapses  # check"] if made else []), "    columns:"]
    for column, rule in TABLES[table].columns.items():
        if column in made or (column == "pregnancy_id" and _of_women(table, found)):
            continue
        source, more = _source(table, column, found)
        if source is None:
            lines += [f"      # TODO {column}: none of the columns is like it"] if rule.required else []
            continue
        used.add(source.name)
        codes = _codes(column, source, code_list(rule) or (dmt_codes if "dmt" in column else ()))
        codes = codes if kind(rule) == "string" else []
        more = more + _months(table, source)
        lines += [f"      {column}:  # check", f"        from: {_quoted(source.name)}", *more, *codes]
    ignored = [shape.name for shape in shapes if shape.name and shape.name not in used]
    lines += (
        [
            "    ignore:",
            *(f"      - {_quoted(other)}  # left out; map it if it is needed" for other in ignored),
        ]
        if ignored
        else []
    )
    return lines


def _of_women(table: str, found: Mapping[str, _Shape]) -> bool:
    return table == "relapses" and _WOMAN in found and "pregnancy_id" not in found


def _linking(table: str, found: Mapping[str, _Shape]) -> tuple[list[str], set[str]]:
    """Return the lines that say whose each row is and when the delivery was, and the columns they use."""
    if _of_women(table, found):
        woman = found[_WOMAN].name
        return [
            f"    link: {{from: {_quoted(woman)}, to: woman_id}}  # check",
            "    # A longer history: leave_out: [outside_observation, without_pregnancy]",
        ], {woman}
    if "delivery_date" not in found:
        return [], set()
    delivery = found["delivery_date"].name
    return [f"    delivery_date: {_quoted(delivery)}  # check"], {delivery}


def _months(table: str, source: _Shape) -> list[str]:
    """Return the line that dates known to the month alone need, where there are some."""
    if table == "pregnancies" or source.what != "date" or all(map(is_date_like, source.words)):
        return []
    return ["        month_only: middle  # check: some dates have no day"]


def _source(table: str, column: str, found: Mapping[str, _Shape]) -> tuple[_Shape | None, list[str]]:
    """Return the source of a column and the lines that say how it is read."""
    derived = {"delivery_year": ("delivery_date", "year"), "age_at_delivery": ("birth_date", "age")}
    derived["gestation_days"] = ("lmp_date", "days_to_delivery")
    source = found.get(column)
    if source is None:
        date, reading = derived.get(column, ("", ""))
        return found.get(date), [f"        as: {reading}"]
    if source.what == "date":
        return source, [f"        as: {'year' if column.endswith('_year') else 'day'}"]
    if column == "gestation_days" and _in_weeks(source.words):
        return source, ["        unit: weeks"]
    return source, []


def _in_weeks(words: Sequence[str]) -> bool:
    return bool(words) and all(
        float(re.split("[+]", word)[0].replace(",", ".")) <= _MOST_WEEKS for word in words
    )


def _codes(column: str, source: _Shape, codes: Sequence[str]) -> list[str]:
    """Return the lines of a column's codes: its words that are none, each with a proposal or a TODO."""
    known = {same_word(code) for code in codes} | {same_word(code.replace("_", " ")) for code in codes}
    words = sorted({same_word(word): word for word in source.words if same_word(word) not in known}.values())
    if not codes or not words:
        return []
    if len(words) > _MOST_WORDS or any(len(word) > _LONGEST_WORD or re.search(r"\d", word) for word in words):
        return ["        # TODO codes: too many words, or words with digits, to be listed here"]
    lines = ["        codes:"]
    for word in words:
        code = next((code for code in codes if simple(word) in CODES.get(code, "").split(";")), None)
        lines.append(f"          {_quoted(word)}: {f'{code}  # check' if code else chr(34) * 2 + '  # TODO'}")
    return lines


def _quoted(content: str | list[str]) -> str:
    """Return text as YAML takes it whatever is in it."""
    words = content if isinstance(content, list) else [content]
    return json.dumps(content, ensure_ascii=not all(word.isprintable() for word in words))
