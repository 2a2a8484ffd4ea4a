"""The guides to the configuration and to the released tables, generated from their schemas."""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.release import RELEASED, roles_of

INTRODUCTION = """# The analysis plan

`config.yaml` is the analysis plan. A study keeps its own file, which holds only the keys that differ (nested
ones too), and is run in its own folder:

    snakemake --cores all --snakefile GRAVIDA/Snakefile --directory STUDY --configfile STUDY/config.yaml

A relative path is looked up in the study's folder and, where it still has its default value, in the
workflow's. An unknown key is refused. This page is generated (`make docs`) from
`schemas/config.schema.yaml` and `schemas/sites.schema.yaml`.

## config.yaml

| key | default | allowed | what it does |
|---|---|---|---|
"""
SHEET = """
## sites.tsv

One line a submission, tabs between the columns.

| column | allowed | what it is |
|---|---|---|
"""
TABLES = """# Released tables

Each is `results/release/tables/NAME.csv` (protected) and, at full precision and not protected,
`results/internal/tables/NAME.csv`. Withheld cells are empty, and `suppressed` says of the row that there are
some. The role says what the [gate](disclosure.md) does with a column: a `label` leaves as it is,
`denominator`, `count`, `events` and `time` are judged, `derived` and `estimate` go with what they follow
from. Columns by which only the gate judges never leave and are not listed. This page is generated
(`make docs`) from `schemas/release.py` and `schemas/release.meanings.yaml`.
"""


def configuration_guide(
    configuration: Mapping[str, Any], schema: Mapping[str, Any], sheet: Mapping[str, Any]
) -> str:
    """Return the guide as Markdown.

    Parameters
    ----------
    configuration : mapping
        The defaults.
    schema, sheet : mapping
        JSON schemas of the configuration and of one row of the sheet of sites.
    """
    keys = [
        _line(f"`{key}`", f"`{_shown(value)}`", *_about(spec))
        for key, value, spec in _leaves(configuration, schema)
    ]
    columns = [_line(f"`{name}`", *_about(spec)) for name, spec in sheet["properties"].items()]
    return INTRODUCTION + "".join(keys) + SHEET + "".join(columns)


def _leaves(
    configuration: Mapping[str, Any], schema: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    for name, spec in schema["properties"].items():
        if spec.get("type") == "object":
            yield from _leaves(configuration[name], spec, f"{prefix}{name}.")
        else:
            yield prefix + name, configuration[name], spec


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def _shown(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def _about(spec: Mapping[str, Any]) -> tuple[str, str]:
    """Return what is allowed and the description."""
    return _allowed(spec), " ".join(spec.get("description", "").split())


def _allowed(spec: Mapping[str, Any]) -> str:
    if "enum" in spec:
        return ", ".join(f"`{value}`" for value in spec["enum"])
    if spec.get("type") == "array":
        return f"any of {_allowed(spec['items'])}"
    bounds = {
        "minimum": "from",
        "exclusiveMinimum": "above",
        "maximum": "to",
        "exclusiveMaximum": "below",
    }
    limits = [f"{word} {spec[key]}" for key, word in bounds.items() if key in spec]
    kind = {"string": "text", "integer": "whole number", "number": "number"}.get(
        spec.get("type", ""), "empty"
    )
    return " ".join([kind, *limits])


def table_guide(meanings: Mapping[str, Mapping[str, str]]) -> str:
    """Return the guide to the released tables as Markdown.

    Parameters
    ----------
    meanings : mapping
        `tables` and `columns`: what each says; ``table.column`` where a table says it otherwise.

    Raises
    ------
    KeyError
        If a table or a column has no meaning.
    """
    return "\n".join([TABLES, *(_released(name, meanings) for name in sorted(RELEASED))])


def references_page(references: Mapping[str, str]) -> str:
    """Return the works that the report cites as Markdown, in order of their first authors.

    Parameters
    ----------
    references : mapping
        Works by key.
    """
    opening = (
        "# References\n\nThe works that a report's methods cite. This page is generated (`make docs`).\n\n"
    )
    return opening + "".join(f"- {work}\n" for work in sorted(references.values(), key=str.lower))


def _released(table: str, meanings: Mapping[str, Mapping[str, str]]) -> str:
    roles = roles_of(table)
    columns = meanings["columns"]
    lines = [
        _line(f"`{name}`", roles.get(name, ""), columns.get(f"{table}.{name}") or columns[name])
        for name in RELEASED[table].columns
    ]
    heading = f"## {table}\n\n{meanings['tables'][table]}\n\n| column | role | meaning |\n|---|---|---|\n"
    return heading + "".join(lines)
