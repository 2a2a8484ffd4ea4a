"""The methods in words, with the settings of this run, and the works that they cite.

A citation is written ``[@key]`` in a paragraph; the reference list holds the cited works only.
"""

from typing import Any

from gravida import words

REFERENCES = {
    "horvat2020": (
        "Horvat Ledinek A, Brecl Jakob G, Jerše J, et al. Intravenous immunoglobulins for the prevention of "
        "postpartum relapses in multiple sclerosis. Mult Scler Relat Disord 2020;38:101519."
    ),
    "confavreux1998": (
        "Confavreux C, Hutchinson M, Hours MM, et al. Rate of pregnancy-related relapse in multiple "
        "sclerosis. N Engl J Med 1998;339:285-291."
    ),
    "garwood1936": "Garwood F. Fiducial limits for the Poisson distribution. Biometrika 1936;28:437-442.",
    "cameron1990": (
        "Cameron AC, Trivedi PK. Regression-based tests for overdispersion in the Poisson model. "
        "J Econom 1990;46:347-364."
    ),
    "liang1986": (
        "Liang KY, Zeger SL. Longitudinal data analysis using generalized linear models. "
        "Biometrika 1986;73:13-22."
    ),
    "pustejovsky2018": (
        "Pustejovsky JE, Tipton E. Small-sample methods for cluster-robust variance estimation and "
        "hypothesis testing in fixed effects models. J Bus Econ Stat 2018;36:672-683."
    ),
    "firth1993": "Firth D. Bias reduction of maximum likelihood estimates. Biometrika 1993;80:27-38.",
    "holm1979": (
        "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65-70."
    ),
}


def describe_methods(configuration: dict[str, Any]) -> dict[str, str]:
    """Return the methods as heading and paragraph, with ``[@key]`` where a work of `REFERENCES` is cited.

    Parameters
    ----------
    configuration : dict
        The merged configuration of the run.
    """
    return {
        "Units and windows": _windows(configuration),
        "Exposure": _exposure(configuration),
        "Identifiability": (
            "Before any model was fitted, the design was examined: whether arms can be told from sites, "
            "from the number of sites with each policy and from the arms present at each. Sites that "
            "treat by policy never inform a contrast within sites. Where the arms are a policy of the "
            "sites, no ratio adjusted for site is printed."
        ),
        "Rates": (
            "The annualized relapse rate (ARR) is relapses divided by person-years: a ratio of sums, "
            "never a mean of women's rates. Limits are Garwood's exact Poisson limits [@garwood1936]; "
            "beside them stand limits clustered by woman, from an intercept-only Poisson model on the log "
            "scale (CR1S)."
        ),
        "Primary contrast": _primary(configuration),
        "Beside the primary contrast": (
            "Poisson with model-based errors; Poisson clustered by woman (CR1S, k counting every "
            "coefficient); Poisson with bias-reduced errors (CR2) and Satterthwaite degrees of freedom "
            "[@pustejovsky2018]; Poisson generalized estimating equations with exchangeable correlation "
            "within woman [@liang1986], robust errors without a small-sample factor (CR0, as in geepack); "
            "exact conditional Poisson with central limits and central p, twice the smaller tail. Where "
            "an arm has no relapse, Firth's penalised likelihood [@firth1993] or the exact method takes "
            "over. A row that is not estimable says why."
        ),
        "Tests of over-dispersion": (
            "Pearson's chi-square over its degrees of freedom; the test of Cameron and Trivedi in its NB2 "
            "form, one-sided [@cameron1990]; the likelihood ratio of negative binomial against Poisson, "
            "referred to an equal mixture of 0 and chi-square with 1 degree of freedom; zeros observed "
            "against expected."
        ),
        "Predictors": _predictors(configuration),
        "Course through pregnancy": (
            "Rates by trimester and quarter need dated relapses. The figure sets them over published "
            "cohorts that report rates before, in and after pregnancy, PRIMS [@confavreux1998] first "
            "among them; rates of different studies are not joined or pooled."
        ),
        "Disclosure": _disclosure(configuration),
    }


def _disclosure(configuration: dict[str, Any]) -> str:
    return (
        f"Numbers that rest on fewer than {configuration['disclosure']['min_women']} women are withheld and "
        "shown as such, with what follows from them; counting is of women, not of pregnancies. Differences "
        "between cells are not yet looked at."
    )


def _windows(configuration: dict[str, Any]) -> str:
    days = configuration["relapse_separation_days"]
    return (
        "The unit is the pregnancy, nested in a woman, nested in a site; the design follows "
        "[@horvat2020]. Days are relative to delivery and windows are half-open. The year before "
        "pregnancy is the 365 days before the last menstrual period (LMP); pregnancy runs from the LMP to "
        "delivery, in trimesters of 98 days and the remainder; the year after delivery is days 0 to 364, "
        "in quarters starting on days 0, 91, 182 and 273. Person-time is the part of the window under "
        "observation, ended by the woman's next conception; person-years are days divided by 365.25. An "
        f"onset less than {days} days after the previous retained one of the same pregnancy is not a "
        "relapse of its own."
    )


def _exposure(configuration: dict[str, Any]) -> str:
    definition = {
        "received": "what each woman received, as her site recorded it",
        "policy": "the policy of her site, whatever she received",
    }[configuration["exposure"]["definition"]]
    return f"The arm of a pregnancy is {definition}. Treated means intravenous immunoglobulin after delivery."


def _primary(configuration: dict[str, Any]) -> str:
    contrast = configuration["contrast"]
    period = words.lower_first(words.words(configuration["outcome_period"], words.PERIODS))
    return (
        f"Relapses in the {period}, {contrast['numerator']} over {contrast['denominator']}: negative "
        "binomial regression (NB2, log link, offset log person-years, dispersion alpha by maximum "
        f"likelihood), with {words.confidence_label(configuration['confidence'])} Wald limits on the log "
        "scale. Errors are the joint sandwich over (beta, log alpha) with observed information, clustered "
        "by woman, times G/(G-1) x (n-1)/(n-k) with k counting alpha (CR1S). Where arms can be compared "
        "within several sites, site effects are in the model. If alpha is 0 the row is Poisson and marked "
        "as a fallback."
    )


def _predictors(configuration: dict[str, Any]) -> str:
    covariates = configuration["covariates"]
    named = words.names(";".join([*covariates, *([] if "ivig" in covariates else ["ivig"])]))
    return (
        f"Each alone and all together: {named}. DMT enters as efficacy class. Negative binomial regression "
        "with errors clustered by woman; p-values are adjusted by Holm's method [@holm1979] within the "
        "univariable and within the multivariable family. IVIG is given as yes against no."
    )
