"""Recompute every reference answer with R and hold it against the committed one.

Run by `make referee`, not collected with the other tests: it needs R with the packages that README.md names.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ANSWERS = [*sorted(path.name for path in HERE.glob("*.json")), "cases/nb_joint_sandwich.json"]
VERSIONS = {"r_version", "packages"}


@pytest.fixture(scope="module")
def recomputed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tests") / "golden"
    shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copytree(HERE.parent / "data", copy.parent / "data")
    for name in ANSWERS:
        (copy / name).unlink()
    subprocess.run(["Rscript", "make_golden.R"], cwd=copy, check=True, capture_output=True)
    return copy


def leaves(content, path: str = "") -> dict[str, object]:
    if isinstance(content, dict):
        items = [(f"{path}.{key}", value) for key, value in content.items() if key not in VERSIONS]
    elif isinstance(content, list):
        items = [(f"{path}[{place}]", value) for place, value in enumerate(content)]
    else:
        return {path: content}
    return {name: leaf for key, value in items for name, leaf in leaves(value, key).items()}


@pytest.mark.parametrize("name", ANSWERS)
def test_r_gives_the_committed_answer(recomputed: Path, name: str) -> None:
    committed = leaves(json.loads((HERE / name).read_text(encoding="utf-8")))
    again = leaves(json.loads((recomputed / name).read_text(encoding="utf-8")))
    assert committed.keys() == again.keys()
    for key, value in committed.items():
        # Another version of R or of its linear algebra may stop an iteration a little elsewhere.
        expected = pytest.approx(value, rel=1e-6, abs=1e-9) if isinstance(value, float) else value
        assert again[key] == expected, key
