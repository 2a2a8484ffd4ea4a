"""The documentation says what is so: its commands run, its links lead somewhere, its lists are whole."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import gravida
import pytest
import yaml
from gravida.disclosure import RULES
from gravida.settings import PROFILES

from schemas.release import RELEASED
from tests.docs.pages import ROOT, agrees, blocks, tell

PAGES = sorted((ROOT / "docs").glob("*.md"))
STORIES = [
    page for page in [ROOT / "README.md", *PAGES] if "<!-- run -->" in page.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("page", STORIES, ids=lambda page: page.stem)
def test_a_page_can_be_typed_through(page: Path, tmp_path: Path) -> None:
    assert tell(page, tmp_path) > 0


def test_every_mark_is_understood() -> None:
    for page in [ROOT / "README.md", *PAGES]:
        text = page.read_text(encoding="utf-8")
        marks = re.findall(r"^<!-- (?:run|fails|prints|writes)", text, re.MULTILINE)
        assert len(marks) == len(list(blocks(text))), page.name


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("Written: a\n", "Written: a\n", True),
        ("...\nReport: ...\n", "x\ny\nReport: /x/report.html\n", True),
        ("1.409 (0.764 to\n2.598)\n", "1.409 (0.764 to 2.598)\n", True),
        ("1.409\n", "1.408\n", False),
        ("Accepted.\n", "Accepted. Rows read: 3\n", False),
    ],
)
def test_shown_output_is_compared(shown: str, printed: str, same: bool) -> None:
    assert agrees(shown, printed) is same


def test_a_block_that_ends_otherwise_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- run -->\n```sh\nfalse\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="line 1"):
        tell(page, tmp_path)


def build_site(folder: Path, site: Path) -> subprocess.CompletedProcess:
    """Build the site of a project in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_link_and_anchor_leads_somewhere_and_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    done = build_site(ROOT, tmp_path / "site")
    assert done.returncode == 0, done.stderr
    for page in (tmp_path / "site").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:link|script|img|iframe)[^>]+(?:href|src)=\"(\w+:)?//", text)
        assert not loaded, page.name


def test_a_link_that_leads_nowhere_fails(tmp_path: Path) -> None:
    for name in ("docs", "config", "resources"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("mkdocs.yml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    page = tmp_path / "docs/index.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n[x](faq.md#nowhere)\n", encoding="utf-8")
    done = build_site(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert "nowhere" in done.stderr


def test_links_among_the_files_lead_to_files() -> None:
    for page in [*ROOT.glob("*.md"), *PAGES]:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_page_is_in_the_navigation() -> None:
    nav = str(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert all(f"'{page.name}'" in nav for page in PAGES)


def first_cells(page: str, heading: str) -> list[str]:
    """Return the first cells of the table under a heading, without quotes."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    rows = text.partition("\n## ")[0].partition("|---|")[2]
    return re.findall(r"^\| `([^`]+)`", rows, re.MULTILINE)


def test_every_rule_of_the_gate_is_explained_in_its_order() -> None:
    assert first_cells("disclosure.md", "The rules") == list(RULES)


def test_every_profile_is_explained() -> None:
    assert first_cells("disclosure.md", "Profiles") == list(PROFILES)


def test_every_released_table_is_listed() -> None:
    text = (ROOT / "docs/tables.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^## `?(\w+)", text, re.MULTILINE)) == set(RELEASED)


def test_the_coverage_in_the_methods_is_that_of_the_simulation() -> None:
    simulated = " ".join((ROOT / "resources/calibration.md").read_text(encoding="utf-8").split())
    methods = (ROOT / "docs/methods.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+ \| [0-9][^|]+ \| [^|]+) \|$", methods, re.MULTILINE)
    assert len(rows) == 6
    assert all(row in simulated for row in rows)


def test_the_front_door_is_short_and_shows_what_the_first_page_is_held_to() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 150
    shown = re.search(r"```text\n(.*?)\n\nReport", text, re.DOTALL)
    printed = [block.text for block in blocks((ROOT / "docs/study.md").read_text(encoding="utf-8"))]
    assert shown and any(shown[1] in block for block in printed)


def test_the_version_is_one_and_the_citation_names_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert project["version"] == citation["version"] == gravida.__version__
    assert project["license"] == citation["license"] == "BSD-3-Clause"
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["authors"] == [{"name": "The gravida authors"}]


def test_the_messages_that_are_explained_are_those_of_the_library() -> None:
    sources = [*(ROOT / "workflow/lib").rglob("*.py"), *(ROOT / "schemas").glob("*.py"), ROOT / "Makefile"]
    library = "\n".join(path.read_text(encoding="utf-8") for path in sources).replace("{arm}", "treated")
    page = (ROOT / "docs/faq.md").read_text(encoding="utf-8")
    reasons = re.findall(
        r"^\| ([^|`]+) \|", page.partition("## NotEstimable")[2].partition("\n## ")[0], re.MULTILINE
    )[1:]
    checks = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page, re.MULTILINE)))
    told = re.findall(r'^\*\*"(.+?)"\*\*', page, re.MULTILINE)
    assert len(reasons) == 6 and len(checks) == 9 and len(told) == 3
    assert [text for text in [*reasons, *checks, *told] if text not in library] == []
