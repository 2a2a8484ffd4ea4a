"""The analysis plan and the sheet of sites: read, checked against their schemas, faults told in one line."""

import csv
import math
from collections.abc import Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from gravida.errors import ConfigurationError
from gravida.files import read_text

LINE, FORM = "'sites: sites.tsv'", "a line is a key, a colon, a blank and a value"
SHEET_COLUMNS = ("site", "submission", "mode", "policy", "mapping", "data_cut")


# The fewest women on whom a released cell may rest, and how counts are rounded, by profile.
PROFILES = {
    "default": (5, ""),
    "opensafely": (8, "nearest_5"),
    "opensafely_midpoint_6": (8, "midpoint_6"),
    "strict": (11, ""),
}


def disclosure_rules(disclosure: Mapping[str, Any]) -> dict[str, Any]:
    """Return the threshold in force, the larger of the profile's and the plan's, and the rounding.

    Parameters
    ----------
    disclosure : mapping
        `profile` and `min_women` of the configuration.
    """
    floor, rounding = PROFILES[disclosure["profile"]]
    return {"threshold": max(floor, disclosure["min_women"]), "rounding": rounding}


def read_plan(path: str | Path) -> dict[str, Any]:
    """Read a study's configuration, for a fault of which Snakemake has words for programmers only.

    Raises
    ------
    ConfigurationError
        If its folder or the file is not there, it is no YAML, holds no key, or a key twice.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise ConfigurationError(f"the folder {path.parent} is not there; name the folder of a study")
    if not path.exists():
        raise ConfigurationError(
            f"{path} is not there: write it with at least the line {LINE}; docs/study.md shows one"
        )
    try:
        node = yaml.compose(read_text(path), yaml.SafeLoader)
        content = None if node is None else yaml.safe_load(read_text(path))
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: cannot be read as UTF-8 text; save it as that") from None
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        place = f" line {mark.line + 1}, or the one before" if mark else ""
        raise ConfigurationError(
            f"{path}{place}: not YAML; {FORM}, indented by blanks and not by tabs"
        ) from None
    # Braces with nothing in them say that nothing differs from the shipped plan; an empty file says nothing.
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: holds no key; {FORM}, such as {LINE}")
    key = _repeated(node)
    if key:
        raise ConfigurationError(f"{path}: {key} is there twice, and only one would count; keep one")
    return content


def _repeated(node: yaml.Node | None, prefix: str = "") -> str | None:
    """Return the first key that a mapping holds twice: YAML would keep the last without a word."""
    seen = set()
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        name = f"{prefix}{key.value}"
        if name in seen:
            return name
        seen.add(name)
        inner = _repeated(value, f"{name}.")
        if inner:
            return inner
    return None


def check_configuration(configuration: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check the merged configuration.

    Raises
    ------
    ConfigurationError
        Naming the key and what is wrong with it.
    """
    fault = _fault(configuration, schema)
    if fault:
        raise ConfigurationError(f"configuration: {fault}; config/README.md lists every key")
    key = _not_finite(configuration)
    if key:
        raise ConfigurationError(f"configuration: {key}: not a finite number; see config/README.md")
    contrast = configuration["contrast"]
    if contrast["numerator"] == contrast["denominator"]:
        raise ConfigurationError(
            "configuration: contrast.numerator and contrast.denominator are the same arm"
        )


def _not_finite(content: Mapping[str, Any], prefix: str = "") -> str | None:
    """Return the first key whose number is nan or infinite: no limit of a JSON schema holds nan."""
    for key, value in content.items():
        if isinstance(value, Mapping):
            inner = _not_finite(value, f"{prefix}{key}.")
            if inner:
                return inner
        elif isinstance(value, float) and not math.isfinite(value):
            return f"{prefix}{key}"
    return None


def read_sites(path: str | Path, schema: Mapping[str, Any]) -> list[dict[str, str]]:
    """Read the sheet of sites.

    Parameters
    ----------
    path : str or Path
        Text with tabs between its columns.
    schema : mapping
        JSON schema of one row.

    Returns
    -------
    list of dict
        One a site, in order of their names, with every column of the sheet as text.

    Raises
    ------
    ConfigurationError
        Naming line and column.
    """
    name = Path(path).name or str(path)
    try:
        lines = read_text(path).removeprefix("\ufeff").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationError(
            f"{name}: cannot be read as UTF-8 text ({type(problem).__name__}); save it as that"
        ) from None
    rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    header = [cell.strip() for cell in rows[0]] if rows else []
    _check_header(name, header)
    sites: dict[str, dict[str, str]] = {}
    for number, cells in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        row = _site(f"{name} line {number}", header, [cell.strip() for cell in cells], schema)
        if row["site"].lower() in sites:
            raise ConfigurationError(
                f"{name} line {number}: site {row['site']} is listed twice; keep one line"
            )
        sites[row["site"].lower()] = row
    if not sites:
        raise ConfigurationError(f"{name}: no site is listed; add one line for each submission")
    return sorted(sites.values(), key=lambda row: row["site"])


def _check_header(name: str, header: Sequence[str]) -> None:
    needed = [column for column in SHEET_COLUMNS if column != "mapping"]
    missing = [column for column in needed if column not in header]
    unknown = [column for column in header if column not in SHEET_COLUMNS]
    if missing or unknown or len(set(header)) != len(header):
        expected = ", ".join(SHEET_COLUMNS)
        raise ConfigurationError(f"{name}: the first line must hold, with tabs between them: {expected}")


def is_date(text: str) -> bool:
    """Say whether a text is a day of the calendar, written as 2019-06-30."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _site(
    place: str, header: Sequence[str], cells: Sequence[str], schema: Mapping[str, Any]
) -> dict[str, str]:
    """Return one checked row of the sheet."""
    if len(cells) > len(header):
        raise ConfigurationError(f"{place}: {len(cells)} cells under {len(header)} columns")
    row = dict.fromkeys(SHEET_COLUMNS, "") | dict(zip(header, cells, strict=False))
    fault = _fault(row, schema)
    if not fault and not is_date(row["data_cut"]):
        fault = "data_cut: write the day on which the data were closed as 2026-06-30"
    if fault and len(cells) < len(header):
        fault = (
            f"{len(cells)} cell{'s' * (len(cells) > 1)} under {len(header)} columns; "
            "put a tab, no blanks, between two cells, also where one is empty"
        )
    if fault:
        raise ConfigurationError(f"{place}: {fault}")
    return row


def _fault(content: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    """Return the most telling violation of a JSON schema as ``key: what``, None where there is none."""
    # Imported here: only the process that parses the workflow needs it.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(schema).iter_errors(content))
    if error is None:
        return None
    key = ".".join(str(part) for part in error.absolute_path)
    message = " ".join(error.message.split()) + _meant(error)
    return f"{key}: {message}" if key else message


def _meant(error: Any) -> str:
    """Return which key was meant where one is misspelled, as a question; nothing where none is near."""
    known = error.schema.get("properties", {}) if error.validator == "additionalProperties" else {}
    wrong = [str(name) for name in error.instance if name not in known] if known else []
    near = [meant for name in wrong for meant in get_close_matches(name, known, 1, 0.75)]
    return f"; did you mean {', '.join(dict.fromkeys(near))}?" if near else ""


def find(value: str, default: str, base: str | Path, what: str) -> str:
    """Return where a path of the configuration is: in the study, or, if it is the default, in the workflow.

    Parameters
    ----------
    value, default : str
        The path as configured, and as the workflow's own configuration has it.
    base : str or Path
        Folder of the workflow.
    what : str
        How the message names it.

    Raises
    ------
    ConfigurationError
        If it is in neither place.
    """
    # Snakemake would read a brace as a wildcard.
    if _exists(value) and not set("{}") & set(value):
        return value
    if value == default and Path(base, value).exists():
        return str(Path(base, value))
    raise ConfigurationError(
        f"{what}: {value} is not there, or its name has a brace; correct the path, which starts in the "
        "study's folder"
    )


def _exists(value: str) -> bool:
    try:
        return Path(value).exists()
    except (OSError, ValueError):
        # A name that is too long, or that no file can have.
        return False
