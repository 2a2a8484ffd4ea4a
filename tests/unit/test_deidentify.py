"""Rows leave a centre under pseudonyms, in another order, and only if nothing identifying is left."""

import base64
import csv
import hashlib
import hmac
import io
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from gravida.errors import ConfigurationError
from gravida.intake.centre import pseudonyms
from gravida.intake.centre.anonymity import smallest_classes
from gravida.intake.centre.deidentify import as_csv, deidentify
from gravida.intake.centre.pseudonyms import new_key, pseudonym, pseudonymise, read_key
from gravida.intake.reading.text import UNREADABLE_CELL, Text
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.submission import ID_PATTERN

KEY = bytes(range(32))


def table(columns: dict[str, list[str]]) -> Text:
    rows = len(next(iter(columns.values())))
    cells = tuple(pa.chunked_array([pa.array(cells, pa.string())]) for cells in columns.values())
    return Text(tuple(columns), cells, rows, np.arange(2, rows + 2))


def cells(text: Text, column: str) -> list[str]:
    return text.columns[text.names.index(column)].to_pylist()


def registry() -> dict[str, Text]:
    return {
        "pregnancies": table(
            {
                "pregnancy_id": ["48213377/1", "48213377/2", "Novak Ana"],
                "woman_id": ["48213377", " 48213377 ", "Novak Ana"],
                "delivery_year": ["2010", "2013", "2013"],
                "age_at_delivery": ["28.5", "31.5", "33"],
                "dmt_before": ["none", "interferon_beta", "natalizumab"],
                "relapses_post_year": ["1", "0", "0"],
                "ivig": ["1", "0", "1"],
            }
        ),
        "relapses": table({"pregnancy_id": ["Novak Ana", "48213377/1"], "onset_day": ["-100", "20"]}),
    }


def test_a_key_is_32_bytes_and_never_the_same() -> None:
    first, second = new_key(), new_key()
    assert first != second
    assert len(read_key(first)) == 32
    assert read_key(base64.b64encode(KEY).decode()) == KEY
    assert read_key(f"  {base64.b64encode(KEY).decode()}\r\n") == KEY


WRITTEN = base64.b64encode(KEY).decode()


@pytest.mark.parametrize(
    "text",
    [
        *("", "secret", "é" * 44, WRITTEN[:-1], "*" + WRITTEN, WRITTEN.encode().hex()),
        *(base64.b64encode(wrong).decode() for wrong in (KEY[:31], KEY + b"x", bytes(32))),
    ],
)
def test_what_is_no_key_is_refused_in_one_line_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_key(text)
    assert "\n" not in str(raised.value)
    assert len(text) < 5 or text not in str(raised.value)


def test_a_pseudonym_is_hmac_sha256() -> None:
    digest = hmac.new(KEY, b"woman_id\x0048213377", hashlib.sha256).digest()
    # The first 80 bits, five at a time.
    bits = int.from_bytes(digest[:10], "big")
    signs = [
        "abcdefghijklmnopqrstuvwxyz234567"[(bits >> shift) & 31] for shift in range(75, -5, -5)
    ]  # fmt: skip
    assert pseudonym("woman_id", "48213377", KEY) == "w" + "".join(signs)


def test_an_id_has_one_pseudonym_in_every_table() -> None:
    made = pseudonymise(registry(), KEY)
    first, second, third = cells(made["pregnancies"], "pregnancy_id")
    assert cells(made["relapses"], "pregnancy_id") == [third, first]
    assert len({first, second, third}) == 3
    women = cells(made["pregnancies"], "woman_id")
    assert women[0] == women[1] != women[2]
    # The woman and the pregnancy that had the same id cannot be matched.
    assert women[2][1:] != third[1:]
    for each in (first, second, third):
        assert re.fullmatch("p[a-z2-7]{16}", each) and re.fullmatch(ID_PATTERN, each)
    assert cells(made["pregnancies"], "ivig") == ["1", "0", "1"]


def test_another_key_gives_other_pseudonyms() -> None:
    ids = [set(cells(pseudonymise(registry(), key)["pregnancies"], "woman_id")) for key in (KEY, KEY[::-1])]
    assert ids[0].isdisjoint(ids[1])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        *(("A1", " A1 ", True), ("A1", "A1\u00a0", True), ("A1", "Ａ１", True), ("Š", "S\u030c", True)),
        *(("A1", "a1", False), ("007", "7", False), ("A 1", "A1", False)),
    ],
)
def test_ids_are_the_same_up_to_blanks_around_them_and_unicode_forms(
    one: str, other: str, same: bool
) -> None:
    made = cells(
        pseudonymise({"relapses": table({"pregnancy_id": [one, other]})}, KEY)["relapses"], "pregnancy_id"
    )
    assert (made[0] == made[1]) == same


def test_empty_and_unreadable_ids_stay_what_they_are() -> None:
    text = table({"pregnancy_id": ["", "  ", UNREADABLE_CELL], "woman_id": ["", "W1", UNREADABLE_CELL]})
    made = pseudonymise({"pregnancies": text}, KEY)["pregnancies"]
    assert cells(made, "pregnancy_id") == ["", "", UNREADABLE_CELL]
    assert cells(made, "woman_id")[0] == ""


def test_two_ids_with_one_pseudonym_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pseudonyms, "_SIGNS", 1)
    ids = [f"ID{number}" for number in range(33)]
    with pytest.raises(ConfigurationError, match="same pseudonym") as raised:
        pseudonymise({"relapses": table({"pregnancy_id": ids})}, KEY)
    assert "ID" not in str(raised.value).replace("pregnancy_id", "")


@settings(deadline=None)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=8))
def test_any_text_can_be_an_id(ids: list[str]) -> None:
    made = cells(pseudonymise({"relapses": table({"pregnancy_id": ids})}, KEY)["relapses"], "pregnancy_id")
    assert all(each in {"", UNREADABLE_CELL} or re.fullmatch(ID_PATTERN, each) for each in made)


def test_ordinary_rows_leave_under_pseudonyms_in_another_order() -> None:
    result = deidentify(registry(), KEY)
    assert result.leaves, [each.check for each in result.outcomes if each.refuses]
    assert [each.check for each in result.outcomes if each.failed] == []
    pregnancies = result.tables["pregnancies"]
    ids = cells(pregnancies, "pregnancy_id")
    assert ids == sorted(ids)
    plain_order = cells(pseudonymise(registry(), KEY)["pregnancies"], "pregnancy_id")
    # The lines still point at the rows of the source.
    assert [plain_order[line - 2] for line in pregnancies.lines] == ids
    years = dict(zip(plain_order, ["2010", "2013", "2013"], strict=True))
    assert cells(pregnancies, "delivery_year") == [years[each] for each in ids]
    written = "".join(as_csv(text) for text in result.tables.values())
    for secret in ("48213377", "Novak", "Ana"):
        assert secret not in written
        assert secret not in repr(result.outcomes)


@pytest.mark.parametrize(
    ("column", "cell", "check"),
    [
        ("dmt_before", "Zofka Pahor", "name"),
        ("dmt_before", "7.3.2019", "full_date"),
        ("relapses_post_year", "43531", None),
        ("delivery_year", "2013-05-06", "full_date"),
        ("ivig", "0101006500006", "national_id"),
    ],
)
def test_what_identifies_does_not_leave(column: str, cell: str, check: str | None) -> None:
    texts = registry()
    old = texts["pregnancies"]
    columns = {name: cells(old, name) for name in old.names}
    columns[column][1] = cell
    result = deidentify(texts | {"pregnancies": table(columns)}, KEY)
    failing = {(each.column, each.check): each.lines.tolist() for each in result.outcomes if each.failed}
    assert failing == ({} if check is None else {(column, check): [3]})
    assert result.leaves == (check is None)


def test_a_column_or_a_table_of_its_own_does_not_leave() -> None:
    texts = registry()
    extra = table({"pregnancy_id": ["1"], "onset_day": ["3"], "Pregnancy_ID": ["1"]})
    result = deidentify(texts | {"relapses": extra}, KEY)
    assert not result.leaves
    assert not deidentify(texts | {"letters": table({"pregnancy_id": ["1"]})}, KEY).leaves
    assert deidentify({}, KEY).leaves


# Eight pregnancies of seven women of one site; the fifth and sixth are of one woman.
ALIKE = pd.DataFrame(
    {
        "woman_id": ["a", "b", "c", "d", "e", "e", "f", "g"],
        "delivery_year": pd.array([2010, 2010, 2011, 2011, 2012, 2013, 2012, 2013], "Int64"),
        "age_at_delivery": [25.0, 26.0, 27.0, 29.5, 31.0, 32.0, 33.0, 40.0],
    }
)


def test_classes_are_counted_in_women_as_sent_and_coarser() -> None:
    rows = smallest_classes(ALIKE, 2).set_index(["age", "delivery_year"])
    kept = [
        "steps",
        "pregnancies",
        "classes",
        "smallest",
        "classes_below_k",
        "pregnancies_below_k",
        "reaches_k",
    ]
    assert rows[kept].to_numpy().tolist() == [
        # All ages differ: eight classes of one.
        [0, 8, 8, 1, 8, 8, False],
        [1, 8, 8, 1, 8, 8, False],
        # 2010: 25 to 29, two; 2011: 25 to 29, two; 2012: 30 to 34, e and f; 2013: 30 to 34, e; 40 to 44, g.
        [1, 8, 5, 1, 2, 2, False],
        # 2010 and 2011: four; 2012 and 2013: 30 to 34, e twice and f, 40 to 44, g.
        [2, 8, 3, 1, 1, 1, False],
    ]  # fmt: skip
    assert [(age, year) for age, year in rows.index] == [
        ("as sent", "single years"),
        ("as sent", "2-year bands"),
        ("5-year groups", "single years"),
        ("5-year groups", "2-year bands"),
    ]
    three = smallest_classes(ALIKE.iloc[:7], 3).iloc[3]
    # e, e and f are three pregnancies and two women.
    assert (three["smallest"], three["pregnancies_below_k"]) == (2, 3)
    assert smallest_classes(ALIKE.iloc[:7], 2).iloc[3]["reaches_k"]


def test_the_smallest_class_is_named_at_the_centre_only() -> None:
    away, at_home = smallest_classes(ALIKE, 2), smallest_classes(ALIKE, 2, at_centre=True)
    assert set(away["smallest_class"]) == {""}
    assert at_home["smallest_class"].iloc[3] == "delivery year 2012 to 2013, age 40 to 44"
    assert smallest_classes(ALIKE.iloc[7:], 2, at_centre=True)["smallest_class"].iloc[0] == (
        "delivery year 2013, age 40"
    )
    assert away.drop(columns="smallest_class").equals(at_home.drop(columns="smallest_class"))
    assert "2 pregnancies in 2 classes stay below 2 women" in away["advice"].iloc[2]
    assert "every class has at least 1 women" in smallest_classes(ALIKE, 1)["advice"].iloc[0]


def test_sites_are_apart_and_what_is_missing_is_a_class() -> None:
    two = pd.concat([ALIKE.assign(site="a"), ALIKE.assign(site="b")], ignore_index=True)
    assert smallest_classes(two, 2)["classes"].tolist() == [16, 16, 10, 6]
    missing = ALIKE.assign(age_at_delivery=np.nan, delivery_year=pd.array([pd.NA] * 8, "Int64"))
    row = smallest_classes(missing, 2, at_centre=True).iloc[0]
    assert (row["classes"], row["smallest"]) == (1, 7)
    assert row["smallest_class"] == "delivery year missing, age missing"
    nobody = smallest_classes(ALIKE.iloc[:0], 2, at_centre=True)
    assert nobody["smallest"].tolist() == [0] * 4 and nobody["reaches_k"].all()
    alone = smallest_classes(ALIKE.assign(woman_id=pd.array([pd.NA] * 8, "string")), 2)
    assert alone["smallest"].tolist() == [1] * 4


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=6),
                 min_size=2, max_size=2),
        max_size=5,
    )
)  # fmt: skip
def test_csv_can_be_read_back_and_holds_no_formula(rows: list[list[str]]) -> None:
    text = table({"pregnancy_id": [row[0] for row in rows], "term": [row[1] for row in rows]})
    written = as_csv(text)
    back = list(csv.reader(io.StringIO(written, newline="")))
    assert back[0] == ["pregnancy_id", "term"]
    for row, sent in zip(back[1:], rows, strict=True):
        for cell, original in zip(row, sent, strict=True):
            assert cell in {original, f"'{original}"}
            assert cell[:1] not in {"=", "+", "-", "@"} or re.fullmatch(r"[+-]?[0-9]+([.,][0-9]+)?", cell)


def test_csv_is_canonical() -> None:
    text = table({"pregnancy_id": ["p1", "p2"], "onset_day": ["-100", ""], "severity": ['mi"ld', "a,b"]})
    assert as_csv(text) == 'pregnancy_id,onset_day,severity\np1,-100,"mi""ld"\np2,,"a,b"\n'
    assert as_csv(table({"term": ["=1+1", "-312", "@x"]})) == "term\n'=1+1\n-312\n'@x\n"
