"""Centres that keep their rows, as the coordinating centre sees them: what it asks, awaits and refuses."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gravida.federation.contrasts import PooledContrasts
from gravida.federation.exchange import Request, opening_request, summarise_site, text_of
from gravida.federation.pool import Pool
from gravida.federation.protection import Answered
from gravida.federation.rounds import next_request, questions_left
from gravida.federation.selection import Holdings, holding_of
from gravida.federation.signing import new_keys, signed
from gravida.files import read_yaml
from gravida.ledger import digest_of
from gravida.synthetic.design import RegistryDesign, SiteDesign
from gravida.synthetic.generate import generate
from gravida.tables import read_table
from gravida.words import NEEDS_ROWS

from tests.workflow.conftest import ROOT, Run, check_finished, run_workflow, write_study

CUT, MIN_WOMEN = "2019-06-30", 5
HERE, KEEPING = "here", ("north", "south")
KEYS = {name: new_keys() for name in (*KEEPING, "coordinator")}
COVARIATES = ["age_at_delivery", "relapses_pre_year"]
CONFIG = f"covariates: [{', '.join(COVARIATES)}]\n"
PLAN = read_yaml(ROOT / "config/config.yaml") | {"covariates": COVARIATES}
DIGEST = digest_of({key: value for key, value in PLAN.items() if key != "sites"})
CONTRAST = {
    "period": PLAN["outcome_period"],
    "numerator": PLAN["contrast"]["numerator"],
    "covariates": COVARIATES,
}
OPENING = opening_request(DIGEST, CONTRAST)
LABELS = {
    "rate_ratios": ["analysis", "is_primary", "period", "model", "covariance", "adjusted_for"],
    "longitudinal": ["term"],
    "predictors": ["model", "predictor", "level"],
    "relapse_rates": ["group", "arm", "site", "period"],
}
# What a site hands over as it is.
OWN = ("attrition", "data_quality")
TABLES = [f"results/internal/tables/{name}.csv" for name in (*LABELS, *OWN)]
POLICIES = dict.fromkeys((HERE, *KEEPING), "individual")
# The number of rows that are compared, at least.
COMPARED = {"rate_ratios": 15, "longitudinal": 20, "predictors": 7, "relapse_rates": 40}


@dataclass
class Centre:
    """A centre that keeps its rows: these, and what it has answered."""

    name: str
    held: Holdings
    answered: Answered

    def answer(self, study: Path, request: Request) -> None:
        line = {"site": self.name, "policy": "individual", "data_cut": CUT}
        document, self.answered = summarise_site(
            request, line, self.held, MIN_WOMEN, self.answered, KEYS[self.name][0]
        )
        path = study / f"exchange/round_{request.round:02}/{self.name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text_of(document), encoding="utf-8")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return the study of all rows."""
    designs = tuple(SiteDesign(name, "individual", 60) for name in (HERE, *KEEPING))
    tables = generate(RegistryDesign(designs, seed=8))
    files = {
        name: ("individual", {f"{table}.csv": found.to_csv(index=False) for table, found in each.items()})
        for name, each in tables.items()
    }
    run = run_workflow(write_study(tmp_path_factory.mktemp("rows"), files, CONFIG), *TABLES)
    assert run.code == 0, run.output
    return run


@pytest.fixture(scope="module")
def centres(rows: Run) -> list[Centre]:
    return [Centre(name, rows_of(rows, name), Answered({})) for name in KEEPING]


def rows_of(run: Run, site: str) -> Holdings:
    """Return the rows of a site, as its own study has them."""
    names = ("cohort", "person_time", "onsets")
    cohort, person_time, onsets = (pd.read_parquet(run.path(f"restricted/{name}.parquet")) for name in names)
    tables = {name: read_table(run.path(f"internal/tables/{name}.csv")) for name in OWN}
    return holding_of(site, cohort, person_time, onsets=onsets, **tables)


@pytest.fixture(scope="module")
def first(rows: Run, centres: list[Centre], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return the coordinating centre's study when everybody has answered the first round."""
    study = tmp_path_factory.mktemp("coordinator")
    files = {path.name: path.read_text(encoding="utf-8") for path in (rows.study / HERE).iterdir()}
    write_study(study, {HERE: ("individual", files)}, CONFIG)
    with (study / "sites.tsv").open("a", encoding="utf-8") as sheet:
        sheet.writelines(f"{name}\texchange\tsummary\tindividual\t\t{CUT}\n" for name in KEEPING)
    (study / "exchange/keys").mkdir(parents=True)
    for name, (private, public) in KEYS.items():
        (study / f"exchange/keys/{name}.pub").write_text(public, encoding="utf-8")
        if name == "coordinator":
            (study / f"exchange/keys/{name}.key").write_text(private, encoding="utf-8")
    for centre in centres:
        centre.answer(study, OPENING)
    run = run_workflow(study, "ask_centres", "results/internal/tables/data_quality.csv")
    assert run.code == 0, run.output
    return run


def next_asked(study: Path, number: int) -> Request:
    path = study / f"exchange/round_{number:02}/request.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    return Request(number, document["plan"], document["questions"])


def test_the_next_request_is_written_and_said(first: Run) -> None:
    asked = next_asked(first.study, 2)
    assert asked.questions and asked.plan == DIGEST
    assert "send exchange/round_02/request.json to north, south" in first.output


def ask(held: Holdings, last: Request, answers: dict[str, dict]) -> Request | None:
    """Return what the coordinating centre asks next, without Snakemake."""
    nothing = pd.DataFrame()
    plan = CONTRAST | {
        "policies": POLICIES,
        "denominator": PLAN["contrast"]["denominator"],
        "confidence": PLAN["confidence"],
    }
    contrasts = replace(PooledContrasts.of_plan(nothing, nothing, plan), pool=Pool({HERE: held}, answers))
    return next_request(last.round, DIGEST, questions_left(contrasts))


@pytest.fixture(scope="module")
def last(first: Run, rows: Run, centres: list[Centre], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return the coordinating centre's study when all is answered."""
    study = shutil.copytree(first.study, tmp_path_factory.mktemp("last") / "study", symlinks=True)
    held = rows_of(first, HERE)
    request, answers = OPENING, {name: {} for name in KEEPING}
    while request:
        for centre in centres:
            if request.round > 1:
                centre.answer(study, request)
            path = study / f"exchange/round_{request.round:02}/{centre.name}.json"
            answers[centre.name] |= json.loads(path.read_text(encoding="utf-8"))["answers"]
        request = ask(held, request, answers)
        if request:
            path = study / f"exchange/round_{request.round:02}/request.json"
            path.parent.mkdir(exist_ok=True)
            text = text_of(signed(request.document(), KEYS["coordinator"][0]))
            # What the workflow asked is what is asked here.
            assert not path.exists() or path.read_text(encoding="utf-8") == text
            path.write_text(text, encoding="utf-8")
    return run_workflow(study, "--cores", "2")


@pytest.mark.slow
def test_the_report_is_written_and_says_what_needs_rows(last: Run) -> None:
    check_finished(last)
    assert "all is answered" in last.output
    for name in ("sensitivity", "predictability", "time_to_relapse"):
        table = pd.read_csv(last.path(f"release/tables/{name}.csv"))
        assert table["reason"].fillna("").str.contains(NEEDS_ROWS).any(), name
    assert NEEDS_ROWS in last.text("release/report.html")
    quality = pd.read_csv(last.path("internal/tables/data_quality.csv"))
    assert set(quality["site"]) == {HERE, *KEEPING}


@pytest.mark.slow
def test_when_all_is_answered_the_numbers_are_those_of_all_rows(last: Run, rows: Run) -> None:
    for name, labels in LABELS.items():
        tables = [pd.read_csv(run.path(f"internal/tables/{name}.csv")) for run in (rows, last)]
        expected, found = (table.assign(number=table.groupby(labels).cumcount()) for table in tables)
        both = expected.merge(found, on=[*labels, "number"], suffixes=("", "_found"))
        kept = both[
            ~both.get("reason_found", both["number"].astype(str)).fillna("").str.startswith(NEEDS_ROWS)
        ]
        # Its correlation is solved for to 1e-8: the federation's own tests hold it to 1e-6.
        kept = kept[kept.get("model", kept["number"]) != "gee_poisson"]
        assert len(kept) >= COMPARED[name], (name, len(kept))
        for column in expected.select_dtypes("number").columns.difference([*labels, "number", "p_nonlinear"]):
            if not column.startswith(("imputed_", "gee_")):
                pairs = kept[[column, f"{column}_found"]].to_numpy(float)
                np.testing.assert_allclose(pairs[:, 1], pairs[:, 0], rtol=1e-8, atol=1e-10, err_msg=column)


def asked_with(first: Run, folder: Path, change: Callable[[Path], None]) -> Run:
    """Return the run of a copy of the first round's study in which something is changed."""
    study = shutil.copytree(first.study, folder / "study", symlinks=True)
    change(study)
    return run_workflow(study, "ask_centres")


def flip(study: Path) -> None:
    path = study / "exchange/round_01/north.json"
    path.write_text(path.read_text(encoding="utf-8").replace("1", "2", 1), encoding="utf-8")


def another_key(study: Path) -> None:
    (study / "exchange/keys/north.pub").write_text(KEYS["south"][1], encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (flip, "SubmissionRefused: exchange/round_01/north.json: it was changed after it was signed"),
        (another_key, "SubmissionRefused: exchange/round_01/north.json: it was changed after it was signed"),
        (
            lambda study: (study / "exchange/round_01/south.json").unlink(),
            "ConfigurationError: site south keeps its rows: exchange/round_01/south.json is not there",
        ),
        (
            lambda study: (study / "exchange/keys/south.pub").unlink(),
            "ConfigurationError: exchange/keys/south.pub is not there: the centre makes it once",
        ),
    ],
    ids=["flipped byte", "another key", "no answer", "no key"],
)
def test_what_cannot_be_counted_is_one_line(
    first: Run, tmp_path: Path, change: Callable[[Path], None], line: str
) -> None:
    run = asked_with(first, tmp_path, change)
    assert run.code == 1
    assert [said for said in run.output.splitlines() if said.startswith(line)], run.output
    assert "Traceback" not in run.output


def test_who_is_awaited_is_said(first: Run, centres: list[Centre], tmp_path: Path) -> None:
    request = next_asked(first.study, 2)
    run = asked_with(first, tmp_path, lambda study: replace(centres[0]).answer(study, request))
    assert run.code == 0, run.output
    assert "waiting for round 2 of south" in run.output
    assert not (run.study / "exchange/round_03").exists()


@pytest.mark.slow
def test_every_site_may_keep_its_rows(first: Run, tmp_path: Path) -> None:
    study = shutil.copytree(first.study, tmp_path / "study", ignore=shutil.ignore_patterns("results", HERE))
    sheet = (study / "sites.tsv").read_text(encoding="utf-8").splitlines()
    kept = [line for line in sheet if not line.startswith(HERE)]
    (study / "sites.tsv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    run = run_workflow(study, "--cores", "2")
    check_finished(run)
    rates = pd.read_csv(run.path("internal/tables/relapse_rates.csv"))
    assert set(rates["site"]) == {"all", *KEEPING}
    assert "send exchange/round_02/request.json to north, south" in run.output
