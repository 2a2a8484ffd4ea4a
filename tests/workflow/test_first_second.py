"""Before the first step: a configuration that cannot be read, and a run that is stopped at once."""

import os
import subprocess
import sys
from pathlib import Path

from tests.workflow.conftest import ROOT, minimal_site, write_study


def test_make_tells_of_a_configuration_that_is_no_yaml_before_it_writes_anything(tmp_path: Path) -> None:
    study = write_study(tmp_path / "my study", {"a": ("all", minimal_site([("W1", 1, 0)]))})
    (study / "config.yaml").write_text("sites: sites.tsv\ndisclosure:\n\tmin_women: 6\n")
    before = sorted(study.iterdir())
    done = subprocess.run(
        ["make", "--old-file", ".venv/ready", f"STUDY={study}"],
        cwd=ROOT,
        # A make that runs the tests would have this one say which folder it enters.
        env={name: value for name, value in os.environ.items() if "MAKE" not in name and name != "MFLAGS"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode
    line, makes_own = done.stdout.splitlines()
    assert line.startswith(f"ConfigurationError: {study}/config.yaml line 3") and makes_own.startswith(
        "make: "
    )
    assert sorted(study.iterdir()) == before


def test_a_run_that_is_stopped_while_snakemake_is_imported_shows_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "snakemake").mkdir()
    (tmp_path / "snakemake/__init__.py").write_text("")
    (tmp_path / "snakemake/cli.py").write_text("raise KeyboardInterrupt")
    done = subprocess.run(
        [sys.executable, ROOT / "workflow/run.py"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == "Stopped: run again to go on; what was finished is kept.\n"
