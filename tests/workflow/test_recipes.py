"""The recipes of a container are what Snakemake writes for environment.yml: `make container` renews them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT
from tests.workflow.test_reruns import FILES, FOLDERS


@pytest.mark.parametrize("kind", ["dockerfile", "apptainer"])
def test_a_recipe_is_up_to_date(kind: str, tmp_path: Path) -> None:
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--quiet", "all", "--containerize", kind],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{ROOT / 'container'}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (ROOT / "container" / kind).read_text(encoding="utf-8")
