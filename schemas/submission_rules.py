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


def _at_most(limit: int, category: str, action: str, description: str) -> pa.Column:
    return _rule(category, action, description, _check(pa.Check.le(limit)))


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

# Rules within one pregnancy, and between the pregnancies of one woman.
PREGNANCY_RULES = _rules(
    {
        "delivery_year.not_after_data_cut": _at_least(
            0, "plausibility", "refused", "Not after the year of the data cut."
        ),
        "delivery_year.once_a_woman": _none(
            "plausibility",
            "flagged",
            "Once for each woman: two deliveries in one calendar year are rare, and twins are one row.",
        ),
        "age_at_delivery.fits_delivery_years": _none(
            "plausibility",
            "flagged",
            "Between two pregnancies of one woman, as many years older as there are between her years of "
            "delivery, give or take 1: otherwise an age or a year is wrong, or two women share a woman_id.",
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
        "ms_diagnosis_year.from_age_14": _at_least(
            14,
            "plausibility",
            "flagged",
            "Age at delivery, less the years since the diagnosis, is 14 or more: a diagnosis in childhood is "
            "rare, and more often the year is wrong.",
        ),
        "gestation_days.stated": _stated("280"),
        "outcome.stated": _stated("live_birth"),
        "edss_before.drop_between_pregnancies": _at_most(
            4,
            "plausibility",
            "flagged",
            "At most 2 points lower than before the woman's previous pregnancy with an EDSS: disability that "
            "is confirmed seldom goes back so far; one of the two may have been scored in a relapse.",
        ),
        "dmt_before.code": _at_least(1, "conformance", "refused", _CODE),
        "dmt_stop_day.within_5_years": _at_most(
            1826,
            "plausibility",
            "flagged",
            "At most 1826 days (5 years) before the last menstrual period: a therapy that ended earlier "
            "hardly bears on this pregnancy, or the day was not counted from the delivery.",
        ),
        "dmt_stop_day.therapy_in_pregnancy": _none(
            "plausibility",
            "flagged",
            "Before the delivery where dmt_in_pregnancy is empty: a therapy with a last dose on day 0 or "
            "later was continued through pregnancy.",
        ),
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

# Rules between a data cut and the one before.
RESUBMISSION_RULES = _rules(
    {
        "pregnancy_id.same_pregnancy": _none(
            "conformance",
            "refused",
            "The same year of delivery, and the same age to less than a year, as when the site first sent "
            "it: a pregnancy_id goes on meaning the same pregnancy. If the year or the age was wrong "
            "then, send the pregnancy under a new pregnancy_id, and under a new woman_id where her year of "
            "birth moves with it. Where deidentify makes the ids, add a letter to the centre's own before.",
        ),
        "woman_id.same_woman": _none(
            "conformance",
            "refused",
            "For a pregnancy that is new, or new to this woman_id, as many years older as there are between "
            "her years of delivery, give or take 1: a woman_id goes on meaning the same woman in every data "
            "cut.",
        ),
    }
)

# Rules between a pregnancy and its rows in the other tables.
RECORD_RULES = _rules(
    _count_rules(COUNTS)
    | {
        "gestation_days.trimester_3_in_short_pregnancy": _none(
            "plausibility",
            "flagged",
            "Up to 196 days leave no third trimester: where relapses_pregnancy is not 0, no onset on days "
            "196 to 279 after the last menstrual period, which are after such a delivery. One there suggests "
            "that gestation_days is wrong.",
        ),
        "ivig.agrees_with_infusions": _none(
            "conformance",
            "flagged",
            "True exactly where a dose is dated on days 0 to 29; the flag is what counts. A first dose later "
            "than that is reported with its own row.",
        ),
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
    "infusions": _rules(
        {
            "pregnancy_id.orphan": _at_least(1, "conformance", "refused", _ORPHAN),
            "day.first_dose_within_30_days": _none(
                "plausibility",
                "flagged",
                "On days 0 to 29 for the first dose after delivery where ivig is true: a later start is no "
                "prophylaxis by protocol.",
            ),
        }
    ),
    "adverse_events": _rules({"pregnancy_id.orphan": _at_least(1, "conformance", "refused", _ORPHAN)}),
}
