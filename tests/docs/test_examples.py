"""The examples of studies are studies: their files fit the schemas, and they are what their page says."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from gravida import settings
from gravida.errors import ConfigurationError
from gravida.files import read_yaml

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "config/examples"
NAMES = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())
SCHEMA = read_yaml(ROOT / "schemas/config.schema.yaml")
SHEET = read_yaml(ROOT / "schemas/sites.schema.yaml")


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration over another, as Snakemake merges them: lists are replaced."""
    out = dict(base)
    for key, value in over.items():
        out[key] = merged(out[key], value) if isinstance(value, dict) and key in out else value
    return out


def plan(name: str) -> dict[str, Any]:
    """Return the whole plan of an example."""
    return merged(read_yaml(ROOT / "config/config.yaml"), read_yaml(EXAMPLES / name / "config.yaml"))


def sites(name: str) -> list[dict[str, str]]:
    """Return the lines of an example's sheet of sites."""
    return settings.read_sites(EXAMPLES / name / "sites.tsv", SHEET)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_a_plan(name: str) -> None:
    settings.check_configuration(plan(name), SCHEMA)
    assert plan(name)["sites"] == "sites.tsv"


def test_a_fault_of_an_example_would_be_found() -> None:
    with pytest.raises(ConfigurationError, match="min_women"):
        settings.check_configuration(merged(plan("two_sites"), {"disclosure": {"min_women": 3}}), SCHEMA)


def test_two_sites_differ_by_policy_alone() -> None:
    assert sorted(site["policy"] for site in sites("two_sites")) == ["all", "none"]


def test_eight_sites_have_mixed_policies() -> None:
    assert Counter(site["policy"] for site in sites("eight_sites")) == {"all": 2, "none": 2, "individual": 4}


def test_of_thirty_sites_twelve_keep_their_rows() -> None:
    modes = Counter(site["mode"] for site in sites("thirty_sites"))
    assert modes == {"rows": 18, "summary": 12}
    keeping = {site["submission"] for site in sites("thirty_sites") if site["mode"] == "summary"}
    assert keeping == {"exchange"}


def test_every_example_is_on_the_page() -> None:
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in page for name in NAMES)
