# Multiple imputation with mice, within arm, as a loose reference: another program's draws cannot be repeated.

IMPUTATIONS <- 200
SEED <- 20191111

# Edss and duration by Bayesian linear regression or predictive mean matching; the pre-year's count by matching.
impute_arm <- function(rows, method, seed) {
  frame <- data.frame(rows[, COVARIATES], y = rows$y, log_years = log(rows$years), site = droplevels(rows$site))
  chosen <- setNames(rep("", ncol(frame)), names(frame))
  chosen[c("disease_duration_years", "edss_before")] <- method
  chosen["relapses_pre_year"] <- "pmm"
  chosen[colSums(is.na(frame)) == 0] <- ""
  mice::mice(frame, m = IMPUTATIONS, maxit = 5, method = chosen, seed = seed, printFlag = FALSE)
}

# Log ratio and clustered variance of each completed data set; women less parameters are the complete-data df.
imputed_ratio <- function(rows, method) {
  arms <- split(rows, rows$arm)
  chains <- lapply(seq_along(arms), function(i) impute_arm(arms[[i]], method, SEED + i))
  terms <- c("untreated", "site", COVARIATES)
  fits <- sapply(seq_len(IMPUTATIONS), function(m) {
    whole <- do.call(rbind, lapply(seq_along(arms), function(i) {
      arm <- arms[[i]]
      arm[, COVARIATES] <- mice::complete(chains[[i]], m)[, COVARIATES]
      arm
    }))
    d <- design(complete(whole, terms), terms)
    nb <- nb_fit(d)
    c(nb$par[[2]], nb_sandwich(nb)[2, 2], length(nb$par))
  })
  women <- length(unique(rows$woman))
  pooled <- mice::pool.scalar(fits[1, ], fits[2, ], n = women, k = fits[3, 1])
  reach <- qt(0.975, pooled$df) * sqrt(pooled$t)
  list(method = method, m = IMPUTATIONS, pregnancies = nrow(rows), women = women, relapses = sum(rows$y),
       log_ratio = pooled$qbar, rate_ratio = exp(pooled$qbar), se = sqrt(pooled$t), df = pooled$df,
       lower = exp(pooled$qbar - reach), upper = exp(pooled$qbar + reach),
       p_value = 2 * pt(-abs(pooled$qbar) / sqrt(pooled$t), pooled$df), within = pooled$ubar, between = pooled$b,
       monte_carlo_error = sqrt(pooled$b / IMPUTATIONS))
}

multiple_imputation <- function(rows) {
  list(missing = lapply(rows[, COVARIATES], function(column) sum(is.na(column))),
       norm = imputed_ratio(rows, "norm"), pmm = imputed_ratio(rows, "pmm"))
}

imputation_reference <- function(folder) {
  study <- read_study(folder)
  rows <- analysis_rows(study, person_time(study)$long)
  multiple_imputation(rows[rows$policy == "individual", ])
}
