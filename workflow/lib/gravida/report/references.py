"""The works that the methods cite, by key."""

REFERENCES = {
    "horvat2020": (
        "Horvat Ledinek A, Brecl Jakob G, Jerše J, et al. Intravenous immunoglobulins for the prevention of "
        "postpartum relapses in multiple sclerosis. Mult Scler Relat Disord 2020;38:101519."
    ),
    "confavreux1998": (
        "Confavreux C, Hutchinson M, Hours MM, et al. Rate of pregnancy-related relapse in multiple "
        "sclerosis. N Engl J Med 1998;339:285-291."
    ),
    "peduzzi1996": (
        "Peduzzi P, Concato J, Kemper E, Holford TR, Feinstein AR. A simulation study of the number of "
        "events per variable in logistic regression analysis. J Clin Epidemiol 1996;49:1373-1379."
    ),
    "garwood1936": "Garwood F. Fiducial limits for the Poisson distribution. Biometrika 1936;28:437-442.",
    "lawless1987": (
        "Lawless JF. Negative binomial and mixed Poisson regression. Can J Stat 1987;15:209-225."
    ),
    "cameron1990": (
        "Cameron AC, Trivedi PK. Regression-based tests for overdispersion in the Poisson model. "
        "J Econom 1990;46:347-364."
    ),
    "kleiber2016": (
        "Kleiber C, Zeileis A. Visualizing count data regressions using rootograms. Am Stat 2016;70:296-303."
    ),
    "liang1986": (
        "Liang KY, Zeger SL. Longitudinal data analysis using generalized linear models. "
        "Biometrika 1986;73:13-22."
    ),
    "bell2002": (
        "Bell RM, McCaffrey DF. Bias reduction in standard errors for linear regression with multi-stage "
        "samples. Surv Methodol 2002;28:169-181."
    ),
    "pustejovsky2018": (
        "Pustejovsky JE, Tipton E. Small-sample methods for cluster-robust variance estimation and "
        "hypothesis testing in fixed effects models. J Bus Econ Stat 2018;36:672-683."
    ),
    "lancaster1961": (
        "Lancaster HO. Significance tests in discrete distributions. J Am Stat Assoc 1961;56:223-234."
    ),
    "firth1993": "Firth D. Bias reduction of maximum likelihood estimates. Biometrika 1993;80:27-38.",
    "robins1986": (
        "Robins J. A new approach to causal inference in mortality studies with a sustained exposure period: "
        "application to control of the healthy worker survivor effect. Math Model 1986;7:1393-1512."
    ),
    "rosenbaum1983": (
        "Rosenbaum PR, Rubin DB. The central role of the propensity score in observational studies for "
        "causal effects. Biometrika 1983;70:41-55."
    ),
    "li2018": (
        "Li F, Morgan KL, Zaslavsky AM. Balancing covariates via propensity score weighting. "
        "J Am Stat Assoc 2018;113:390-400."
    ),
    "lunceford2004": (
        "Lunceford JK, Davidian M. Stratification and weighting via the propensity score in estimation of "
        "causal treatment effects: a comparative study. Stat Med 2004;23:2937-2960."
    ),
    "austin2009": (
        "Austin PC. Balance diagnostics for comparing the distribution of baseline covariates between "
        "treatment groups in propensity-score matched samples. Stat Med 2009;28:3083-3107."
    ),
    "lipsitch2010": (
        "Lipsitch M, Tchetgen Tchetgen E, Cohen T. Negative controls: a tool for detecting confounding and "
        "bias in observational studies. Epidemiology 2010;21:383-388."
    ),
    "suissa2008": "Suissa S. Immortal time bias in pharmaco-epidemiology. Am J Epidemiol 2008;167:492-499.",
    "hernan2018": (
        "Hernán MA. How to estimate the effect of treatment duration on survival outcomes using "
        "observational data. BMJ 2018;360:k182."
    ),
    "schuirmann1987": (
        "Schuirmann DJ. A comparison of the two one-sided tests procedure and the power approach for "
        "assessing the equivalence of average bioavailability. J Pharmacokinet Biopharm 1987;15:657-680."
    ),
    "vanderweele2017": (
        "VanderWeele TJ, Ding P. Sensitivity analysis in observational research: introducing the E-value. "
        "Ann Intern Med 2017;167:268-274."
    ),
    "chung2013": (
        "Chung E, Romano JP. Exact and asymptotically robust permutation tests. Ann Stat 2013;41:484-507."
    ),
    "ding2019": (
        "Ding P, Li F. A bracketing relationship between difference-in-differences and "
        "lagged-dependent-variable adjustment. Polit Anal 2019;27:605-615."
    ),
    "kaplan1958": (
        "Kaplan EL, Meier P. Nonparametric estimation from incomplete observations. "
        "J Am Stat Assoc 1958;53:457-481."
    ),
    "borgan1990": (
        "Borgan Ø, Liestøl K. A note on confidence intervals and bands for the survival function based on "
        "transformations. Scand J Stat 1990;17:35-41."
    ),
    "altman1998": ("Altman DG. Confidence intervals for the number needed to treat. BMJ 1998;317:1309-1312."),
    "altman1999": (
        "Altman DG, Andersen PK. Calculating the number needed to treat for trials where the outcome is time "
        "to an event. BMJ 1999;319:1492-1495."
    ),
    "efron1977": (
        "Efron B. The efficiency of Cox's likelihood function for censored data. "
        "J Am Stat Assoc 1977;72:557-565."
    ),
    "lin1989": (
        "Lin DY, Wei LJ. The robust inference for the Cox proportional hazards model. "
        "J Am Stat Assoc 1989;84:1074-1078."
    ),
    "mantel1966": (
        "Mantel N. Evaluation of survival data and two new rank order statistics arising in its "
        "consideration. Cancer Chemother Rep 1966;50:163-170."
    ),
    "royston2013": (
        "Royston P, Parmar MKB. Restricted mean survival time: an alternative to the hazard ratio for the "
        "design and analysis of randomized trials with a time-to-event outcome. "
        "BMC Med Res Methodol 2013;13:152."
    ),
    "grambsch1994": (
        "Grambsch PM, Therneau TM. Proportional hazards tests and diagnostics based on weighted residuals. "
        "Biometrika 1994;81:515-526."
    ),
    "holm1979": (
        "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65-70."
    ),
    "durrleman1989": (
        "Durrleman S, Simon R. Flexible regression models with cubic splines. Stat Med 1989;8:551-561."
    ),
    "harrell1996": (
        "Harrell FE, Lee KL, Mark DB. Multivariable prognostic models: issues in developing models, "
        "evaluating assumptions and adequacy, and measuring and reducing errors. Stat Med 1996;15:361-387."
    ),
    "rubin1987": "Rubin DB. Multiple imputation for nonresponse in surveys. New York: Wiley; 1987.",
    "barnard1999": (
        "Barnard J, Rubin DB. Small-sample degrees of freedom with multiple imputation. "
        "Biometrika 1999;86:948-955."
    ),
    "vanbuuren2018": (
        "van Buuren S. Flexible imputation of missing data. 2nd ed. Boca Raton: CRC Press; 2018."
    ),
    "white2009": (
        "White IR, Royston P. Imputing missing covariate values for the Cox model. "
        "Stat Med 2009;28:1982-1998."
    ),
    "viechtbauer2005": (
        "Viechtbauer W. Bias and efficiency of meta-analytic variance estimators in the random-effects "
        "model. J Educ Behav Stat 2005;30:261-293."
    ),
    "higgins2002": (
        "Higgins JPT, Thompson SG. Quantifying heterogeneity in a meta-analysis. Stat Med 2002;21:1539-1558."
    ),
    "rabehesketh2005": (
        "Rabe-Hesketh S, Skrondal A, Pickles A. Maximum likelihood estimation of limited and discrete "
        "dependent variable models with nested random effects. J Econom 2005;128:301-323."
    ),
    "greenland1985": (
        "Greenland S, Robins JM. Estimation of a common effect parameter from sparse follow-up data. "
        "Biometrics 1985;41:55-68."
    ),
    "robins1986or": (
        "Robins J, Breslow N, Greenland S. Estimators of the Mantel-Haenszel variance consistent in both "
        "sparse data and large-strata limiting models. Biometrics 1986;42:311-323."
    ),
    "sato1989": (
        "Sato T, Greenland S, Robins JM. On the variance estimator for the Mantel-Haenszel risk difference. "
        "Biometrics 1989;45:1323-1324."
    ),
    "yusuf1985": (
        "Yusuf S, Peto R, Lewis J, Collins R, Sleight P. Beta blockade during and after myocardial "
        "infarction: an overview of the randomized trials. Prog Cardiovasc Dis 1985;27:335-371."
    ),
    "gart1970": (
        "Gart JJ. Point and interval estimation of the common odds ratio in the combination of 2 x 2 tables "
        "with fixed marginals. Biometrika 1970;57:471-475."
    ),
    "dersimonian1986": (
        "DerSimonian R, Laird N. Meta-analysis in clinical trials. Control Clin Trials 1986;7:177-188."
    ),
    "paule1982": (
        "Paule RC, Mandel J. Consensus values and weighting factors. J Res Natl Bur Stand 1982;87:377-385."
    ),
    "knapp2003": (
        "Knapp G, Hartung J. Improved tests for a random effects meta-regression with a single covariate. "
        "Stat Med 2003;22:2693-2710."
    ),
    "roever2015": (
        "Röver C, Knapp G, Friede T. Hartung-Knapp-Sidik-Jonkman approach and its modification for "
        "random-effects meta-analysis with few studies. BMC Med Res Methodol 2015;15:99."
    ),
    "viechtbauer2007": (
        "Viechtbauer W. Confidence intervals for the amount of heterogeneity in meta-analysis. "
        "Stat Med 2007;26:37-52."
    ),
    "egger1997": (
        "Egger M, Davey Smith G, Schneider M, Minder C. Bias in meta-analysis detected by a simple, "
        "graphical test. BMJ 1997;315:629-634."
    ),
    "sterne2011": (
        "Sterne JAC, Sutton AJ, Ioannidis JPA, et al. Recommendations for examining and interpreting funnel "
        "plot asymmetry in meta-analyses of randomised controlled trials. BMJ 2011;343:d4002."
    ),
    "guyatt2011": (
        "Guyatt G, Oxman AD, Akl EA, et al. GRADE guidelines: 1. Introduction. GRADE evidence profiles and "
        "summary of findings tables. J Clin Epidemiol 2011;64:383-394."
    ),
    "sterne2016": (
        "Sterne JAC, Hernán MA, Reeves BC, et al. ROBINS-I: a tool for assessing risk of bias in "
        "non-randomised studies of interventions. BMJ 2016;355:i4919."
    ),
    "clopper1934": (
        "Clopper CJ, Pearson ES. The use of confidence or fiducial limits illustrated in the case of the "
        "binomial. Biometrika 1934;26:404-413."
    ),
}
