"""Run the workflow as a user would, each study in a folder of its own."""

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Run:
    """A finished run: its folder, exit code, everything that it printed, and Snakemake's own log of it."""

    def __init__(self, study: Path, code: int, output: str, log: str = "") -> None:
        self.study, self.code, self.output, self.log = study, code, output, log

    def path(self, name: str) -> Path:
        return self.study / "results" / name

    def text(self, name: str) -> str:
        return self.path(name).read_text(encoding="utf-8")

    def executed(self) -> set[str]:
        """Return the names of the rules that ran, or would run in a dry run; intake with its site."""
        rules, rule = set(), ""
        # A dry run has no log, and prints what would be in it.
        for line in (self.log or self.output).splitlines():
            words = line.split()
            if words[:1] in (["rule"], ["localrule"]) and line.endswith(":"):
                rule = words[1][:-1]
                rules.add(rule)
            if rule == "intake_site" and words[:1] == ["wildcards:"]:
                rules.add(f"intake_site {words[1].removeprefix('site=')}")
        return rules - {"intake_site", "all"}


def run_workflow(study: Path, *arguments: str, source: Path = ROOT, config: bool = True) -> Run:
    """Run Snakemake on a study's folder with the workflow at `source`."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(source / "Snakefile")]
    command += ["--directory", str(study), *arguments]
    if config:
        # Last, for it takes in every word that follows.
        command += ["--configfile", str(study / "config.yaml")]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
    before = logs_of(study)
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=study,
        check=False,
    )
    log = "".join(path.read_text(encoding="utf-8") for path in sorted(logs_of(study) - before))
    return Run(study, done.returncode, done.stdout, log)


def logs_of(study: Path) -> set[Path]:
    """Return the logs that Snakemake keeps of a study's runs."""
    return set(study.glob(".snakemake/log/*.snakemake.log"))


def write_study(folder: Path, sites: dict[str, tuple[str, dict[str, str]]], config: str = "") -> Path:
    """Write a study: site -> (policy, file name -> text)."""
    lines = ["site\tsubmission\tmode\tpolicy\tmapping\tdata_cut"]
    for site, (policy, files) in sites.items():
        (folder / site).mkdir(parents=True)
        for name, text in files.items():
            (folder / site / name).write_text(text, encoding="utf-8")
        lines.append(f"{site}\t{site}\trows\t{policy}\t\t2019-06-30")
    (folder / "sites.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "config.yaml").write_text(f"sites: sites.tsv\n{config}", encoding="utf-8")
    return folder


def minimal_site(rows: list[tuple[str, int, int]]) -> dict[str, str]:
    """Return a submission with the required columns only: (woman, ivig, relapses after delivery)."""
    header = "pregnancy_id,woman_id,delivery_year,age_at_delivery,dmt_before,relapses_post_year,ivig"
    lines = [
        f"P{number},{woman},2012,{28 + number % 9},none,{relapses},{ivig}"
        for number, (woman, ivig, relapses) in enumerate(rows)
    ]
    return {"pregnancies.csv": "\n".join([header, *lines]) + "\n"}


def primary(run: Run) -> dict[str, str]:
    """Return the primary row of the rate ratios."""
    table = csv.DictReader(io.StringIO(run.text("internal/tables/rate_ratios.csv")))
    (row,) = (row for row in table if row["is_primary"] == "True")
    return row


def check_finished(run: Run) -> None:
    """Check that a whole run came to its end and that no step had anything to say."""
    assert run.code == 0, run.output
    assert "Traceback" not in run.output and "Warning" not in run.output
    for log in run.path("logs").rglob("*.log"):
        assert log.read_text(encoding="utf-8") == "", log


def check_no_answer(run: Run, words: str) -> None:
    """Check that a whole run built its report though the data hold no answer, and says why in these words."""
    check_finished(run)
    row = primary(run)
    assert row["status"] == "not_estimable"
    assert row["rate_ratio"] == row["lower"] == row["upper"] == row["p_value"] == ""
    assert words in row["reason"]
    assert words in run.text("release/report.html")
    assert words in run.text("release/headline.txt")
