"""The guide to the configuration, generated from its schema."""

from collections.abc import Iterator, Mapping
from typing import Any

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
