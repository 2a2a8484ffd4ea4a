"""The tables that leave: their columns, and for each column what disclosure control does with it.

Roles (``metadata["sdc"]``): ``label`` says what a row is about and is released as it is; ``denominator`` is
the number of women the whole row rests on; ``remark`` says how a number came about and goes with a row that
is withheld; ``count`` is a number of women, pregnancies, rows or relapses; ``derived`` follows from counts,
and ``estimate`` from a model. A column without a role cannot leave.
"""

import pandera.pandas as pa


def _column(role: str) -> pa.Column:
    return pa.Column(nullable=True, metadata={"sdc": role})


def _table(**roles: str) -> pa.DataFrameSchema:
    columns = {name: _column(role) for role, names in roles.items() for name in names.split()}
    return pa.DataFrameSchema({**columns, "suppressed": pa.Column(bool)}, strict=True)


# What stands behind a comparison of the arms.
ARMS = "pregnancies women_numerator women_denominator relapses relapses_numerator relapses_denominator"
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
        label="variable level statistic arm", denominator="women", count="women_with_event", derived="value"
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
        count="relapsed_treated relapsed_untreated women_dosed",
        derived="grams cost_per_course nnt cost_per_relapse_avoided lower upper form",
    ),
    "data_quality": _table(
        label="site table column check category status action", count="rows_checked rows_failed"
    ),
    "dispersion": _table(
        label="period test",
        remark="reason",
        denominator="women",
        count="pregnancies relapses",
        estimate="statistic p_value value",
    ),
    "doses": _table(
        label="regimen status",
        remark="reason",
        denominator="women",
        count="pregnancies infusions",
        derived="grams_total grams_mean grams_sd grams_median first_day_median last_day_median",
    ),
    "estimability": _table(
        label="contrast adjusted_for sites_numerator sites_denominator parameters rank status",
        remark="reason",
        denominator="women",
        count="pregnancies relapses relapses_numerator relapses_denominator",
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
        count="pregnancies relapses_smallest_cell",
        # Less the relapses of a larger cell, they give a small one away.
        derived="relapses",
        estimate="rate_ratio lower upper p_value gee_rate_ratio gee_lower gee_upper gee_p_value",
    ),
    "precision": _table(
        label="question",
        denominator="women",
        count="women_numerator women_denominator relapses_numerator relapses_denominator",
        estimate="value detail",
    ),
    "predictability": _table(
        label="measure status",
        remark="reason",
        denominator="women",
        count="pregnancies relapses",
        estimate="value lower upper",
    ),
    "predictors": _table(
        label="model predictor level reference status",
        remark="reason",
        denominator="women",
        count="pregnancies relapses relapses_level relapses_reference",
        estimate="rate_ratio lower upper p_value p_joint p_holm p_nonlinear "
        "imputed_rate_ratio imputed_lower imputed_upper imputed_p_value",
    ),
    "rate_ratios": _table(
        label="analysis is_primary contrast period model covariance adjusted_for status",
        remark="reason",
        denominator="women",
        count=ARMS,
        estimate="rate_ratio lower upper p_value standard_error degrees_of_freedom alpha rate_numerator "
        "rate_denominator rate_difference rate_difference_lower rate_difference_upper",
    ),
    "relapse_rates": _table(
        label="group arm site period",
        denominator="women",
        count="pregnancies relapses",
        derived="person_years rate lower upper robust_lower robust_upper",
    ),
    "relapse_free": _table(
        label="arm day status",
        remark="reason",
        denominator="women",
        count="pregnancies at_risk relapsed",
        derived="relapse_free lower upper",
    ),
    "risk_difference": _table(
        label="day status",
        remark="reason",
        denominator="women",
        count="pregnancies relapsed_treated relapsed_untreated",
        derived="risk_treated risk_untreated risk_difference lower upper nnt nnt_lower nnt_upper nnt_form",
    ),
    "safety": _table(
        label="arm term status",
        remark="reason",
        denominator="women women_smallest_group",
        count="pregnancies with_event women_with_event serious women_with_serious infusions women_infused "
        "not_stated",
        derived="percent lower upper grams",
    ),
    "sensitivity": _table(
        label="scenario model covariance adjusted_for status",
        remark="reason",
        denominator="women",
        count=ARMS,
        estimate="rate_ratio lower upper p_value",
    ),
    "sites": _table(
        label="kind site policy method status",
        remark="reason",
        denominator="women",
        count="pregnancies relapses",
        derived="person_years rate lower upper tau2 i2 q q_p_value prediction_lower prediction_upper",
    ),
    "time_to_relapse": _table(
        label="method status",
        remark="reason",
        denominator="women",
        count="pregnancies relapses relapses_numerator relapses_denominator",
        estimate="estimate lower upper p_value",
    ),
}
