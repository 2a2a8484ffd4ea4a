"""A valid registry of twelve pregnancies, in the eight ways in which the tests of single faults send it.

Three of them are a centre's own: a workbook and text files in Slovenian with dates, and an export of REDCap.
There every day of the contract is a date, every code a word or a number of the centre, and a mapping file
leads back. A cell that is no value of the contract is written as it stands.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from test_intake_formats import FRACTIONAL, number, workbook

Registry = dict[str, list[dict[str, str]]]

MARKER = "Qz7Marker"

_WOMEN = """
pregnancy_id woman_id delivery_year age_at_delivery ms_diagnosis_year gestation_days onset_after_lmp outcome
P01 W01 2009 27.5 2003 280 0 live_birth
P02 W01 2012 30.5 2003 273 0 live_birth
P03 W02 2013 33 2008 280 0 stillbirth
P04 W02 2015 35 2008 275 0 live_birth
P05 W03 2014 30.2 2009 280 0 live_birth
P06 W04 2016 26 2011 280 0 live_birth
P07 W05 2011 38 2000 280 0 live_birth
P08 W06 2010 24 2006 280 0 live_birth
P09 W07 2017 29 2017 280 1 live_birth
P10 W08 2018 31 2010 280 0 live_birth
P11 W09 2008 36 1999 280 0 live_birth
P12 W10 2016 22.9 2012 280 0 live_birth
"""
# The next conception of P03 is the last menstrual period before P04, on 12 September 2014.
_COURSE = """
edss_before relapses_pre_year relapses_pregnancy relapses_post_year observed_from_day observed_to_day ivig
1.5 1 0 1 -645 365 1
2 0 1 0 -638 365 0
0 0 0 0 -645 365 1
1 2 0 2 -1005 400 0
3.5 0 0 0 -645 365 0
6.0 0 0 1 -645 250 1
2.5 1 0 0 -645 365 0
0 0 0 0 -645 180 0
1.5 0 1 1 -645 365 0
4 0 0 0 -645 300 0
5.5 3 0 0 -645 365 0
1 0 0 2 -645 365 1
"""
_THERAPY = """
next_conception_day dmt_before dmt_stop_day dmt_in_pregnancy dmt_restart_day steroid_prophylaxis breastfeeding
- none - none 200 0 exclusive
- interferon_beta -280 none 30 0 partial
456 natalizumab -300 none 10 0 none
- natalizumab -20 natalizumab 5 1 none
- glatiramer_acetate -1 glatiramer_acetate 1 0 exclusive
- fingolimod -340 none 14 1 partial
- other -400 none - 0 partial
- none - none - 0 exclusive
- none - none 90 0 none
- interferon_beta -250 none 60 0 exclusive
- none - none - 0 partial
- fingolimod -350 none 40 0 none
"""
_HEALTH = """
visits_post_year parity assisted_reproduction iga_deficiency renal_disease heart_disease diabetes
4 0 0 0 0 0 0
3 1 0 0 0 0 0
6 0 1 0 0 0 0
2 1 0 0 0 0 1
0 2 0 0 0 0 0
5 0 0 0 0 0 0
1 3 0 0 1 0 0
2 0 0 1 0 0 0
4 0 0 0 0 0 0
2 1 1 0 0 0 0
3 2 0 0 0 1 0
7 0 0 0 0 0 0
"""
_RELAPSES = """
pregnancy_id onset_day steroids confirmed severity
P01 -400 1 examined mild
P01 100 0 reported severe
P02 -100 1 examined moderate
P04 -900 1 examined mild
P04 -500 1 examined mild
P04 -330 0 examined mild
P04 20 1 examined moderate
P04 200 1 examined mild
P06 249 1 examined mild
P07 -300 1 reported mild
P09 -50 0 examined mild
P09 60 1 examined severe
P11 -600 0 reported mild
P11 -500 0 reported mild
P11 -400 1 examined mild
P12 40 1 examined mild
P12 150 1 examined mild
"""
_INFUSIONS = """
pregnancy_id day grams grams_per_kg
P01 2 10 0.15
P01 32 10.5 0.15
P03 0 30 0.4
P06 29 10 0.2
P12 1 12.5 0.2
"""
_EVENTS = """
pregnancy_id day term serious
P01 3 headache 0
P02 50 other 1
P12 2 fever 0
"""


def _rows(*texts: str) -> list[dict[str, str]]:
    parts = [[line.split() for line in text.strip().splitlines()] for text in texts]
    names, *rows = [[cell for line in lines for cell in line] for lines in zip(*parts, strict=True)]
    return [dict(zip(names, ["" if cell == "-" else cell for cell in row], strict=True)) for row in rows]


def valid_registry() -> Registry:
    """Return a registry that breaks no rule, every column of the contract filled in some row."""
    return {
        "pregnancies": _rows(_WOMEN, _COURSE, _THERAPY, _HEALTH),
        "relapses": _rows(_RELAPSES),
        "infusions": _rows(_INFUSIONS),
        "adverse_events": _rows(_EVENTS),
    }


# --- tables as they are written -------------------------------------------------------------------------


class Grid:
    """A table ready to be written: `names`, which may stand twice, and rows of cells."""

    def __init__(self, rows: Sequence[dict], names: Sequence[str]) -> None:
        self.names = list(names)
        self.rows = [[row.get(name, "") for name in names] for row in rows]

    def insert(self, name: str, cell: str) -> None:
        """Add a column with the same cell in every row."""
        self.names.append(name)
        self.rows = [[*row, cell] for row in self.rows]

    def remove(self, name: str) -> None:
        """Take a column away."""
        place = self.names.index(name)
        del self.names[place]
        self.rows = [row[:place] + row[place + 1 :] for row in self.rows]

    def repeat(self, name: str) -> None:
        """Let a column stand twice."""
        place = self.names.index(name)
        self.names.append(name)
        self.rows = [[*row, row[place]] for row in self.rows]

    def fill(self, name: str, cells: Sequence) -> None:
        """Overwrite the first cells of a column."""
        place = self.names.index(name)
        for row, cell in zip(self.rows, cells, strict=False):
            row[place] = cell


Grids = dict[str, Grid]
Files = dict[str, bytes]


def text_file(grid: Grid, separator: str = ",", encoding: str = "utf-8", title: str = "") -> bytes:
    """Write a table as delimited text."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=separator, lineterminator="\r\n" if separator == ";" else "\n")
    writer.writerows([[title]] if title else [])
    writer.writerows([grid.names, *grid.rows])
    return written.getvalue().encode(encoding)


def sheet(grid: Grid, title: str = "") -> list[list]:
    """Return the rows of a sheet, numbers as numbers."""
    body = [[number(cell) if isinstance(cell, str) else cell for cell in row] for row in grid.rows]
    return [*([[title]] if title else []), grid.names, *body]


def parquet_file(grid: Grid) -> bytes:
    """Write a typed table; a column with a word in it is one of text."""
    columns = [[row[place] for row in grid.rows] for place in range(len(grid.names))]
    written = io.BytesIO()
    pq.write_table(pa.table([_typed(column) for column in columns], names=grid.names), written)
    return written.getvalue()


def _typed(column: list[str]) -> pa.Array:
    cells = list(map(number, column))
    if any(isinstance(cell, str) for cell in cells):
        return pa.array([cell or None for cell in column], pa.string())
    whole = not any(isinstance(cell, float) for cell in cells)
    return pa.array(cells, pa.int64() if whole else pa.float64())


# --- in the contract's columns --------------------------------------------------------------------------


def contract_grids(registry: Registry) -> Grids:
    """Return the tables with the columns of the valid registry, in their order."""
    return {table: Grid(registry[table], list(rows[0])) for table, rows in valid_registry().items()}


def _commas(grids: Grids) -> Files:
    return {f"{table}.csv": text_file(grid) for table, grid in grids.items()}


def _semicolons(grids: Grids) -> Files:
    # The title holds letters that only this code page has.
    title = "Izvoz: nosečnosti, ženske in šifre"
    files = {}
    for table, grid in grids.items():
        places = [place for place, name in enumerate(grid.names) if name in FRACTIONAL]
        for row in grid.rows:
            for place in places:
                row[place] = row[place].replace(".", ",")
        files[f"{table}.csv"] = text_file(grid, ";", "cp1250", title)
    return files


def _tabs(grids: Grids) -> Files:
    return {f"{table}.csv": text_file(grid, "\t", "utf-16") for table, grid in grids.items()}


def _book(grids: Grids) -> Files:
    return {"submission.xlsx": workbook({table: sheet(grid) for table, grid in grids.items()})}


def _parquet(grids: Grids) -> Files:
    return {f"{table}.parquet": parquet_file(grid) for table, grid in grids.items()}


# --- in a centre's own columns --------------------------------------------------------------------------

# For each column of the contract the centre's name for it and what it holds there: an id, a number, weeks
# and days, a date, or a word of a list.
_OWN = """
pregnancies pregnancy_id Nosečnost id
pregnancies woman_id Ženska id
pregnancies delivery_year Datum_poroda year
pregnancies age_at_delivery Starost number
pregnancies ms_diagnosis_year Leto_diagnoze number
pregnancies gestation_days Trajanje weeks
pregnancies onset_after_lmp Začetek_po_ZM flag
pregnancies outcome Izid code
pregnancies edss_before EDSS number
pregnancies relapses_pre_year Zagoni_prej number
pregnancies relapses_pregnancy Zagoni_med number
pregnancies relapses_post_year Zagoni_po number
pregnancies observed_from_day Opazovana_od date
pregnancies observed_to_day Opazovana_do date
pregnancies ivig IVIG flag
pregnancies next_conception_day Naslednja_ZM date
pregnancies dmt_before Zdravilo_prej code
pregnancies dmt_stop_day Zadnji_odmerek date
pregnancies dmt_in_pregnancy Zdravilo_med code
pregnancies dmt_restart_day Spet_zdravilo date
pregnancies steroid_prophylaxis Zaščita_s_steroidi flag
pregnancies breastfeeding Dojenje code
pregnancies visits_post_year Obiski number
pregnancies parity Prejšnji_porodi number
pregnancies assisted_reproduction OBMP flag
pregnancies iga_deficiency Pomanjkanje_IgA flag
pregnancies renal_disease Ledvična_bolezen flag
pregnancies heart_disease Srčna_bolezen flag
pregnancies diabetes Sladkorna_bolezen flag
relapses pregnancy_id Nosečnost id
relapses onset_day Začetek_zagona date
relapses steroids Kortikosteroidi flag
relapses confirmed Potrjen code
relapses severity Teža code
infusions pregnancy_id Nosečnost id
infusions day Dan_infuzije date
infusions grams Odmerek number
infusions grams_per_kg Odmerek_na_kg number
adverse_events pregnancy_id Nosečnost id
adverse_events day Dan_dogodka date
adverse_events term Dogodek code
adverse_events serious Resen flag
"""
OWN = {(table, column): (name, kind) for table, column, name, kind in map(str.split, _OWN.split("\n")[1:-1])}
SHEETS = {
    "pregnancies": "nosečnosti",
    "relapses": "zagoni",
    "infusions": "infuzije",
    "adverse_events": "dogodki",
}
_WORDS = {
    "none": "brez",
    "interferon_beta": "Rebif",
    "natalizumab": "Tysabri",
    "glatiramer_acetate": "Copaxone",
    "fingolimod": "Gilenya",
    "other": "drugo",
    "live_birth": "živorojen",
    "stillbirth": "mrtvorojen",
    "partial": "delno",
    "exclusive": "izključno",
    "examined": "pregledan",
    "reported": "poročan",
    "mild": "blaga",
    "moderate": "zmerna",
    "severe": "huda",
    "headache": "glavobol",
    "fever": "vročina",
}
_FLAGS = {"1": "da", "0": "ne"}
_FLAGS = {"1": "da", "0": "ne"}
_YES_NO = {"yes": ["da"], "no": ["ne"]}
_PREFIX = {"pregnancies": "pr", "relapses": "rel", "infusions": "inf", "adverse_events": "ae"}
_USED = {
    key: list(dict.fromkeys(row[key[1]] for row in valid_registry()[key[0]] if row[key[1]]))
    for key, (_, kind) in OWN.items()
    if kind == "code"
}
DICTIONARY = (
    "Variable / Field Name",
    "Form Name",
    "Field Type",
    "Field Label",
    "Choices, Calculations, OR Slider Labels",
)


def is_whole(cell: str) -> bool:
    """Say whether a cell is a whole number."""
    return cell.removeprefix("-").isdecimal()


def _deliveries(rows: Sequence[dict[str, str]]) -> dict[str, date]:
    """Return the delivery of each pregnancy_id, of the first row that has it."""
    found = {}
    for place, row in enumerate(rows):
        if is_whole(row["delivery_year"]) and len(row["delivery_year"]) == 4:
            found.setdefault(row["pregnancy_id"], date(int(row["delivery_year"]), 6, 11 + place))
    return found


def _own_cell(key: tuple[str, str], cell: str, zero: date, style: str) -> object:
    kind = OWN[key][1]
    if kind == "year" and is_whole(cell) and len(cell) == 4:
        return _own_date(zero, style)
    if kind == "date" and is_whole(cell):
        return _own_date(zero + timedelta(int(cell)), style)
    if kind == "weeks" and is_whole(cell) and style != "redcap":
        return "{}+{}".format(*divmod(int(cell), 7))
    if kind == "flag" and style != "redcap":
        return _FLAGS.get(cell, cell)
    if kind == "code" and cell in _USED[key]:
        return str(_USED[key].index(cell) + 1) if style == "redcap" else _WORDS[cell]
    if kind == "number" and style == "text":
        return cell.replace(".", ",")
    return cell


def _own_date(day: date, style: str) -> object:
    return {"text": f"{day.day}.{day.month}.{day.year}", "book": day, "redcap": day.isoformat()}[style]


def _own_rows(registry: Registry, style: str, name: Callable[[str, str], str]) -> dict[str, list[dict]]:
    before, now = _deliveries(valid_registry()["pregnancies"]), _deliveries(registry["pregnancies"])
    tables: dict[str, list[dict]] = {}
    for table, rows in registry.items():
        for place, row in enumerate(rows):
            who = row["pregnancy_id"]
            zero = now.get(who, before.get(who, date(2014, 6, 11)))
            if table == "pregnancies" and is_whole(row["delivery_year"]):
                zero = date(int(row["delivery_year"]), 6, 11 + place)
            tables.setdefault(table, []).append(
                {name(table, column): _own_cell((table, column), row[column], zero, style) for column in row}
            )
    return tables


def own_name(table: str, column: str) -> str:
    """Return the centre's name of a column."""
    return OWN[table, column][0].replace("_", " ")


def own_variable(table: str, column: str) -> str:
    """Return the variable of REDCap."""
    return "record_id" if column == "pregnancy_id" else f"{_PREFIX[table]}_{column}"


def _own_names(table: str, name: Callable[[str, str], str]) -> list[str]:
    return [name(table, column) for column in valid_registry()[table][0]]


def _own_grids(registry: Registry, style: str) -> Grids:
    tables = _own_rows(registry, style, own_name)
    return {table: Grid(tables.get(table, []), _own_names(table, own_name)) for table in registry}


def centre_grids(registry: Registry) -> Grids:
    """Return the tables of a centre's workbook."""
    return _own_grids(registry, "book")


def text_grids(registry: Registry) -> Grids:
    """Return the tables of a centre's text files."""
    return _own_grids(registry, "text")


def redcap_grids(registry: Registry) -> Grids:
    """Return the one table of an export of REDCap, and the data dictionary of the project."""
    names = ["record_id", "redcap_repeat_instrument", "redcap_repeat_instance"]
    rows, fields = [], []
    for table, records in _own_rows(registry, "redcap", own_variable).items():
        for place, record in enumerate(records):
            repeated = {} if table == "pregnancies" else {names[1]: table, names[2]: str(place + 1)}
            rows.append(record | repeated | {f"{table}_complete": "2"})
    for table in registry:
        names += [name for name in _own_names(table, own_variable) if name != "record_id"]
        names.append(f"{table}_complete")
        fields += [_field(table, column) for column in valid_registry()[table][0]]
    fields = [fields[0], *(field for field in fields if field["Variable / Field Name"] != "record_id")]
    return {"export": Grid(rows, names), "dictionary": Grid(fields, DICTIONARY)}


def _field(table: str, column: str) -> dict[str, str]:
    kind = {"flag": "yesno", "code": "radio"}.get(OWN[table, column][1], "text")
    used = _USED.get((table, column), [])
    choices = " | ".join(f"{place}, {_WORDS[code]}" for place, code in enumerate(used, start=1))
    return dict(
        zip(
            DICTIONARY,
            (own_variable(table, column), table, kind, own_name(table, column), choices),
            strict=True,
        )
    )


def _centre(grids: Grids) -> Files:
    sheets = {SHEETS[table]: sheet(grid, "Izpis iz registra") for table, grid in grids.items()}
    return {"izpis.xlsx": workbook(sheets)}


def _centre_text(grids: Grids) -> Files:
    return {f"{SHEETS[table]}.csv": text_file(grid, ";", "cp1250") for table, grid in grids.items()}


def _redcap(grids: Grids) -> Files:
    return {f"{name}.csv": text_file(grid) for name, grid in grids.items()}


_READINGS = {"year": {"as": "year"}, "date": {"as": "day"}}


def _columns(table: str, style: str, name: Callable[[str, str], str]) -> dict[str, dict]:
    columns = {}
    for (where, column), (_, kind) in OWN.items():
        if where != table or (style == "redcap" and table != "pregnancies" and column == "pregnancy_id"):
            continue
        plan: dict = {"from": name(table, column), **_READINGS.get(kind, {})}
        if kind == "weeks" and style != "redcap":
            plan["unit"] = "weeks"
        if kind == "code":
            own = [
                str(place) if style == "redcap" else _WORDS[code]
                for place, code in enumerate(_USED[table, column], start=1)
            ]
            plan["codes"] = dict(zip(own, _USED[table, column], strict=True))
        columns[column] = plan
    return columns


def centre_mapping(style: str) -> dict:
    """Return the mapping file of the centre's workbook or text files, as data."""
    declared = {"text": {"decimal": ",", "date_order": "dmy", "encoding": "cp1250", "separator": ";"}}
    tables = {
        table: ({"file": "izpis.xlsx", "sheet": name} if style == "book" else {"file": f"{name}.csv"})
        | {"columns": _columns(table, style, own_name)}
        for table, name in SHEETS.items()
    }
    tables["pregnancies"]["delivery_date"] = own_name("pregnancies", "delivery_year")
    return {"version": "1", **declared.get(style, {}), **_YES_NO, "tables": tables}


def redcap_mapping() -> dict:
    """Return the mapping file of the export of REDCap, as data."""
    tables = {
        table: {"file": "export.csv", "columns": _columns(table, "redcap", own_variable)} for table in SHEETS
    }
    for table in list(tables)[1:]:
        tables[table] |= {"instrument": table, "link": {"from": "record_id"}}
    tables["pregnancies"]["delivery_date"] = own_variable("pregnancies", "delivery_year")
    redcap = {"dictionary": "dictionary.csv", "export": "raw", "record_id": "record_id"}
    return {"version": "1", "redcap": redcap, "tables": tables}


# --- the eight ways -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Format:
    """A way of sending a registry: its tables under the names of that way, written, and its mapping file.

    `own` is "" in the contract's columns, else "book", "text" or "redcap".
    """

    grids: Callable[[Registry], Grids]
    write: Callable[[Grids], Files]
    own: str = ""

    @property
    def mapping(self) -> str | None:
        """The text of the mapping file, None in the contract's columns."""
        if not self.own:
            return None
        plain = redcap_mapping() if self.own == "redcap" else centre_mapping(self.own)
        return yaml.safe_dump(plain, allow_unicode=True, sort_keys=False)

    def name(self, table: str, column: str) -> str:
        """Return what a column of the contract is called here."""
        if not self.own:
            return column
        return own_variable(table, column) if self.own == "redcap" else own_name(table, column)

    def grid(self, table: str) -> str:
        """Return under which name of `grids` a table of the contract is found."""
        return "export" if self.own == "redcap" else table


FORMATS = {
    "commas": Format(contract_grids, _commas),
    "semicolons": Format(contract_grids, _semicolons),
    "tabs": Format(contract_grids, _tabs),
    "book": Format(contract_grids, _book),
    "parquet": Format(contract_grids, _parquet),
    "centre book": Format(centre_grids, _centre, "book"),
    "centre text": Format(text_grids, _centre_text, "text"),
    "redcap": Format(redcap_grids, _redcap, "redcap"),
}


def labelled(grids: Grids) -> Grids:
    """Return an export of REDCap with labels for its columns and cells."""
    export, dictionary = grids["export"], grids["dictionary"]
    fields = {row[0]: row for row in dictionary.rows}
    names = {
        "redcap_repeat_instrument": "Repeat Instrument",
        "redcap_repeat_instance": "Repeat Instance",
        **{name: row[3] for name, row in fields.items()},
    }
    states = {"2": "Complete", "": ""}
    columns = []
    for place, name in enumerate(export.names):
        cells = [row[place] for row in export.rows]
        if name.endswith("_complete"):
            cells = [states[cell] for cell in cells]
        elif name == "redcap_repeat_instrument":
            cells = [cell.replace("_", " ").title() for cell in cells]
        elif fields.get(name, [""] * 5)[2] in ("radio", "yesno"):
            choices = fields[name][4] or "1, Yes | 0, No"
            labels = dict(choice.split(", ", 1) for choice in choices.split(" | "))
            cells = [labels.get(cell, cell) for cell in cells]
        columns.append(cells)
    written = Grid([], [names.get(name, "Complete?") for name in export.names])
    written.rows = [list(row) for row in zip(*columns, strict=True)]
    return {"export": written, "dictionary": dictionary}
