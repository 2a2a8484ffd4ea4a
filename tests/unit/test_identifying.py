"""What identifies a person is found wherever it hides, and ordinary pseudonyms are left alone.

The national ids are invented: they are the examples of the documentation of python-stdnum 2.2 and of the
issuers, or were found valid by it.
"""

import random
import string
import time

import numpy as np
import pyarrow as pa
import pytest
from gravida.intake.centre.identifying import IDENTIFYING_CHECKS, scan
from gravida.intake.centre.identifying_ids import id_checks
from gravida.intake.centre.national_ids import NATIONAL_IDS, is_national_id
from gravida.intake.centre.written_dates import full_dates
from gravida.intake.reading.text import UNREADABLE_CELL, Text
from hypothesis import given, settings
from hypothesis import strategies as st

EXAMPLES = {
    "emso": ["0101006500006", "2902932505526"],
    "oib": ["33392005961", "36574261809"],
    "personnummer": ["8803200016", "198803200016"],
    "nhs": ["9434765870"],
    "nir": ["295109912611193", "253072B07300470"],
    "codice_fiscale": ["RCCMNL83S18D969H"],
    "dni": ["54362315K", "X2482300W"],
    "bsn": ["111222333"],
    "cpr": ["2110625629"],
    "fodselsnummer": ["15108695088"],
    "henkilotunnus": ["131052-308T"],
    "iban": ["GB82WEST12345698765432", "SI56191000000123438"],
}
REFUSING_ID_CHECKS = ("id_looks_like_date", "id_looks_like_national_id", "id_looks_like_name")


def table(columns: dict[str, list[str]], first_line: int = 2) -> Text:
    rows = len(next(iter(columns.values())))
    cells = tuple(pa.chunked_array([pa.array(cells, pa.string())]) for cells in columns.values())
    return Text(tuple(columns), cells, rows, np.arange(first_line, first_line + rows))


def found(name: str, table_name: str, columns: dict[str, list[str]]) -> dict[str, list[int]]:
    """Return the lines at which each check of a column fails."""
    outcomes = scan({table_name: table(columns)})
    return {each.check: each.lines.tolist() for each in outcomes if each.failed and each.column == name}


def in_text(cell: str) -> set[str]:
    return set(found("breastfeeding", "pregnancies", {"breastfeeding": ["none", cell]}))


def in_ids(*ids: str, serials: int = 40) -> dict[str, set[str]]:
    """Return what is found in ids among ordinary ones, without the latter."""
    every = [*ids, *(f"P{number:04}" for number in range(serials))]
    return {check: {every[place] for place in places} for check, places in id_checks(every).items() if places}


@pytest.mark.parametrize("kind", NATIONAL_IDS)
def test_a_national_id_is_known_by_its_check_digit(kind: str) -> None:
    for number in EXAMPLES[kind]:
        assert NATIONAL_IDS[kind].holds(number)
        at = max(place for place, sign in enumerate(number[:-1]) if sign.isdigit())
        wrong = number[:at] + str((int(number[at]) + 1) % 10) + number[at + 1 :]
        assert not NATIONAL_IDS[kind].holds(wrong)


# No deadline: what is slow is another job on the machine; time is measured at the end.
@settings(deadline=None)
@given(st.text(max_size=30))
def test_no_text_makes_it_crash(text: str) -> None:
    is_national_id(text)
    columns = {"pregnancy_id": [text], "outcome": [text], "day": [text], "parity": [text], "grams": [text]}
    for outcome in scan({"pregnancies": table(columns), "infusions": table(columns)}):
        assert outcome.checked in {0, 1, 2, 3, 4, 5}
    id_checks([text])


@pytest.mark.parametrize("digit", ["፩", "²", "٣", "４", "①", "\u0660"])
def test_digits_of_other_scripts_make_nothing_crash(digit: str) -> None:
    assert in_text(digit * 13) <= set(IDENTIFYING_CHECKS)
    id_checks([digit * size for size in range(1, 20)])


def test_full_width_digits_hide_nothing() -> None:
    assert "full_date" in in_text("２０１９-０３-０７")


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "2019-03-07",
            "2019-03-07T10:15:00",
            "7.3.2019",
            "7. 3. 2019",
            "07.03.2019.",
            "07/03/19",
            "3/7/2019",
        ),
        *("7 March 2019", "7th of March, 2019", "March 7, 2019", "7-Mar-2019", "07MAR2019", "2019 March 7"),
        *(
            "7. marec 2019",
            "7. marca 2019",
            "7. ožujka 2019.",
            "7. März 2019",
            "7 mars 2019",
            "1er mars 2019",
        ),
        *("7 marzo 2019", "7 de marzo de 2019", "7. III. 2019", "7. siječnja 2019", "12. lipnja 2019"),
        *("3. studenoga 2019", "15 août 2019", "15 juillet 2019", "15 juin 2019", "2 gennaio 2019"),
        *("4 luglio 2019", "4 giugno 2019", "9 enero 2019", "9 de agosto de 2019", "24. Dezember 2019"),
        *("24. prosinca 2019", "20190307", "07032019", "8 avril 2019", "8 abril 2019", "10 ottobre 2019"),
        *("1. avgust 2019", "1. kolovoza 2019", "1. srpnja 2019", "1. svibnja 2019", "1. travnja 2019"),
        *("1. rujna 2019", "1. listopada 2019", "1. veljače 2019", "1 settembre 2019", "1 février 2019"),
        "seen on 7.3.2019 at home",
    ],
)
def test_a_full_date_is_found_in_every_spelling(cell: str) -> None:
    assert in_text(cell) == {"full_date"}


@pytest.mark.parametrize(
    "text", ["2019", "march 2019", "32.1.2019", "30.2.2019", "13.13.2019.", "2019-13-45"]
)
def test_what_is_no_full_date_is_none(text: str) -> None:
    assert list(full_dates(text)) == []


@pytest.mark.parametrize(
    ("cell", "check"),
    [
        ("ana.novak@example.si", "email"),
        ("write to a@b.example.org, please", "email"),
        ("+386 41 123 456", "phone_number"),
        ("00385 91 234 5678", "phone_number"),
        ("041 123 456", "phone_number"),
        ("(01) 522-1234", "phone_number"),
        ("030/1234567", "phone_number"),
        ("555-123-4567", "phone_number"),
        ("Zofka Pahor", "name"),
        ("PAHOR ZOFKA", "name"),
        ("Mojca", "name"),
        ("sister of špela", "name"),
        ("943 476 5870", "national_id"),
        ("SI56 1910 0000 0123 438", "national_id"),
        ("EMSO 0101006500006", "national_id"),
        ("record 48213377", "record_number"),
        ("long " * 41, "free_text"),
    ],
)
def test_what_identifies_is_found_in_a_column_of_codes(cell: str, check: str) -> None:
    assert in_text(cell) == {check}
    assert found("term", "adverse_events", {"term": ["other", cell]}) == {check: [3]}


@pytest.mark.parametrize("kind", NATIONAL_IDS)
def test_a_national_id_is_found_in_text(kind: str) -> None:
    for number in EXAMPLES[kind]:
        assert "national_id" in in_text(f"see {number}.") | in_text(number)


def test_what_identifies_is_found_in_columns_of_numbers_and_of_no_known_name() -> None:
    assert found("parity", "pregnancies", {"parity": ["1", "0101006500006", "+38641123456"]}) == {
        "national_id": [3],
        "phone_number": [4],
    }
    assert found("delivery_year", "pregnancies", {"delivery_year": ["2019", "2019-03-07"]}) == {
        "full_date": [3]
    }
    assert found("a column of its own", "pregnancies", {"zofka_pahor": ["Zofka Pahor"]}) == {"name": [2]}


def test_codes_and_numbers_of_the_contract_are_left_alone() -> None:
    columns = {
        "breastfeeding": ["none", "Partial", "EXCLUSIVE"],
        "outcome": ["live_birth", "Live Birth", "stillbirth"],
        "dmt_before": ["interferon_beta", "Glatiramer acetate", "Interferon Beta"],
        "age_at_delivery": ["27.4", "30", "27.400000000000002"],
        "dmt_stop_day": ["-312", "-19999", "-1013"],
        "ivig": ["yes", "0", "TRUE"],
        "visits_post_year": ["", UNREADABLE_CELL, "4"],
    }
    outcomes = scan({"pregnancies": table(columns)})
    assert [(each.column, each.check) for each in outcomes if each.failed] == []
    assert {each.check for each in outcomes} == set(IDENTIFYING_CHECKS)
    assert {each.check: each.checked for each in outcomes}["full_date"] == 3 * 7 - 1


def test_codes_of_therapies_may_be_named() -> None:
    cells = {"pregnancies": table({"dmt_before": ["Marija Zofka"]})}
    assert any(each.failed for each in scan(cells))
    assert not any(each.failed for each in scan(cells, codes=["marija_zofka"]))


@pytest.mark.parametrize(
    ("cell", "fails"),
    [
        *(("19999", False), ("20000", True), ("43531", True), ("43531.0", True), ("43531.4375", True)),
        *(("60000", True), ("60001", False), ("-43531", False)),
    ],
)
def test_excel_serials_are_found_in_columns_of_days_only(cell: str, fails: bool) -> None:
    assert ("looks_like_a_date" in found("day", "infusions", {"day": ["3", cell]})) == fails
    assert found("grams", "infusions", {"grams": ["3", cell]}) == {}


@pytest.mark.parametrize(
    "identifier", ["19850307", "1985-03-07", "07-03-1985", "7_3_1985", "07031985", "AN19850307", "19850307-2"]
)
def test_a_date_of_birth_in_an_id_refuses(identifier: str) -> None:
    assert in_ids(identifier) == {"id_looks_like_date": {identifier}}


def test_dates_of_six_digits_refuse_where_the_column_is_made_of_them() -> None:
    born = ["850307", "791224", "900115", "880630", "830911", "930202"]
    assert in_ids(*born, serials=0) == {"id_looks_like_date": set(born)}
    assert in_ids(*(f"AN{each}" for each in born)) == {"id_looks_like_date": {f"AN{each}" for each in born}}
    # Serial numbers: one year, one month.
    serial = [f"1201{number:02}" for number in range(1, 29)]
    assert set(in_ids(*serial, serials=0)) == {"record_number_in_id"}
    assert set(in_ids("850307")) == {"record_number_in_id"}


def test_year_and_serial_number_are_no_dates() -> None:
    ids = [f"{year}{number:04}" for year in (2015, 2019) for number in range(1, 150)]
    assert set(in_ids(*ids, serials=0)) == {"record_number_in_id"}
    assert not in_ids(*(f"2019-01-{number:02}" for number in range(1, 80)), serials=0).get(
        "id_looks_like_date"
    )


@pytest.mark.parametrize("kind", NATIONAL_IDS)
def test_a_national_id_in_an_id_refuses(kind: str) -> None:
    for number in EXAMPLES[kind]:
        for identifier in (number, f"SI-{number}"):
            told = in_ids(identifier)
            assert identifier in told.get("id_looks_like_national_id", told.get("id_looks_like_date", set()))


def test_a_column_of_national_ids_refuses_and_chance_does_not() -> None:
    rng = random.Random(11)
    elevens = list(dict.fromkeys(str(rng.randrange(10**10, 10**11)) for _ in range(3_000)))
    true = [each for each in elevens if NATIONAL_IDS["oib"].holds(each)]
    assert 0.08 < len(true) / len(elevens) < 0.12
    assert set(in_ids(*elevens, serials=0)) == {"record_number_in_id"}
    assert in_ids(*true, serials=0)["id_looks_like_national_id"] == set(true)


@pytest.mark.parametrize(
    "identifier",
    [
        *(
            "Novak-Ana",
            "novak_ana",
            "ANA-NOVAK",
            "NovakAna",
            "ana1985",
            "Špela",
            "Zofka-Pahor",
            "Zofka_Pahor1",
        ),
        *("Ana", "Maja3", "MARIJA-12", "12-Mojca", "pahor_zofka", "PAHOR-ZOFKA"),
    ],
)
def test_a_name_in_an_id_refuses(identifier: str) -> None:
    words = {"pregnancies": table({"woman_id": [identifier, *(f"W{number}" for number in range(20))]})}
    failing = {each.check: each.lines.tolist() for each in scan(words) if each.failed}
    assert failing == {"id_looks_like_name": [2]}


def test_a_name_that_half_the_column_shares_is_that_of_the_hospital() -> None:
    assert in_ids(*(f"Maria-{number}" for number in range(30)), serials=0) == {}
    assert set(in_ids("Maria-1", "Maria-2")) == {"id_looks_like_name"}
    assert in_ids(*(f"LJU-{code}" for code in ("ABA", "ABE", "ABI", "ABO", "ABU", "ACA")), serials=0) == {}


@pytest.mark.parametrize(
    "identifier", ["P0001", "1", "9999", "Patient-Case-3", "LJ-00012", "MS-Study-7", "p000123"]
)
def test_ordinary_ids_pass(identifier: str) -> None:
    assert in_ids(identifier) == {}


def test_ids_that_do_not_fit_the_pattern_are_read_as_text() -> None:
    ids = {"woman_id": ["W1", "a.novak@example.si", "7.3.1985", "+386 41 123 456"]}
    assert found("woman_id", "pregnancies", ids) == {
        "email": [3],
        "full_date": [4],
        "phone_number": [5],
    }


ALPHABETS = {
    "base32": string.ascii_lowercase + "234567",
    "BASE32": string.ascii_uppercase + "234567",
    "hex": "0123456789abcdef",
    "base62": string.ascii_letters + string.digits,
    "integer": string.digits,
}


@pytest.mark.parametrize("size", [8, 11, 13, 16])
@pytest.mark.parametrize("alphabet", ALPHABETS)
@pytest.mark.parametrize("prefix", ["", "LJ-"])
def test_random_pseudonyms_are_rarely_refused(alphabet: str, size: int, prefix: str) -> None:
    # 2,500 of each of 40 kinds make 100,000; in columns of 50, where one finding weighs most.
    rng = random.Random(f"{alphabet} {size} {prefix}")
    ids = [prefix + "".join(rng.choices(ALPHABETS[alphabet], k=size)) for _ in range(2_500)]
    refused = 0
    for first in range(0, len(ids), 50):
        told = id_checks(list(dict.fromkeys(ids[first : first + 50])))
        refused += sum(len(told[check]) for check in REFUSING_ID_CHECKS)
    # At a rate below 1e-4 one in 2,500 has a probability of 0.22, two of 0.026.
    assert refused <= 1


def test_no_value_of_a_row_is_told() -> None:
    secrets = ["Zofka Pahor", "2019-03-07", "+386 41 123 456", "0101006500006", "ana@example.si"]
    columns = {"woman_id": secrets, "term": secrets, "Zofka Pahor": secrets}
    told = repr(
        [(each, each.row()) for each in scan({"adverse_events": table(columns), "Zofka": table(columns)})]
    )
    for secret in (*secrets, "Zofka", "Pahor"):
        assert secret not in told


def test_lines_are_those_of_the_source() -> None:
    text = table({"term": ["other", "Zofka Pahor", "rash", "Zofka Pahor"]}, first_line=7)
    (failing,) = [each for each in scan({"adverse_events": text}) if each.failed]
    assert failing.lines.tolist() == [8, 10]
    assert (failing.checked, failing.failed, failing.refuses) == (4, 2, True)


def test_many_long_and_hostile_cells_take_bounded_time() -> None:
    hostile = ["0" * 90_000, "1 " * 45_000, "a@" * 45_000, "Aa " * 30_000, "1." * 45_000, "+1(" * 30_000]
    cells = hostile + [f"{number} {number}" * 3 for number in range(20_000)]
    begin = time.process_time()
    told = found("term", "adverse_events", {"term": cells})
    assert time.process_time() - begin < 20
    assert len(told["free_text"]) >= len(cells) - 2_000
