"""The rules of a submission that join columns and tables, as pandera schemas over derived quantities.

A quantity is named ``column.check`` and computed in ``gravida.intake.links``; it is empty where the rule
cannot be assessed, and its limits are the rule. `action` says what a violation leads to: the submission is
refused, the row is flagged, a default is used, or onsets are merged.
"""

from collections.abc import Sequence

import pandera.pandas as pa

from schemas.submission import TABLES

COUNTS = tuple(column for column in TABLES["pregnancies"].columns if column.startswith("relapses_"))


def _check(check: pa.Check) -> pa.Check:
    check.name = check.error = "rule"
    return check


def _rule(category: str, action: str, description: str, check: pa.Check) -> pa.Column:
    return pa.Column(
        "Int64",
        check,
        nullable=True,
        description=description,
        metadata={"category": category, "action": action},
    )


def _at_least(limit: int, category: str, action: str, description: str) -> pa.Column:
    return _rule(category, action, description, _check(pa.Check.ge(limit)))


def _none(category: str, action: str, description: str) -> pa.Column:
    return _rule(category, action, description, _check(pa.Check.eq(0)))


def _stated(default: str) -> pa.Column:
    return _at_least(1, "completeness", "defaulted", f"Stated; where it is missing, {default} is used.")


def _rules(columns: dict[str, pa.Column]) -> pa.DataFrameSchema:
    return pa.DataFrameSchema(columns, strict=True, coerce=False)


def _count_rules(columns: Sequence[str]) -> dict[str, pa.Column]:
    agree = "Equals the number of raw onsets of that period, observed part, in the relapses table."
    blind = "Empty or 0 where no day of that period is observed."
    absent = "Stated where the relapses table holds onsets of that period."
    return (
        {f"{column}.agrees_with_dated_relapses": _none("conformance", "refused", agree) for column in columns}
        | {
            f"{column}.count_without_observation": _none("plausibility", "refused", blind)
            for column in columns
        }
        | {
            f"{column}.missing_with_dated_relapses": _none("completeness", "flagged", absent)
            for column in columns
            if TABLES["pregnancies"].columns[column].nullable
        }
    )


_CODE = "A code of therapies, as the data dictionary lists them."
_ORPHAN = "The pregnancy is one of the pregnancies table."

# Rules within one pregnancy.
PREGNANCY_RULES = _rules(
    {
        "delivery_year.not_after_data_cut": _at_least(
            0, "plausibility", "refused", "Not after the year of the data cut."
        ),
        "ms_diagnosis_year.not_after_delivery": _at_least(
            0, "plausibility", "refused", "Not after the year of delivery."
        ),
        "ms_diagnosis_year.before_pre_pregnancy_year": _at_least(
            2,
            "plausibility",
            "flagged",
            "Two years or more before the year of delivery: a later diagnosis may lie in the pre-pregnancy "
            "year, and itself needed a relapse.",
        ),
        "gestation_days.stated": _stated("280"),
        "outcome.stated": _stated("live_birth"),
        "dmt_before.code": _at_least(1, "conformance", "refused", _CODE),
        "relapses_pre_year.none_before_onset": _none(
            "plausibility", "flagged", "0 where multiple sclerosis began after the last menstrual period."
        ),
        "observed_from_day.stated": _stated("365 days before the last menstrual period"),
        "observed_to_day.not_before_observed_from": _at_least(
            0, "plausibility", "refused", "Not before observed_from_day; on that day, nothing was observed."
        ),
        "observed_to_day.followup_stated": _at_least(
            1,
            "completeness",
            "refused",
            "Stated for deliveries in the year of the data cut or the year before.",
        ),
        "ivig.follows_policy": _none(
            "plausibility", "flagged", "As the policy that is declared for the site."
        ),
        "dmt_in_pregnancy.code": _at_least(1, "conformance", "refused", _CODE),
    }
)

# Rules between a pregnancy and its rows in the other tables.
RECORD_RULES = _rules(
    _count_rules(COUNTS)
    | {
        "ivig.agrees_with_infusions": _none(
            "conformance",
            "flagged",
            "True exactly where a dose is dated on days 0 to 29; the flag is what counts.",
        )
    }
)

# Rules of the rows that belong to a pregnancy.
ROW_RULES = {
    "relapses": _rules(
        {
            "pregnancy_id.orphan": _at_least(1, "conformance", "refused", _ORPHAN),
            "onset_day.onset_inside_observation": _none(
                "plausibility",
                "refused",
                "While the pregnancy is observed: from observed_from_day (not earlier than 730 days before "
                "the last menstrual period) to the day before observed_to_day and next_conception_day.",
            ),
            "onset_day.onset_30_days_apart": _at_least(
                1, "conformance", "merged", "Far enough after the previous relapse to be one of its own."
            ),
        }
    ),
    "infusions": _rules({"pregnancy_id.orphan": _at_least(1, "conformance", "refused", _ORPHAN)}),
    "adverse_events": _rules({"pregnancy_id.orphan": _at_least(1, "conformance", "refused", _ORPHAN)}),
}
