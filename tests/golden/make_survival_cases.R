# Writes cases/survival_tests.json: Rscript make_survival_cases.R (run in this folder). Nothing here is random.
# Clustered errors under ties, restricted means and one-coefficient tests of two data sets of the package survival.
suppressPackageStartupMessages(library(survival))

Z <- qnorm(0.975)
DAYS_PER_MONTH <- 365.25 / 12
CONTROL <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 100)

cox_case <- function(formula, data, by) {
  lapply(c(efron = "efron", breslow = "breslow"), function(ties) {
    data$cluster <- data[[by]]
    fit <- coxph(formula, data = data, ties = ties, cluster = cluster, control = CONTROL)
    robust <- sqrt(diag(fit$var))
    named <- function(values) as.list(setNames(values, names(coef(fit))))
    list(coef = named(coef(fit)), se_model = named(sqrt(diag(fit$naive.var))), robust_se = named(robust),
         p_value = named(2 * pnorm(-abs(coef(fit) / robust))), loglik = fit$loglik, n = fit$n, events = fit$nevent,
         clusters = length(unique(data$cluster)))
  })
}

# Score test of proportionality against the transform that cox.zph takes by default (km).
proportionality <- function(formula, data) {
  table <- cox.zph(coxph(formula, data = data, ties = "efron", control = CONTROL, model = TRUE))$table
  list(chi_square = table[1, "chisq"], p_value = table[1, "p"])
}

log_rank_case <- function(formula, data) {
  test <- survdiff(formula, data = data)
  list(chi_square = test$chisq, p_value = pchisq(test$chisq, 1, lower.tail = FALSE), observed = test$obs, expected = test$exp)
}

difference <- function(first, second, se_first, se_second) {
  estimate <- second - first
  se <- sqrt(se_first^2 + se_second^2)
  list(first = first, second = second, se_first = se_first, se_second = se_second, difference = estimate, se = se,
       lower = estimate - Z * se, upper = estimate + Z * se, p_value = 2 * pnorm(-abs(estimate / se)))
}

# Second group less the first, to the horizon or at the day; Greenwood's errors, the groups independent.
restricted_mean_case <- function(fit, horizon) {
  table <- summary(fit, rmean = horizon)$table
  difference(table[1, "rmean"], table[2, "rmean"], table[1, "se(rmean)"], table[2, "se(rmean)"])
}

share_case <- function(fit, day) {
  at <- summary(fit, times = day)
  difference(at$surv[1], at$surv[2], at$std.err[1], at$std.err[2])
}

rats <- read.csv("cases/rats.csv")
lung <- read.csv("cases/lung.csv")
lung$months <- ceiling(lung$time / DAYS_PER_MONTH)
known <- lung[complete.cases(lung[, c("inst", "age", "sex", "ph.ecog")]), ]
by_sex <- survfit(Surv(time, status) ~ sex, data = lung, conf.type = "log-log")

answers <- list(
  id = "survival_tests", title = "Cox errors by cluster under ties, restricted means and tests of one coefficient",
  source = "survival::rats (Mantel, Bohidar and Ciminera 1977), survival::lung (Loprinzi 1994)",
  maker = "make_survival_cases.R", r_version = R.version.string,
  packages = list(survival = as.character(packageVersion("survival")), jsonlite = as.character(packageVersion("jsonlite"))),
  notes = paste("Robust errors have no small-sample factor. Proportionality: cox.zph, transform km. Shares are those still",
                "event-free. A difference is the second group (sex 2) less the first (sex 1)."),
  rats_by_litter = c(list(data_file = "rats.csv", formula = "Surv(time, status) ~ rx + sex", cluster = "litter"),
                     cox_case(Surv(time, status) ~ rx + sex, rats, "litter"),
                     list(log_rank_rx = log_rank_case(Surv(time, status) ~ rx, rats),
                          proportionality_rx = proportionality(Surv(time, status) ~ rx, rats))),
  lung_months_by_inst = c(list(data_file = "lung.csv", formula = "Surv(months, status) ~ age + sex + ph.ecog", cluster = "inst",
                               months = "ceiling(time / (365.25 / 12)); rows with inst and ph.ecog"),
                          cox_case(Surv(months, status) ~ age + sex + ph.ecog, known, "inst")),
  lung_days_by_sex = list(data_file = "lung.csv", restricted_mean_365 = restricted_mean_case(by_sex, 365),
                          share_365 = share_case(by_sex, 365), log_rank = log_rank_case(Surv(time, status) ~ sex, lung),
                          proportionality = proportionality(Surv(time, status) ~ sex, lung)),
  lung_months_by_sex = list(data_file = "lung.csv", log_rank = log_rank_case(Surv(months, status) ~ sex, lung),
                            proportionality = proportionality(Surv(months, status) ~ sex, lung)))
text <- jsonlite::toJSON(answers, auto_unbox = TRUE, digits = I(16), pretty = TRUE, na = "null", null = "null")
writeLines(text, file.path("cases", "survival_tests.json"))
