# Writes every JSON of this folder that R computes: Rscript make_golden.R (run in this folder).
# Nothing here is random and nothing is stamped, so a second run leaves every file as it was.
invisible(Sys.setlocale("LC_COLLATE", "C")) # the order of rows decides the last digit of a sum
suppressPackageStartupMessages({library(MASS); library(geepack); library(brglm2); library(survival)})
for (file in c("cohort.R", "models.R", "tables.R", "course.R", "survival.R", "weighting.R", "sites.R", "sensitivity.R",
               "missing.R")) source(file.path("R", file))

PACKAGES <- c("MASS", "geepack", "sandwich", "clubSandwich", "AER", "brglm2", "jsonlite")

maker <- function(script, packages = PACKAGES) {
  list(maker = script, r_version = R.version.string,
       packages = sapply(packages, function(p) as.character(packageVersion(p)), simplify = FALSE))
}

of_study <- function(name) {
  packages <- c(PACKAGES, "survival", "metafor", "lme4", "glmmTMB", "mice")
  c(list(study = name), maker("make_golden.R", packages), list(conventions = CONVENTIONS))
}

write_json <- function(content, path) {
  text <- jsonlite::toJSON(content, auto_unbox = TRUE, digits = I(16), pretty = TRUE, na = "null", null = "null",
                           dataframe = "rows")
  writeLines(text, path)
}

CONVENTIONS <- list(
  contrast = "untreated/treated in the postpartum year; lower and upper are on the ratio's scale, log_ratio and se on the log scale",
  limits = "95%; normal quantiles, except poisson_cluster_robust_cr2 (t on Satterthwaite df), exact (central) and Garwood",
  poisson_cluster_robust = "CR1S: sandwich::vcovCL type HC1 with cadjust, cluster (site, woman_id)",
  negative_binomial_model = "inverse of the observed information over (beta, log alpha)",
  negative_binomial_cluster_robust = "joint sandwich over (beta, log alpha), observed information, x G/(G-1) x (n-1)/(n-k), k counts alpha",
  glm_nb_fixed_theta = "MASS::glm.nb, standard error with theta held fixed",
  gee_poisson = "geepack::geeglm, exchangeable, robust without small-sample factor",
  predictors = "as negative_binomial_cluster_robust; where alpha = 0 as poisson_cluster_robust_cr2, several coefficients jointly by HTZ",
  firth_poisson = "brglm2 type AS_mean, Wald limits from the information at the estimate",
  jackknife = "delete one woman, centred on the full estimate, x (G-1)/G",
  course = "arm x period cells; poisson: CR1S by woman; gee: exchangeable, robust without factor",
  cells_without_relapse = "their rows leave the fit, so n, k and the clusters of its factor count what is left",
  cox = "untreated over treated, Efron, robust by (site, woman_id) without small-sample factor; cox_by_site: strata(site)",
  log_rank = "hypergeometric variance on the risk sets (entry < day <= time)",
  relapse_free = "time = day of the first retained onset + 1; Greenwood; log-log limits; at_risk counts entry < day <= time",
  risk_difference = "untreated less treated in the share that has relapsed, Wald; nnt is its inverse",
  rmst_difference = "treated less untreated in the restricted mean to day 365, Greenwood-type error",
  proportional_hazards = "cox.zph, transform km",
  g_computation = "ratio of mean predictions, delta method on the log scale; where alpha = 0 CR2, t on Satterthwaite df",
  weighting = "iptw 1/e and 1/(1-e), overlap 1-e and e; e by maximum likelihood, taken as known; CR1S by woman",
  balance = "treated less untreated over the unweighted SD, sqrt((s1^2 + s2^2)/2)",
  pooled_sites = "metafor rma, IRLN, REML, 1/2 added to a site without a relapse; I2 = max(0, (Q-df)/Q) in percent",
  prediction = "exp(mu +- z sqrt(tau2 + se^2))",
  mixed_poisson = "quadrature: 25 adaptive Gauss-Hermite points, observed information over (beta, log sigma)",
  site_level = "sites' rates, policy none less policy all, Welch; every way to deal out the policies, two-sided",
  sensitivity = "the primary's model and site terms on the rows of the scenario",
  precision = "from the primary row; multiplier qnorm(0.975) + qnorm(0.8); equivalence_p on the row's own distribution",
  nonlinearity = "natural cubic spline term beside the linear one, knots at the 10th, 50th and 90th percentile (type 7)")

golden <- function(folder) {
  study <- read_study(folder)
  time <- person_time(study)
  rows <- analysis_rows(study, time$long)
  by_choice <- rows[rows$policy == "individual", ]
  several <- length(unique(by_choice$site)) > 1
  bare <- length(unique(rows$edss_before)) == 1
  ratios <- all_contrasts(study, rows, by_choice, several, bare)
  primary <- if (several) "site" else "unadjusted"
  answers <- list(
    verdict = verdict(study$pregnancies), flow = flow(study$pregnancies, rows),
    relapses = list(raw = time$raw, retained = time$retained, merged = time$raw - time$retained),
    relapse_rates = relapse_rates(time$long), primary = primary, rate_ratios = ratios, dispersion = dispersion(rows),
    predictors = if (bare) list(univariable = predictors(rows, "ivig")$univariable) else predictors(rows))
  c(answers, further(study, time$long, rows, if (several) by_choice else rows, several, bare))
}

all_contrasts <- function(study, rows, by_choice, several, bare) {
  ratios <- list(unadjusted = contrast(rows))
  if (!bare) ratios$adjusted <- contrast(rows, COVARIATES)
  if (several) {
    ratios$site <- contrast(by_choice, "site")
    ratios$site_adjusted <- contrast(by_choice, c("site", COVARIATES))
  }
  if (several && nrow(by_choice) < nrow(rows)) ratios$individual_sites_unadjusted <- contrast(by_choice)
  if (nrow(by_choice)) {
    later <- landmark_rows(study, rows)
    sites <- if (length(unique(study$pregnancies$site)) > 1 && length(unique(later$site)) > 1) "site" else character()
    ratios$landmark_30 <- contrast(later, sites)
  }
  ruled <- rows
  ruled$untreated <- ifelse(rows$policy == "none", 1, ifelse(rows$policy == "all", 0, rows$untreated))
  if (any(ruled$untreated != rows$untreated)) ratios$policy <- contrast(ruled)
  ratios
}

# What stands beside the rate ratios; `chosen` are the rows of the primary contrast.
further <- function(study, long, rows, chosen, several, bare) {
  scenarios <- sensitivity(study, chosen, several, if (bare) character() else COVARIATES)
  list(course = course(long), course_parts = course_parts(study, long), pre_trend = pre_trend(study, long),
       leave_one_woman_out = leave_one_woman_out(long), time_to_relapse = time_to_relapse(study),
       negative_control = negative_control(study, long),
       g_computation = if (!bare) g_computation(chosen, c(if (several) "site", COVARIATES)),
       weighting = weighting(rows), sites = sites(rows), sensitivity = scenarios, precision = precision(scenarios$primary),
       frequencies = frequencies(rows), nonlinearity = if (!bare) nonlinearity(rows))
}

# Whether the data can tell the arms from the sites; a declared policy overrides what a few women received.
verdict <- function(p) {
  both <- tapply(p$arm, p$site, function(arm) length(unique(arm)) == 2)
  chosen <- tapply(p$policy, p$site, function(policy) policy[1] == "individual")
  if (any(both & chosen)) return("identifiable within sites")
  if (length(unique(p$arm)) == 2) "between sites only" else "not identifiable"
}

flow <- function(p, rows) {
  list(pregnancies = nrow(p), women = length(unique(p$woman)), no_postpartum_day = nrow(p) - nrow(rows),
       onset_after_lmp = sum(p$onset_after_lmp %in% 1), gestation_missing = sum(is.na(p$gestation_days)))
}

# Joint sandwich of two published data sets whose other numbers are in cases/.
nb_case <- function(data, formula, y, woman) {
  frame <- model.frame(formula, data)
  d <- list(x = model.matrix(formula, frame), y = y, offset = rep(0, length(y)), woman = woman)
  d$rows <- data.frame(data, y = y, years = 1, woman = woman)
  d$formula <- formula[-2]
  nb <- nb_fit(d)
  k <- ncol(d$x)
  joint <- nb_sandwich(nb)
  list(n = length(y), clusters = length(unique(woman)), k = k + 1, alpha = exp(nb$par[[k + 1]]), loglik = nb$loglik,
       terms = colnames(d$x), coef = unname(nb$par[1:k]), se_observed = unname(sqrt(diag(nb$bread))[1:k]),
       se_joint_sandwich = unname(sqrt(diag(joint))[1:k]), se_log_alpha_observed = sqrt(nb$bread[k + 1, k + 1]),
       se_log_alpha_joint_sandwich = sqrt(joint[k + 1, k + 1]))
}

nb_joint_sandwich <- function() {
  epil <- read.csv("cases/epil.csv", stringsAsFactors = TRUE)
  quine <- read.csv("cases/quine.csv", stringsAsFactors = TRUE)
  list(id = "nb_joint_sandwich", title = "NB2: sandwich over (beta, log alpha) with observed information",
       source = "Thall and Vail 1990 (MASS::epil); Venables and Ripley (MASS::quine)",
       factor = "G/(G-1) x (n-1)/(n-k), k = number of coefficients + 1",
       epil = c(list(data_file = "epil.csv", formula = "y ~ lbase * trt + lage + V4", cluster = "subject"),
                nb_case(epil, y ~ lbase * trt + lage + V4, epil$y, epil$subject)),
       quine = c(list(data_file = "quine.csv", formula = "Days ~ Eth + Sex + Age + Lrn", cluster = "each row"),
                 nb_case(quine, Days ~ Eth + Sex + Age + Lrn, quine$Days, seq_len(nrow(quine)))))
}

for (name in c("policy_pair", "choice_sites", "mixed", "underdispersed", "many_sites")) {
  answers <- golden(file.path("registries", name))
  if (name == "choice_sites") answers$multiple_imputation <- imputation_reference(file.path("registries", name))
  write_json(c(of_study(name), answers), paste0(name, ".json"))
}
write_json(c(of_study("bladder"), golden(file.path("..", "data", "bladder"))), "bladder.json")
write_json(c(maker("make_golden.R"), nb_joint_sandwich()), file.path("cases", "nb_joint_sandwich.json"))
