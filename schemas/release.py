"""The tables that leave: their columns, and for each column what disclosure control does with it.

Roles (``metadata["sdc"]``): ``label`` says what a row is about and is released as it is; ``denominator`` is
the number of women the whole row rests on; ``remark`` says how a number came about and goes with a row that
is withheld; ``count`` is a number of women, pregnancies or rows, ``events`` of relapses or other events,
``time`` of person-years; nothing follows from an ``own`` number; ``derived`` follows from counts, and
``estimate`` from a model. A ``guard`` is a number of women by which the row is judged, and what is set
``aside`` is for single rules of the gate: neither leaves. A column without a role cannot leave.
"""

from functools import cache

import pandera.pandas as pa

STAY = ("guard", "aside")


def _column(role: str) -> pa.Column:
    return pa.Column(nullable=True, metadata={"sdc": role})


def _table(**roles: str) -> pa.DataFrameSchema:
    role_of = {name: role for role, names in roles.items() for name in names.split()}
    columns = {name: _column(role) for name, role in role_of.items() if role not in STAY}
    stay = {name: role for name, role in role_of.items() if role in STAY}
    return pa.DataFrameSchema({**columns, "suppressed": pa.Column(bool)}, strict=True, metadata=stay)


@cache
def roles_of(table: str) -> dict[str, str]:
    """Return the role of each column of a table as it is before the gate."""
    schema = RELEASED[table]
    leave = {name: column.metadata["sdc"] for name, column in schema.columns.items() if column.metadata}
    return leave | (schema.metadata or {})


# What stands behind a comparison of the arms.
ARMS = "pregnancies women_numerator women_denominator"
ARM_EVENTS = "relapses relapses_numerator relapses_denominator"
ARM_GUARDS = "women_with_relapse_numerator women_with_relapse_denominator"
ARM_MOST = "relapses_most_numerator relapses_most_denominator"
RELEASED = {
    "attrition": _table(label="site step reason", count="pregnancies", denominator="women"),
    "balance": _table(
        label="covariate level status",
        remark="reason",
        denominator="women",
        count="pregnancies women_smallest_group",
        estimate="smd_unweighted smd_iptw smd_overlap",
    ),
    "baseline": _table(
        label="variable level statistic arm",
        remark="reason",
        denominator="women",
        aside="women_at_value women_apart",
        derived="value",
    ),
    # A number is judged by the women behind it and by those whose rows changed: with the last release, the
    # difference would tell of them.
    "changes": _table(
        label="site what against",
        remark="reason",
        denominator="women women_changed",
        count="smallest_count",
        derived="before after",
    ),
    # What a course costs is no number of the registry; what it avoids is.
    "cost": _table(
        label="scenario price_per_gram currency source status",
        remark="reason",
        denominator="women",
        count="women_dosed",
        events="relapsed_treated relapsed_untreated",
        guard="women_relapsed_treated women_relapsed_untreated",
        derived="grams cost_per_course nnt cost_per_relapse_avoided lower upper form",
    ),
    "data_quality": _table(
        label="site table column check category status action", count="rows_checked", events="rows_failed"
    ),
    "dispersion": _table(
        label="period test",
        remark="reason",
        denominator="women",
        count="pregnancies",
        events="relapses",
        estimate="statistic p_value value",
    ),
    "doses": _table(
        label="regimen status",
        remark="reason",
        denominator="women",
        count="pregnancies",
        events="infusions",
        aside="women_at_grams_median women_apart_grams_median women_at_first_day_median "
        "women_at_last_day_median",
        derived="grams_total grams_mean grams_sd grams_median first_day_median last_day_median",
    ),
    "estimability": _table(
        label="contrast adjusted_for sites_numerator sites_denominator parameters rank status",
        remark="reason",
        denominator="women",
        count="pregnancies",
        events=ARM_EVENTS,
        guard=ARM_GUARDS,
        aside=ARM_MOST,
        derived="events_per_parameter",
    ),
    "evidence_audit": _table(
        label="study claim kind discrepancy printed implied implied_lower implied_upper verdict note source"
    ),
    "evidence_grade": _table(
        label="analysis measure start",
        denominator="women",
        count="smallest_count",
        # The reason of a level follows from the counts as the level does.
        derived="studies risk_of_bias inconsistency indirectness imprecision publication_bias certainty "
        "reason",
    ),
    # Published numbers leave as they are. `women` and `smallest_count` are the registry's own, empty in
    # a row that it does not enter.
    "evidence_pooled": _table(
        label="analysis measure method interval zero_cells inferred status",
        denominator="women",
        count="smallest_count",
        derived="studies estimate lower upper p_value q q_df q_p_value i2 tau2 tau2_lower tau2_upper "
        "prediction_lower prediction_upper egger_t egger_df egger_p_value reason",
    ),
    "evidence_studies": _table(
        label="study year window dose measure weight_method control_type included inferred overlap_group "
        "robins_i source registry extraction",
        denominator="women",
        count="smallest_count",
        derived="note treated_events treated_n control_events control_n treated_person_years "
        "control_person_years estimate lower upper exact_lower exact_upper weight weight_with_registry",
    ),
    "identifiability": _table(
        label="site policy", denominator="women", count="pregnancies treated", derived="share_treated"
    ),
    "longitudinal": _table(
        label="term status",
        remark="reason",
        denominator="women",
        count="pregnancies",
        events="relapses relapses_smallest_cell",
        guard="women_with_relapse_smallest_cell",
        estimate="rate_ratio lower upper p_value gee_rate_ratio gee_lower gee_upper gee_p_value",
    ),
    "precision": _table(
        label="question",
        denominator="women",
        count="women_numerator women_denominator",
        events="relapses_numerator relapses_denominator",
        guard=ARM_GUARDS,
        aside=ARM_MOST,
        estimate="value detail",
    ),
    "predictability": _table(
        label="measure status",
        remark="reason",
        denominator="women",
        count="pregnancies",
        events="relapses",
        guard="women_with_relapse",
        aside="relapses_most",
        estimate="value lower upper",
    ),
    "predictors": _table(
        label="model predictor level reference status",
        remark="reason",
        denominator="women",
        count="pregnancies",
        events="relapses relapses_level relapses_reference",
        guard="women_with_relapse women_with_relapse_level women_with_relapse_reference",
        aside="relapses_most relapses_most_level relapses_most_reference",
        estimate="rate_ratio lower upper p_value p_joint p_holm p_nonlinear "
        "imputed_rate_ratio imputed_lower imputed_upper imputed_p_value",
    ),
    "rate_ratios": _table(
        label="analysis is_primary contrast period model covariance adjusted_for status",
        remark="reason",
        denominator="women",
        count=ARMS,
        events=ARM_EVENTS,
        guard=ARM_GUARDS,
        aside=ARM_MOST,
        estimate="rate_ratio lower upper p_value standard_error degrees_of_freedom alpha rate_numerator "
        "rate_denominator rate_difference rate_difference_lower rate_difference_upper",
    ),
    "relapse_rates": _table(
        label="group arm site period",
        denominator="women",
        count="pregnancies",
        time="person_years",
        events="relapses",
        guard="women_with_relapse",
        aside="relapses_most",
        derived="rate lower upper robust_lower robust_upper",
    ),
    "relapse_free": _table(
        label="arm day status",
        remark="reason",
        denominator="women",
        count="pregnancies",
        events="at_risk relapsed",
        guard="women_relapsed",
        derived="relapse_free lower upper",
    ),
    "risk_difference": _table(
        label="day status",
        remark="reason",
        denominator="women",
        count="pregnancies",
        events="relapsed_treated relapsed_untreated",
        guard="women_relapsed_treated women_relapsed_untreated",
        derived="risk_treated risk_untreated risk_difference lower upper nnt nnt_lower nnt_upper nnt_form",
    ),
    "safety": _table(
        label="arm term status",
        remark="reason",
        denominator="women",
        aside="women_smallest_group",
        count="pregnancies",
        events="with_event women_with_event",
        own="serious women_with_serious infusions women_infused not_stated",
        derived="percent lower upper grams",
    ),
    "sensitivity": _table(
        label="scenario model covariance adjusted_for status",
        remark="reason",
        denominator="women",
        count=ARMS,
        events=ARM_EVENTS,
        guard=ARM_GUARDS,
        aside=ARM_MOST,
        estimate="rate_ratio lower upper p_value",
    ),
    "sites": _table(
        label="kind site policy method status",
        remark="reason",
        denominator="women",
        count="pregnancies",
        time="person_years",
        events="relapses",
        guard="women_with_relapse",
        aside="relapses_most",
        derived="rate lower upper tau2 i2 q q_p_value prediction_lower prediction_upper",
    ),
    "time_to_relapse": _table(
        label="method status",
        remark="reason",
        denominator="women",
        count="pregnancies",
        events=ARM_EVENTS,
        guard=ARM_GUARDS,
        aside=ARM_MOST,
        estimate="estimate lower upper p_value",
    ),
}
