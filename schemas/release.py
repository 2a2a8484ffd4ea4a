"""The tables that leave: their columns, and for each column what disclosure control does with it.

Roles (``metadata["sdc"]``): ``label`` says what a row is about and is released as it is; ``denominator`` is
the number of women the whole row rests on; ``count`` is a number of women, pregnancies, rows or relapses;
``derived`` follows from counts, and ``estimate`` from a model. A column without a role cannot leave.
"""

import pandera.pandas as pa


def _column(role: str) -> pa.Column:
    return pa.Column(nullable=True, metadata={"sdc": role})


def _table(**roles: str) -> pa.DataFrameSchema:
    columns = {name: _column(role) for role, names in roles.items() for name in names.split()}
    return pa.DataFrameSchema({**columns, "suppressed": pa.Column(bool)}, strict=True)


RELEASED = {
    "attrition": _table(label="site step reason", count="pregnancies", denominator="women"),
    "baseline": _table(
        label="variable level statistic arm", denominator="women", count="women_with_event", derived="value"
    ),
    "data_quality": _table(
        label="site table column check category status action", count="rows_checked rows_failed"
    ),
    "dispersion": _table(
        label="period test reason",
        denominator="women",
        count="pregnancies relapses",
        estimate="statistic p_value value",
    ),
    "identifiability": _table(
        label="site policy", denominator="women", count="pregnancies treated", derived="share_treated"
    ),
    "predictors": _table(
        label="model predictor level reference status reason",
        denominator="women",
        count="pregnancies relapses relapses_level relapses_reference",
        estimate="rate_ratio lower upper p_value p_joint p_holm",
    ),
    "rate_ratios": _table(
        label="analysis is_primary contrast period model covariance adjusted_for status reason",
        denominator="women",
        count="pregnancies relapses relapses_numerator relapses_denominator",
        estimate="rate_ratio lower upper p_value alpha",
    ),
    "relapse_rates": _table(
        label="group arm site period",
        denominator="women",
        count="pregnancies relapses",
        derived="person_years rate lower upper robust_lower robust_upper",
    ),
}
