"""What the methods say whatever the settings are, one paragraph a subject."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of the methods.

    Attributes
    ----------
    heading, text : str
        ``[@key]`` in the text cites a work.
    table : str
        The table that it is about, "" where it belongs to every report.
    setting : str
        Name of the sentences with this run's settings that stand before the text, "" for none.
    """

    heading: str
    text: str = ""
    table: str = ""
    setting: str = ""


PARAGRAPHS = (
    Paragraph("Units and windows", setting="windows"),
    Paragraph("Exposure", setting="exposure"),
    Paragraph(
        "Identifiability",
        "Before any model was fitted, the design was examined: whether arms can be told from sites, from "
        "the number of sites with each policy and from the arms present at each. Sites that treat by policy "
        "never inform a contrast within sites. Where the arms are a policy of the sites, no ratio adjusted "
        "for site is printed.",
    ),
    Paragraph(
        "Estimability",
        "For each contrast the rank of its design was taken with and without the arm: where the arm adds "
        "nothing, no model can estimate the contrast, whatever it prints. Beside it stand the sites and "
        "relapses in each arm and the relapses for each coefficient, of which fewer than about 10 leave "
        "estimates biased away from 1 [@peduzzi1996].",
        "estimability",
    ),
    Paragraph(
        "Rates",
        "The annualized relapse rate (ARR) is relapses divided by person-years: a ratio of sums, never a "
        "mean of women's rates. Limits are Garwood's exact Poisson limits [@garwood1936]; beside them stand "
        "limits clustered by woman, from an intercept-only Poisson model on the log scale (CR1S).",
        "relapse_rates",
    ),
    Paragraph("Primary contrast", setting="primary"),
    Paragraph(
        "Beside the primary contrast",
        "Poisson with model-based errors; Poisson clustered by woman (CR1S, k counting every coefficient); "
        "Poisson with bias-reduced errors (CR2) and Satterthwaite degrees of freedom [@pustejovsky2018]; "
        "Poisson with the jackknife, one woman left out at a time, deviations taken from the estimate with "
        "all G women, times (G-1)/G [@bell2002]; Poisson generalized estimating equations with exchangeable "
        "correlation within woman [@liang1986], robust errors without a small-sample factor (CR0, as in "
        "geepack).",
        "rate_ratios",
    ),
    Paragraph(
        "Few relapses",
        "Exact conditional Poisson with central limits and central p, twice the smaller tail; its mid-p "
        "version, which counts half the probability of what was observed [@lancaster1961]; and Firth's "
        "penalised likelihood [@firth1993], which is finite also where an arm has no relapse, with "
        "model-based errors. The primary contrast falls back to it there. A row that is not estimable says "
        "why. CR2, the jackknife and the exact methods are left out above 5,000 women, and a fallback has "
        "plain clustered errors (CR1S) there; imputation and cross-validation are left out above 100,000.",
        "rate_ratios",
    ),
    Paragraph(
        "Adjustment and standardised rates",
        "The adjusted model holds the covariates of the plan on pregnancies with all of them recorded; a "
        "level without a relapse, or one that other covariates determine, is left out and named. By "
        "g-computation [@robins1986] the rates of all its pregnancies were predicted as if every one had "
        "been of one arm, then of the other. With a log link and no interaction the ratio of these "
        "standardised rates equals the conditional ratio; what they add are the rates themselves.",
        "rate_ratios",
    ),
    Paragraph(
        "Weighting",
        "Where treatment is a choice, the chance of it was estimated by logistic regression on the "
        "covariates and the sites [@rosenbaum1983]. Inverse-probability weights make both arms like all "
        "pregnancies; overlap weights, the chance of the other arm, make them like those whose treatment "
        "was most open [@li2018]. Errors are clustered by woman with the weights taken as known, which for "
        "the former makes limits too wide rather than too narrow [@lunceford2004]. Balance is judged by "
        "standardised differences [@austin2009]. No weight can balance arms that a policy makes: there the "
        "rows say so.",
        "balance",
    ),
    Paragraph(
        "Immortal time and negative control",
        "By choice, the arm is settled after delivery and a woman must stay without event to be counted as "
        "treated [@suissa2008]; the analysis from day 30 on, with earlier relapses left out and the arm "
        "frozen, stands beside it; where doses are dated, also a start within 30 days against none by "
        "clones that are censored when they leave their arm, and weighted [@hernan2018]. Immunoglobulin "
        "after this delivery cannot act on the year before the pregnancy: the same contrast there is a "
        "negative control [@lipsitch2010], repeated without pregnancies whose year before overlaps the year "
        "after an earlier delivery of the same woman.",
        "rate_ratios",
    ),
    Paragraph(
        "What the interval excludes",
        "The E-value says how strongly, on the ratio scale, something unmeasured would have to go with both "
        "treatment and relapse to explain the estimate, or the limit nearer to 1 [@vanderweele2017].",
        "precision",
        "precision",
    ),
    Paragraph(
        "Differences between sites as an explanation",
        "Where only sites differ in treatment, background rates that differ between them give a ratio by "
        "themselves: the factor that gives the one observed is stated, and those that would take 1 into or "
        "out of the interval. With 4 or more sites that treat by policy the sites themselves are compared: "
        "a t-test of their log rates, and a permutation of the policies over the sites of the studentised "
        "difference [@chung2013], two-sided, with the smallest p that so few sites can give.",
        "precision",
    ),
    Paragraph(
        "Course through pregnancy",
        "Rates by trimester and quarter need dated relapses. The figure sets them over published cohorts "
        "that report rates before, in and after pregnancy, PRIMS [@confavreux1998] first among them; rates "
        "of different studies are not joined or pooled.",
        "relapse_rates",
    ),
    Paragraph(
        "Periods and arms against each other",
        "A Poisson model with a rate for each arm and period, independence working correlation and errors "
        "clustered by woman over all her pregnancies and periods (CR1S) gives each period against the year "
        "before pregnancy within an arm, the arms within a period, and the difference in differences: the "
        "ratio of these ratios. The exchangeable GEE stands beside it. The difference in differences "
        "assumes that without treatment both arms' rates had changed by one factor; adjustment for the "
        "relapses of the year before assumes that arms alike in them would have relapsed alike. If either "
        "is right, the effect lies between the two [@ding2019]. Pregnancies tend to be planned in quiet "
        "times, after which rates regress to their mean: that is why the two can differ.",
        "longitudinal",
    ),
    Paragraph(
        "Time to the first relapse",
        "Of sites that date their relapses; time is the day of the onset plus one, censored at the end of "
        "observation. Kaplan-Meier shares [@kaplan1958] with log-log limits and Greenwood's variance "
        "[@borgan1990]; the difference of the arms' risks with Wald limits; and its inverse, the number "
        "needed to treat [@altman1999], whose limits go through infinity where the difference covers 0 "
        "[@altman1998]. These, the log-rank test [@mantel1966] and restricted means [@royston2013] take "
        "pregnancies as independent.",
        "relapse_free",
    ),
    Paragraph(
        "Hazards",
        "Cox regression of the arm, ties after Efron [@efron1977], with the sandwich clustered by woman "
        "[@lin1989], no small-sample factor; where several sites leave treatment to choice, also stratified "
        "by site. Whether the hazard ratio changes over the year was tested by its score against the "
        "Kaplan-Meier scale of time [@grambsch1994].",
        "time_to_relapse",
    ),
    Paragraph(
        "Predictors",
        "Whether a continuous predictor acts in a straight line was tested by the curved term of a "
        "restricted cubic spline with three knots at its 10th, 50th and 90th percentiles [@durrleman1989]; "
        "the knots are quantiles of all values at once.",
        "predictors",
        "predictors",
    ),
    Paragraph(
        "Missing covariates",
        "each arm by its own models (by one, where an arm is too small), predictive mean matching within "
        "bootstrap samples of women, with the relapses and the person-years of the outcome period "
        "[@white2009], the other covariates, the site and the woman's other pregnancies as predictors. "
        "Estimates are pooled by Rubin's rules [@rubin1987] with Barnard and Rubin's degrees of freedom "
        "[@barnard1999], of complete data women less parameters, or Satterthwaite's where those are fewer. "
        "As a tipping point the imputed EDSS of treated pregnancies is moved by up to 3 points.",
        "predictors",
        "missing",
    ),
    Paragraph(
        "Whether relapses can be foreseen",
        "The multivariable model was cross-validated, the folds made of women. Concordance and calibration "
        "[@harrell1996] compare predictions within a fold only, for those of two folds come from two models; "
        "limits of concordance and slope are a jackknife by woman of the whole procedure, models included "
        "to first order; those of calibration in the large are clustered by woman and take the predictions "
        "as given.",
        "predictability",
    ),
    Paragraph(
        "Sites",
        "Rates of the sites with exact limits; for sites of one policy a typical rate by random effects of "
        "log rates, the variance between sites by restricted maximum likelihood [@viechtbauer2005], from 5 "
        "sites on by a Poisson model with normal site intercepts and adaptive quadrature [@rabehesketh2005]. "
        "I² is max(0, (Q - df)/Q) [@higgins2002], which need not agree with the fitted variance.",
        "sites",
    ),
    Paragraph(
        "Sensitivity analyses",
        "The primary analysis was repeated with one choice changed at a time: which pregnancies, which "
        "definition of the arm, which relapses, which covariates, and without each site.",
        "sensitivity",
    ),
    Paragraph(
        "Tests of over-dispersion",
        "Pearson's chi-square over its degrees of freedom; the test of Cameron and Trivedi in its NB2 form, "
        "one-sided [@cameron1990]; the likelihood ratio of negative binomial against Poisson, referred to an "
        "equal mixture of 0 and chi-square with 1 degree of freedom; and the numbers of pregnancies with no, "
        "one, two and more relapses against those expected, drawn as a hanging rootogram [@kleiber2016].",
        "dispersion",
    ),
    Paragraph(
        "Published evidence",
        "Odds ratios, risk ratios and risk differences of studies with events and totals, ratios of rates of "
        "those with events and person-time or a printed ratio with limits, treated over control; measures "
        "are never mixed. Common-effect pools: Mantel-Haenszel [@greenland1985] [@robins1986or] [@sato1989], "
        "Peto's one-step odds ratio [@yusuf1985], inverse variance, and the exact conditional odds ratio "
        "[@gart1970], which needs nothing added to a cell of 0. Random effects: DerSimonian-Laird "
        "[@dersimonian1986], Paule-Mandel [@paule1982] and restricted maximum likelihood, with Wald and with "
        "Hartung-Knapp limits [@knapp2003], whose factor is at least 1 [@roever2015]; prediction intervals "
        "are normal beside the former and Student's t with k - 1 degrees of freedom beside the latter; "
        "limits of the variance between studies by the Q-profile [@viechtbauer2007]. Asymmetry is tested "
        "[@egger1997] from 10 studies on [@sterne2011].",
        "evidence_pooled",
    ),
    Paragraph(
        "The registry as the newest study",
        "Pregnancies with a relapse in the 182 days after delivery among those observed for all of them, and "
        "relapses over person-years, by arm, at sites that date relapses; where few relapsed in the rest of "
        "the year, the year stands in for the 182 days. Published studies whose women are "
        "the registry's own leave the pool with it. Historical controls, the same women at another time and "
        "groups of a single woman are kept out of the main pool, and so is what the sheet excludes, with its "
        "reason.",
        "evidence_studies",
    ),
    Paragraph(
        "Certainty",
        "GRADE [@guyatt2011] by written rules from the tables, with ROBINS-I [@sterne2016] judgements of the "
        "sheet.",
        "evidence_grade",
    ),
    Paragraph(
        "Audit of printed claims",
        "Each claim was worked out again from the numbers printed with it: p from limits and limits from p, "
        "I² from Q, degrees of freedom from Q and p, numbers needed to treat from risks. A printed number "
        "stands for the interval that rounds to it.",
        "evidence_audit",
    ),
    Paragraph(
        "Cost",
        "Cost per relapse avoided is the cost of a course times the number needed to treat; its limits go "
        "through infinity where those of the latter do [@altman1998].",
        "cost",
    ),
    Paragraph(
        "Safety and doses",
        "Pregnancies with an adverse event among those of sites that report them, with exact binomial limits "
        "[@clopper1934]; a site that reports none of them is not counted as having had none. Doses are those "
        "recorded, not those planned.",
        "safety",
    ),
    Paragraph("Disclosure", setting="disclosure"),
)
