"""What intake leaves: the names of the contract, the table of checks, the page and the data dictionary."""

import csv
from html.parser import HTMLParser

import pytest
from gravida.intake.dictionary import data_dictionary
from gravida.intake.table import tabulate_checks
from gravida.periods import COUNT_COLUMNS
from submissions import ROOT, changed, submit, valid, write_csv

from schemas.submission import TABLES
from schemas.submission_rules import COUNTS

# The contract's columns; those after the bar may be missing or left out.
CONTRACT = {
    "pregnancies": "pregnancy_id woman_id delivery_year age_at_delivery dmt_before relapses_post_year ivig | "
    "ms_diagnosis_year gestation_days onset_after_lmp outcome edss_before dmt_stop_day relapses_pre_year "
    "relapses_pregnancy observed_from_day observed_to_day next_conception_day breastfeeding dmt_restart_day "
    "dmt_in_pregnancy steroid_prophylaxis visits_post_year parity assisted_reproduction iga_deficiency "
    "renal_disease heart_disease diabetes",
    "relapses": "pregnancy_id onset_day | steroids confirmed severity",
    "infusions": "pregnancy_id day grams | grams_per_kg",
    "adverse_events": "pregnancy_id day term serious |",
}
EFFICACY = {
    "none": "none",
    "moderate": "interferon_beta glatiramer_acetate teriflunomide dimethyl_fumarate azathioprine",
    "high": "fingolimod ozanimod siponimod ponesimod natalizumab ocrelizumab ofatumumab rituximab cladribine "
    "alemtuzumab mitoxantrone",
    "other": "other unknown",
}


class Words(HTMLParser):
    """The visible text of a page and the addresses that it would fetch."""

    def __init__(self, page):
        super().__init__()
        self.text, self.addresses = [], []
        self.feed(page)

    def handle_data(self, data):
        self.text.append(data.strip())

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in ("src", "href")]


@pytest.mark.parametrize("table", list(CONTRACT))
def test_columns_are_those_of_the_contract(table):
    required, optional = (part.split() for part in CONTRACT[table].split("|"))
    columns = TABLES[table].columns
    assert {name for name, column in columns.items() if column.required} == set(required)
    assert {name for name, column in columns.items() if not column.required} == set(optional)
    assert {name for name, column in columns.items() if column.nullable} == set(optional)


def test_counts_are_the_columns_that_the_periods_name():
    assert tuple(COUNT_COLUMNS.values()) == COUNTS


def test_codes_of_therapies_have_the_efficacy_of_the_contract():
    with (ROOT / "resources/dmt_codes.csv").open(newline="") as file:
        shipped = {row["code"]: row["efficacy"] for row in csv.DictReader(file)}
    assert shipped == {code: efficacy for efficacy, codes in EFFICACY.items() for code in codes.split()}


def test_tabulate_checks_has_the_contracts_columns_and_words(tmp_path):
    tables = changed("pregnancies", 4, "age_at_delivery", "99")
    tables["pregnancies"].loc[2, "outcome"] = ""
    verdict = submit(write_csv(tmp_path, tables)).verdict
    table = tabulate_checks([verdict, verdict | {"site": "second"}])
    assert (
        " ".join(table.columns) == "site table column check category rows_checked rows_failed status action"
    )
    assert set(table["site"]) == {"ljubno", "second"}
    assert set(table["status"]) == {"pass", "pass_with_violations", "fail", "not_assessable"}
    assert not table.duplicated(["site", "table", "column", "check"]).any()
    rows = table[table["site"].eq("second") & table["rows_failed"].gt(0)]
    assert rows.drop(columns=["site", "category"]).to_numpy().tolist() == [
        ["pregnancies", "age_at_delivery", "range", 6, 1, "fail", "refused"],
        ["pregnancies", "outcome", "stated", 6, 1, "pass_with_violations", "defaulted"],
    ]


def test_every_check_is_listed_whatever_was_sent(tmp_path):
    def names(result):
        return [(check["table"], check["column"], check["check"]) for check in result.verdict["checks"]]

    assert names(submit([])) == names(submit(write_csv(tmp_path, valid())))


def test_page_says_the_verdict_first_and_fetches_nothing(tmp_path):
    page = Words(submit(write_csv(tmp_path, changed("pregnancies", 4, "age_at_delivery", "99"))).page)
    words = [text for text in page.text if text]
    assert words[0] == "Submission of ljubno: refused"
    assert "1 of 6" in words
    assert "Allowed: 14 to 56." in words
    assert page.addresses == []


def test_page_of_an_accepted_submission(tmp_path):
    page = Words(submit(write_csv(tmp_path, changed("pregnancies", 4, "outcome", ""))).page)
    assert "ljubno: accepted" in page.text
    assert "To correct before sending again" not in page.text
    assert "Stated; where it is missing, live_birth is used." in page.text


CODES = [code for codes in EFFICACY.values() for code in codes.split()]


def test_data_dictionary_explains_every_column_and_code():
    text = data_dictionary(CODES)
    assert all(f"`{code}`" in text for code in CODES)
    for table, schema in TABLES.items():
        section = text.split(f"## {table}\n")[1].split("\n## ")[0]
        for name, column in schema.columns.items():
            assert f"| `{name}` | {column.title} |" in section
            assert {"unit", "category"} <= set(column.metadata)
