"""A centre's own tables, by its mapping file, as tables of the data dictionary.

The rows keep their lines, so that whatever is found later points at the file that the centre knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gravida.intake.mapping.checks import mapping_outcome, merged, unmapped
from gravida.intake.mapping.plan import SiteMapping
from gravida.intake.mapping.redcap import Field, as_raw, instrument_rows, read_dictionary
from gravida.intake.mapping.relapses import (
    LEFT_OUT,
    first_deliveries,
    known_pregnancies,
    placed,
    with_counts,
    without_strangers,
)
from gravida.intake.mapping.rows import (
    assembled,
    by_pregnancy,
    convert_table,
    count_reasons,
    own_delivery,
)
from gravida.intake.outcome import Outcome
from gravida.intake.reading.text import Text

REASON_COLUMNS = ("table", "column", "reason", "rows")


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a mapping makes of a centre's files.

    `tables` have columns of the data dictionary and the lines of their source; a cell that could not be
    understood is `UNREADABLE_CELL` and is counted in `outcomes`. `reasons` (columns `REASON_COLUMNS`) counts
    the cells that a code of missing data had emptied, the dates that are known to the month, and the relapses
    that were left out or given to a further pregnancy; `left_out` counts the rows left out of each table.
    """

    tables: dict[str, Text]
    outcomes: list[Outcome]
    reasons: pd.DataFrame
    left_out: dict[str, int]


def apply_mapping(mapping: SiteMapping, sources: Mapping[str, Text], dmt_codes: Sequence[str]) -> Mapped:
    """Make the tables of the data dictionary from a centre's own.

    Parameters
    ----------
    mapping : SiteMapping
    sources : mapping of str to Text
        The tables that could be read, each under the name of its `Source` in `mapping.sources`.
    dmt_codes : sequence of str
        The codes of disease-modifying therapies.
    """
    fields, outcomes = _dictionary(mapping, sources)
    sources, of_labels = _raw_sources(mapping, sources, fields)
    outcomes += of_labels + unmapped(mapping, sources, fields)
    tables: dict[str, Text] = {}
    reasons: list[tuple[str, str, str, int]] = []
    deliveries, known = pd.Series(dtype="datetime64[s]"), known_pregnancies(None, np.empty(0))
    for plan in mapping.tables:
        source = sources.get(plan.source.name)
        outcomes.append(mapping_outcome(plan.table, "", "missing_source", 1, None if source else 1))
        if source is None:
            continue
        if mapping.redcap:
            source = instrument_rows(source, plan.instrument, mapping.redcap.record_id)
        source, of_strangers, strangers = without_strangers(plan, source, known)
        own, zero, of_delivery = own_delivery(plan, source)
        counted_from = first_deliveries(known) if plan.of_women else deliveries
        groups, of_columns = convert_table(plan, source, zero if own else counted_from, dmt_codes)
        tables[plan.table], moved = placed(plan, assembled(plan, source, groups), known)
        if plan.table == "pregnancies":
            known = known_pregnancies(tables[plan.table], zero)
            deliveries = by_pregnancy(groups, zero) if own else deliveries
        outcomes += of_strangers + of_delivery + of_columns
        reasons += strangers + count_reasons(plan.table, groups) + moved
    if mapping.tables[0].counted and "pregnancies" in tables:
        tables["pregnancies"] = with_counts(tables["pregnancies"], tables.get("relapses"))
    told = pd.DataFrame(reasons, columns=list(REASON_COLUMNS))
    gone = told[told["reason"].isin(LEFT_OUT)].groupby("table")["rows"].sum()
    return Mapped(tables, merged(outcomes), told, gone.to_dict())


def _dictionary(mapping: SiteMapping, sources: Mapping[str, Text]) -> tuple[tuple[Field, ...], list[Outcome]]:
    if mapping.redcap is None:
        return (), []
    text = sources.get(mapping.redcap.dictionary.name)
    fields = read_dictionary(text) if text else None
    return fields or (), [mapping_outcome("pregnancies", "", "redcap_dictionary", 1, int(not fields))]


def _raw_sources(
    mapping: SiteMapping, sources: Mapping[str, Text], fields: Sequence[Field]
) -> tuple[dict[str, Text], list[Outcome]]:
    """Return the sources with the columns and codes of a raw export, and what of the labels is unknown."""
    if mapping.redcap is None or not mapping.redcap.labelled:
        return dict(sources), []
    raw, outcomes = {}, []
    owners = {plan.source.name: plan for plan in reversed(mapping.tables)}
    for name, plan in owners.items():
        if name not in sources:
            continue
        raw[name], unknown = as_raw(sources[name], fields, mapping.missing)
        used = {column for other in mapping.tables for column in other.wanted()}
        for column, failing in unknown.items():
            if column in used:
                text = sources[name]
                lines = text.lines[failing]
                outcomes.append(
                    mapping_outcome(plan.table, column, "unknown_code", failing.size, lines.size, lines, text)
                )
    return raw, outcomes
