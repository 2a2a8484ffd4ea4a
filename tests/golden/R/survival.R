# Time from delivery to the first relapse, of sites that date their relapses.

KM_DAYS <- c(91, 182, 273, 365)
RISK_DAYS <- c(91, 182, 365)
HORIZON <- 365

# One row per pregnancy with a postpartum day: entry, time (day of the first retained onset + 1, or the end), relapsed.
follow_up <- function(study) {
  p <- study$pregnancies
  p$entry <- pmax(0, p$first)
  p$end <- pmin(HORIZON, p$last)
  p <- p[p$dated & p$end > p$entry, ]
  onsets <- keyed(study$relapses)
  at <- match(onsets$key, p$key)
  seen <- !is.na(at) & onsets$onset_day >= p$entry[at] & onsets$onset_day < p$end[at]
  onset <- rep(NA, nrow(p))
  for (i in which(seen)) onset[at[i]] <- min(onset[at[i]], onsets$onset_day[i], na.rm = TRUE)
  p$relapsed <- !is.na(onset)
  p$time <- ifelse(p$relapsed, onset + 1, p$end)
  p$untreated <- as.numeric(p$arm == "untreated")
  p
}

survival_of <- function(rows) survival::Surv(rows$entry, rows$time, rows$relapsed)

# Hazard ratio untreated over treated; robust by woman, no small-sample factor.
cox_ratio <- function(rows, by_site = FALSE) {
  rows$outcome <- survival_of(rows)
  formula <- if (by_site) outcome ~ untreated + strata(site) else outcome ~ untreated
  fit <- survival::coxph(formula, data = rows, ties = "efron", cluster = woman,
                         control = survival::coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 100))
  c(wald(coef(fit)[[1]], sqrt(fit$var[1, 1])),
    list(se_model = sqrt(fit$naive.var[1, 1]), loglik_null = fit$loglik[1], loglik = fit$loglik[2], pregnancies = nrow(rows),
         women = length(unique(rows$woman)), relapses = sum(rows$relapsed)))
}

# Observed less expected with the hypergeometric variance of the risk sets: survdiff, which refuses late entry.
log_rank <- function(rows) {
  days <- sort(unique(rows$time[rows$relapsed]))
  parts <- sapply(days, function(day) {
    at_risk <- rows$entry < day & rows$time >= day
    n <- sum(at_risk)
    d <- sum(rows$relapsed & rows$time == day)
    share <- sum(at_risk & rows$untreated == 1) / n
    c(sum(rows$relapsed & rows$time == day & rows$untreated == 1) - d * share,
      if (n > 1) d * share * (1 - share) * (n - d) / (n - 1) else 0)
  })
  chi_square <- sum(parts[1, ])^2 / sum(parts[2, ])
  referee <- if (any(rows$entry > 0)) survival::coxph(survival_of(rows) ~ untreated, data = rows, ties = "exact")$score
             else survival::survdiff(survival::Surv(time, relapsed) ~ untreated, data = rows)$chisq
  stopifnot(abs(referee / chi_square - 1) < 1e-8)
  efron <- survival::coxph(survival_of(rows) ~ untreated, data = rows, ties = "efron")
  list(chi_square = chi_square, p_value = pchisq(chi_square, 1, lower.tail = FALSE), late_entry = sum(rows$entry > 0),
       efron_score_chi_square = efron$score)
}

curve_of <- function(rows) survival::survfit(survival_of(rows) ~ 1, conf.type = "log-log")

# Relapse-free share with Greenwood's error and log-log limits; none of the limits where nobody has relapsed.
km_rows <- function(rows) {
  at <- summary(curve_of(rows), times = KM_DAYS, extend = TRUE)
  lapply(seq_along(KM_DAYS), function(i) {
    day <- KM_DAYS[i]
    none <- at$surv[i] == 1
    list(day = day, relapse_free = at$surv[i], se = at$std.err[i], lower = if (none) NA else at$lower[i],
         upper = if (none) NA else at$upper[i], at_risk = sum(rows$entry < day & rows$time >= day),
         relapsed = sum(rows$relapsed & rows$time <= day))
  })
}

km_table <- function(rows) {
  list(pregnancies = nrow(rows), women = length(unique(rows$woman)), relapses = sum(rows$relapsed), days = km_rows(rows))
}

# Untreated less treated in the share that has relapsed; the number needed to treat is its inverse.
risk_differences <- function(treated, untreated) {
  lapply(match(RISK_DAYS, KM_DAYS), function(i) {
    difference <- treated[[i]]$relapse_free - untreated[[i]]$relapse_free
    se <- sqrt(treated[[i]]$se^2 + untreated[[i]]$se^2)
    limits <- difference + c(-1, 1) * Z * se
    list(day = KM_DAYS[i], risk_treated = 1 - treated[[i]]$relapse_free, risk_untreated = 1 - untreated[[i]]$relapse_free,
         relapsed_treated = treated[[i]]$relapsed, relapsed_untreated = untreated[[i]]$relapsed,
         risk_difference = difference, se = se, lower = limits[1], upper = limits[2], nnt = 1 / difference,
         nnt_lower = 1 / limits[2], nnt_upper = 1 / limits[1],
         nnt_form = if (limits[1] > 0) "benefit" else if (limits[2] < 0) "harm" else "both")
  })
}

restricted_mean <- function(rows) {
  table <- summary(curve_of(rows), rmean = HORIZON)$table
  c(mean = table[["rmean"]], se = table[["se(rmean)"]])
}

rmst_difference <- function(treated, untreated) {
  means <- list(treated = restricted_mean(treated), untreated = restricted_mean(untreated))
  days <- means$treated[["mean"]] - means$untreated[["mean"]]
  se <- sqrt(means$treated[["se"]]^2 + means$untreated[["se"]]^2)
  list(treated = as.list(means$treated), untreated = as.list(means$untreated), days = days, se = se,
       lower = days - Z * se, upper = days + Z * se, p_value = 2 * pnorm(-abs(days / se)))
}

proportional_hazards <- function(rows) {
  fit <- survival::coxph(survival_of(rows) ~ untreated, data = rows, ties = "efron")
  table <- survival::cox.zph(fit)$table
  list(chi_square = table["untreated", "chisq"], p_value = table["untreated", "p"])
}

time_to_relapse <- function(study) {
  rows <- follow_up(study)
  if (!nrow(rows)) return(NULL)
  arms <- list(treated = rows[rows$arm == "treated", ], untreated = rows[rows$arm == "untreated", ], all = rows)
  free <- lapply(arms, km_table)
  chosen <- rows[rows$policy == "individual", ]
  list(pregnancies = nrow(rows), women = length(unique(rows$woman)), relapses = sum(rows$relapsed), cox = cox_ratio(rows),
       cox_by_site = if (nrow(chosen)) c(list(sites = length(unique(chosen$site))), cox_ratio(chosen, by_site = TRUE)),
       log_rank = log_rank(rows), rmst_difference = rmst_difference(arms$treated, arms$untreated),
       proportional_hazards = proportional_hazards(rows), relapse_free = free,
       risk_difference = risk_differences(free$treated$days, free$untreated$days))
}
