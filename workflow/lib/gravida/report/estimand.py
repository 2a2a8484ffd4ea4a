"""The question in the words of ICH E9(R1), and the trial that the study stands in for."""

from typing import Any

from gravida import words

ASSIGNMENT = {
    "between sites only": (
        "By the policy of the site: not emulated. That women of different sites would relapse equally often "
        "under the same treatment is assumed and cannot be checked here."
    ),
    "identifiable within sites": (
        "By choice of the woman and her neurologist, compared within sites; alike but for the treatment only "
        "as far as the covariates tell."
    ),
    "not identifiable": "Not emulated: there is nothing to compare with.",
}
TIME_ZERO = {
    "between sites only": "Delivery: under a policy the arm is known then, so no time is immortal.",
    "identifiable within sites": (
        "Delivery, though the arm is settled later: a woman must stay in her arm until the first dose "
        "(immortal time). The analysis from day 30 on stands beside it."
    ),
    "not identifiable": "Delivery.",
}


def describe_estimand(configuration: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the attributes of the estimand and, one by one, how intercurrent events are handled."""
    contrast = configuration["contrast"]
    period = _period(configuration)
    received = configuration["exposure"]["definition"] == "received"
    how = (
        "as received, by the site's record"
        if received
        else "as the site's policy says, whatever was received"
    )
    return [
        (
            "Population",
            "Pregnancies of women with relapsing-remitting multiple sclerosis at the sites of the study, "
            "with at least one observed day in the period.",
        ),
        ("Treatments", f"Intravenous immunoglobulin after delivery against none, {how}."),
        ("Variable", f"Number of relapses in the {period}, and the time for which they could be observed."),
        (
            "Summary",
            f"Ratio of annualized relapse rates, {contrast['numerator']} over {contrast['denominator']}.",
        ),
        (
            "Restart of a disease-modifying therapy",
            "Treatment policy: follow-up goes on; a sensitivity analysis ends it at the restart.",
        ),
        (
            "Next conception",
            "While not pregnant again: relapses and time count up to the last menstrual period of the next "
            "pregnancy.",
        ),
        (
            "Loss to follow-up",
            "Not part of the question: time ends there, taken to be independent of relapses given the arm.",
        ),
    ]


def describe_target_trial(configuration: dict[str, Any], verdict: str) -> list[tuple[str, str, str]]:
    """Return for each part of the target trial what it would be and what stands in for it here.

    Parameters
    ----------
    configuration : dict
        The merged configuration of the run.
    verdict : str
        What the design can answer.
    """
    period = _period(configuration)
    return [
        (
            "Eligibility",
            "Women with relapsing-remitting multiple sclerosis at delivery",
            "The same, as recorded; a woman enters with each of her pregnancies.",
        ),
        (
            "Treatment",
            "Immunoglobulin after delivery, or none",
            "What the sites gave, with their own regimens.",
        ),
        ("Assignment", "At random at delivery, not blinded", ASSIGNMENT[verdict]),
        ("Time zero", "Delivery", TIME_ZERO[verdict]),
        (
            "Follow-up",
            f"The {period}",
            "The same, shorter where observation ends or the next pregnancy begins.",
        ),
        ("Outcome", "Relapses found at planned visits", "Relapses as each site finds and records them."),
        (
            "Contrast",
            "Of the treatments assigned",
            "Of the treatments received and, where they differ, of the sites' policies.",
        ),
        (
            "Analysis",
            "Rates by arm, women with several pregnancies taken into account",
            "Negative binomial, errors clustered by woman.",
        ),
    ]


def _period(configuration: dict[str, Any]) -> str:
    return words.lower_first(words.words(configuration["outcome_period"], words.PERIODS))
