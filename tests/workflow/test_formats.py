"""Submissions in the formats, names and folders that centres have, through the whole workflow."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.workflow.conftest import ROOT, Run, run_workflow

DEMO = ROOT / "resources/demo"
ACCEPTED = [f"results/restricted/intake/{site}/pregnancies.parquet" for site in ("treats_all", "treats_none")]
TABLES = ("pregnancies", "relapses", "infusions", "adverse_events")
MAPPING = """version: 1
decimal: ","
tables:
  pregnancies:
    file: nosecnosti.csv
    columns:
{columns}
    ignore: [Opombe]
"""


def sheet(policies: dict[str, str], mapping: str = "") -> str:
    lines = ["site\tsubmission\tmode\tpolicy\tmapping\tdata_cut"]
    for site, policy in policies.items():
        own = mapping if site == "treats_none" else ""
        lines.append(f"{site}\t{site}\trows\t{policy}\t{own}\t2019-06-30")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the shipped registry as a workbook by data cut, and as a Slovenian export with a mapping."""
    folder = tmp_path_factory.mktemp("formats")
    cut = folder / "treats_all/2019-06-30"
    cut.mkdir(parents=True)
    with pd.ExcelWriter(cut / "submission.xlsx") as writer:
        for table in TABLES:
            rows = pd.read_csv(DEMO / f"treats_all/{table}.csv", dtype=str, keep_default_na=False)
            rows.to_excel(writer, sheet_name=table, index=False)
    # An older data cut stays where it is and does not count.
    older = folder / "treats_all/2018-06-30"
    older.mkdir()
    (older / "pregnancies.csv").write_text("nothing that could be read", encoding="utf-8")
    shutil.copytree(DEMO / "treats_none", folder / "treats_none")
    rows = pd.read_csv(folder / "treats_none/pregnancies.csv", dtype=str, keep_default_na=False)
    (folder / "treats_none/pregnancies.csv").unlink()
    for table in TABLES[1:]:
        (folder / f"treats_none/{table}.csv").unlink()
    commas = rows.assign(
        **{name: rows[name].str.replace(".", ",") for name in ("age_at_delivery", "edss_before")}
    )
    renamed = commas.rename(columns={name: f"stolpec {name}" for name in rows}).assign(Opombe="č")
    renamed.to_csv(folder / "treats_none/nosecnosti.csv", index=False, sep=";", encoding="utf-8-sig")
    columns = "\n".join(f"      {name}: {{from: stolpec {name}}}" for name in rows)
    (folder / "none.yaml").write_text(MAPPING.format(columns=columns), encoding="utf-8")
    (folder / "sites.tsv").write_text(
        sheet({"treats_all": "all", "treats_none": "none"}, "none.yaml"), encoding="utf-8"
    )
    (folder / "config.yaml").write_text("sites: sites.tsv\non_refused: leave_out\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def run(study: Path) -> Run:
    return run_workflow(study, *ACCEPTED)


def test_the_same_rows_are_accepted_whatever_they_were_written_in(run: Run, tmp_path: Path) -> None:
    assert run.code == 0, run.output
    plain = run_workflow(tmp_path, *ACCEPTED, config=False)
    assert plain.code == 0, plain.output
    for name in ACCEPTED:
        pd.testing.assert_frame_equal(pd.read_parquet(run.study / name), pd.read_parquet(tmp_path / name))


def test_refused_rows_are_set_aside_loudly(study: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(study, tmp_path / "study"))
    (own / "config.yaml").write_text("sites: sites.tsv\non_refused: quarantine\n", encoding="utf-8")
    source = own / "treats_none/nosecnosti.csv"
    rows = pd.read_csv(source, sep=";", dtype=str, keep_default_na=False)
    rows.loc[[4, 9], "stolpec dmt_before"] = "zeliscni caj"
    rows.to_csv(source, index=False, sep=";", encoding="utf-8-sig")
    run = run_workflow(own, "results/internal/tables/attrition.csv")
    assert run.code == 0, run.output
    assert (
        f"Warning: site treats_none: refused rows are set aside: pregnancies 2 of {len(rows)}" in run.output
    )
    attrition = pd.read_csv(run.path("internal/tables/attrition.csv"))
    here = attrition[attrition["site"] == "treats_none"].set_index("step")["pregnancies"]
    assert (here["quarantined"], here["submitted"]) == (2, len(rows) - 2)
    assert "zeliscni" not in run.text("internal/quality/treats_none.html") + run.output


def test_a_file_that_the_mapping_does_not_name_is_refused_and_not_named(study: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(study, tmp_path / "study"))
    (own / "treats_none/Ana Novak 1203985505123.pdf").write_text("a letter", encoding="utf-8")
    run = run_workflow(own, "results/internal/intake/treats_none.json")
    assert run.code == 0, run.output
    (check,) = (check for check in json.loads(run.text("internal/intake/treats_none.json"))["checks"]
                if check["status"] == "fail")  # fmt: skip
    assert (check["check"], check["rows_failed"]) == ("unexpected_file", 1)
    assert "Novak" not in run.output + run.text("internal/quality/treats_none.html")


def test_two_sites_do_not_share_their_rows(study: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(study, tmp_path / "study"))
    lines = (own / "sites.tsv").read_text().splitlines()
    again = lines[1].replace("treats_all\ttreats_all", "again\t./treats_all")
    (own / "sites.tsv").write_text("\n".join([*lines, again]) + "\n", encoding="utf-8")
    run = run_workflow(own, "--dry-run")
    assert run.code == 1
    assert "ConfigurationError: sites again and treats_all have the same submission" in run.output


def test_a_refused_site_is_left_out_loudly(run: Run, study: Path) -> None:
    """Without its table of pregnancies a third site is refused; the others go on."""
    (study / "third").mkdir()
    (study / "third/relapses.csv").write_text("pregnancy_id,onset_day\n", encoding="utf-8")
    policies = {"treats_all": "all", "treats_none": "none", "third": "none"}
    (study / "sites.tsv").write_text(sheet(policies, "none.yaml"), encoding="utf-8")
    again = run_workflow(study, "results/internal/tables/rate_ratios.csv")
    assert again.code == 0, again.output
    assert "Warning: site third is left out: its submission was refused" in again.output
    attrition = pd.read_csv(again.path("internal/tables/attrition.csv"))
    (row,) = attrition[attrition["step"] == "left_out"].to_dict("records")
    assert (row["site"], row["pregnancies"]) == ("third", 0)
    ratios = pd.read_csv(again.path("internal/tables/rate_ratios.csv"))
    assert ratios.loc[ratios["is_primary"], "rate_ratio"].round(3).tolist() == [1.409]
