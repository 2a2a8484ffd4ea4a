"""A centre that keeps its rows: what `site_summary` writes in two rounds, and what it refuses."""

import json
import shutil
import stat
from pathlib import Path

import pandas as pd
import pytest
from gravida.federation.exchange import Centre, Request, opening_request, read_summary, text_of
from gravida.federation.questions import Which, key_of, question
from gravida.federation.signing import new_keys, signed
from gravida.federation.tabulation import tabulation
from gravida.synthetic.design import RegistryDesign, SiteDesign
from gravida.synthetic.generate import generate

from tests.workflow.conftest import Run, run_workflow, write_study

MIN_WOMEN = 5
OUTCOME = Which(("postpartum_year",))
NORTH, OURS = new_keys(), new_keys()
CENTRE = Centre("north", "individual", "2019-06-30", NORTH[1])
COVARIATES = ["age_at_delivery", "disease_duration_years", "edss_before", "dmt_before", "relapses_pre_year"]
CONTRAST = {"period": "postpartum_year", "numerator": "untreated", "covariates": COVARIATES}


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a centre's study after the first round."""
    tables = generate(RegistryDesign((SiteDesign("north", "individual", 90),), seed=4))["north"]
    files = {f"{name}.csv": rows.to_csv(index=False) for name, rows in tables.items()}
    study = write_study(tmp_path_factory.mktemp("centre"), {"north": ("individual", files)})
    keys = study / "exchange/keys"
    keys.mkdir(parents=True)
    (keys / "north.key").write_text(NORTH[0], encoding="utf-8")
    (keys / "coordinator.pub").write_text(OURS[1], encoding="utf-8")
    run = run_workflow(study, "site_summary")
    assert run.code == 0, run.output
    assert "Look at exchange/round_01/north.html" in run.output
    return run


def file_of(study: Path, number: int, ending: str = ".json") -> Path:
    return study / f"exchange/round_{number:02}/north{ending}"


def text_in(study: Path, number: int) -> str:
    return file_of(study, number).read_text(encoding="utf-8")


def plan_of(centre: Run) -> str:
    return json.loads(text_in(centre.study, 1))["plan"]


def request_of(centre: Run, plan: str = "") -> Request:
    columns = [("intercept",), ("arm", "untreated")]
    asked = question("sums", OUTCOME, columns=columns, family="poisson", parameters=[-1.0, 0.3])
    return Request(2, plan or plan_of(centre), {key_of(asked): asked})


def asked_again(centre: Run, folder: Path, request: Request, key: str = OURS[0]) -> Run:
    """Return the run of a copy of the centre's study that has been sent a second request."""
    study = shutil.copytree(centre.study, folder / "study", symlinks=True)
    sent = study / "exchange/round_02/request.json"
    sent.parent.mkdir()
    sent.write_text(text_of(signed(request.document(), key)), encoding="utf-8")
    return run_workflow(study, "site_summary")


def test_the_first_round_needs_no_asking(centre: Run) -> None:
    request = opening_request(plan_of(centre), CONTRAST)
    answers = read_summary(text_in(centre.study, 1), "north.json", CENTRE, request, MIN_WOMEN)
    rows = pd.read_parquet(centre.path("restricted/person_time.parquet"))
    after = rows[rows["period"] == "postpartum_year"]
    counted = answers[key_of(tabulation(OUTCOME))]["arms"]
    for arm, theirs in after.groupby("arm", observed=True):
        assert counted[arm]["pregnancies"] == len(theirs)
        assert counted[arm]["relapses"] == theirs["relapses"].sum()


def test_what_is_written_is_for_its_owner_alone(centre: Run) -> None:
    for ending in (".json", ".html", "_ledger.json"):
        assert stat.S_IMODE(file_of(centre.study, 1, ending).stat().st_mode) == 0o600
    assert "Traceback" not in centre.output


def test_no_row_leaves(centre: Run) -> None:
    """No identifier is in the file, and no list in it is as long as the rows."""
    text = text_in(centre.study, 1)
    rows = pd.read_parquet(centre.path("restricted/cohort.parquet"))
    assert not any(f'"{name}"' in text for name in [*rows["pregnancy_id"], *rows["woman_id"]])
    grids = [each.pop("grid") for each in json.loads(text)["answers"].values() if "grid" in each]
    # The table of checks names the column; a row would have it for a key.
    assert len(grids) == 1 and '"pregnancy_id":' not in text


def test_a_second_round_answers_what_was_asked(centre: Run, tmp_path: Path) -> None:
    request = request_of(centre)
    run = asked_again(centre, tmp_path, request)
    assert run.code == 0, run.output
    answers = read_summary(text_in(run.study, 2), "north.json", CENTRE, request, MIN_WOMEN)
    assert len(answers) == 1 and all("score" in each for each in answers.values())
    ledger = json.loads(file_of(run.study, 2, "_ledger.json").read_text(encoding="utf-8"))
    assert [*ledger.values()] == [[[-1.0, 0.3]]]


@pytest.mark.parametrize(
    ("plan", "key", "why"),
    [("other", OURS[0], "another analysis plan"), ("", NORTH[0], "not signed by the coordinating centre")],
)
def test_a_request_that_is_not_ours_is_refused(
    centre: Run, tmp_path: Path, plan: str, key: str, why: str
) -> None:
    run = asked_again(centre, tmp_path, request_of(centre, plan), key)
    assert run.code == 1
    assert "SubmissionRefused: exchange/round_02/request.json: it " in run.output and why in run.output
    assert not file_of(run.study, 2).exists()
