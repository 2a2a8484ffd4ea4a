# Writes every JSON of this folder that R computes: Rscript make_golden.R (run in this folder).
# Nothing here is random and nothing is stamped, so a second run leaves every file as it was.
invisible(Sys.setlocale("LC_COLLATE", "C")) # the order of rows decides the last digit of a sum
suppressPackageStartupMessages({library(MASS); library(geepack); library(brglm2)})
for (file in c("cohort.R", "models.R", "tables.R")) source(file.path("R", file))

maker <- function(script) {
  packages <- c("MASS", "geepack", "sandwich", "clubSandwich", "AER", "brglm2", "jsonlite")
  list(maker = script, r_version = R.version.string,
       packages = sapply(packages, function(p) as.character(packageVersion(p)), simplify = FALSE))
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
  jackknife = "delete one woman, centred on the full estimate, x (G-1)/G")

golden <- function(folder) {
  study <- read_study(folder)
  time <- person_time(study)
  rows <- analysis_rows(study, time$long)
  by_choice <- rows[rows$policy == "individual", ]
  several <- length(unique(by_choice$site)) > 1
  bare <- length(unique(rows$edss_before)) == 1
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
  primary <- if (several) "site" else "unadjusted"
  list(verdict = verdict(study$pregnancies), flow = flow(study$pregnancies, rows),
       relapses = list(raw = time$raw, retained = time$retained, merged = time$raw - time$retained),
       relapse_rates = relapse_rates(time$long), primary = primary, rate_ratios = ratios,
       dispersion = dispersion(rows),
       predictors = if (bare) list(univariable = predictors(rows, "ivig")$univariable) else predictors(rows))
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

for (name in c("policy_pair", "choice_sites", "mixed", "underdispersed")) {
  head <- c(list(study = name), maker("make_golden.R"), list(conventions = CONVENTIONS))
  write_json(c(head, golden(file.path("registries", name))), paste0(name, ".json"))
}
head <- c(list(study = "bladder"), maker("make_golden.R"), list(conventions = CONVENTIONS))
write_json(c(head, golden(file.path("..", "data", "bladder"))), "bladder.json")
write_json(c(maker("make_golden.R"), nb_joint_sandwich()), file.path("cases", "nb_joint_sandwich.json"))
