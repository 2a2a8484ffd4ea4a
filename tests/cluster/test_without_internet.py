"""A centre without internet: what `make wheelhouse` has gathered is all that it takes.

Run by `make offline`.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT

# Where the system lets nobody take the network away, whatever asks for it is sent to a port where nobody is.
NOWHERE = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
ASKS = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)"


@pytest.fixture(scope="module")
def offline() -> list[str]:
    """Return what is set before a command to run it with the network off."""
    command = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*command, "true"], check=False).returncode:
        return []
    with socket.create_server(("127.0.0.1", 0)) as server:
        asks = [sys.executable, "-c", ASKS, str(server.getsockname()[1])]
        assert subprocess.run(asks, check=False).returncode == 0
        assert subprocess.run([*command, *asks], stderr=subprocess.DEVNULL, check=False).returncode != 0
    return command


def test_it_installs_and_runs_the_study(offline: list[str], tmp_path: Path) -> None:
    """With pip alone, which every Python has; each file is held against its digest in the lock."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)} | NOWHERE

    def make(*arguments: str) -> None:
        own = [f"VENV={tmp_path}/venv", f"PYTHON={os.path.realpath(sys.executable)}", "WHEELHOUSE=wheelhouse"]
        done = subprocess.run(
            [*offline, "make", *own, *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout

    study = tmp_path / "study"
    study.mkdir()
    (study / "config.yaml").write_text("{}\n", encoding="utf-8")
    make(f"STUDY={study}")
    assert (study / "results/release/report.html").exists()
    make(f"{tmp_path}/venv/slurm")
    done = subprocess.run(
        [tmp_path / "venv/bin/python", "-c", "import snakemake_executor_plugin_slurm"], check=False
    )
    assert done.returncode == 0
