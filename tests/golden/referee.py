"""Recompute every reference answer with R and hold it against the committed one.

Run by `make referee`, not collected with the other tests: it needs R with the packages that README.md names.
An answer that one of the R scripts of this folder makes names it under `maker`.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
VERSIONS = {"r_version", "packages"}
# Another version of R or of its linear algebra may stop an iteration a little elsewhere; optimisers of mixed
# models stop early; another version of mice draws other values (their Monte Carlo error stands beside them).
EXACT = {"rel": 1e-6, "abs": 1e-9}
LOOSE = {
    ".glmer.": {"rel": 1e-3, "abs": 1e-4},
    ".glmmTMB_laplace.": {"rel": 1e-3, "abs": 1e-4},
    ".multiple_imputation.": {"rel": 0.05, "abs": 0.02},
}


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


MAKERS = {
    str(path.relative_to(HERE)): made["maker"]
    for path in sorted([*HERE.glob("*.json"), *HERE.glob("cases/*.json")])
    if "maker" in (made := read(path))
}


@pytest.fixture(scope="module")
def recomputed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tests") / "golden"
    shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copytree(HERE.parent / "data", copy.parent / "data")
    for name in MAKERS:
        (copy / name).unlink()
    for script in sorted(set(MAKERS.values())):
        subprocess.run(["Rscript", script], cwd=copy, check=True, capture_output=True)
    return copy


def leaves(content, path: str = "") -> dict[str, object]:
    if isinstance(content, dict):
        items = [(f"{path}.{key}", value) for key, value in content.items() if key not in VERSIONS]
    elif isinstance(content, list):
        items = [(f"{path}[{place}]", value) for place, value in enumerate(content)]
    else:
        return {path: content}
    return {name: leaf for key, value in items for name, leaf in leaves(value, key).items()}


def tolerance(key: str) -> dict[str, float]:
    return next((loose for part, loose in LOOSE.items() if part in key), EXACT)


@pytest.mark.parametrize("name", MAKERS)
def test_r_gives_the_committed_answer(recomputed: Path, name: str) -> None:
    committed, again = leaves(read(HERE / name)), leaves(read(recomputed / name))
    assert committed.keys() == again.keys()
    for key, value in committed.items():
        expected = pytest.approx(value, **tolerance(key)) if isinstance(value, float) else value
        assert again[key] == expected, key
