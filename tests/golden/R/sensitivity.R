# The primary analysis on other rows, and what the primary interval excludes.

# Only the model that the plan's chain selects: negative binomial, Poisson with CR2 where alpha = 0, none without relapses.
primary_fit <- function(rows, other_terms = character()) {
  terms <- c("untreated", other_terms)
  rows <- complete(rows, terms)
  by_arm <- function(value) sum(rows$y[rows$untreated == value])
  out <- list(pregnancies = nrow(rows), women = length(unique(rows$woman)), relapses = sum(rows$y),
              relapses_untreated = by_arm(1), relapses_treated = by_arm(0), terms = I(terms))
  if (length(unique(rows$untreated)) < 2 || min(by_arm(0), by_arm(1)) == 0) return(c(out, list(status = "not_estimable")))
  d <- design(rows, terms)
  nb <- nb_fit(d)
  at <- match("untreated", colnames(d$x))
  if (is.null(nb)) {
    return(c(out, list(status = "fallback", model = "poisson", covariance = "cluster_robust_cr2", alpha = 0),
             poisson_cr2(poisson_fit(d), d$woman, "untreated")))
  }
  c(out, list(status = "ok", model = "negative_binomial", covariance = "cluster_robust", alpha = exp(nb$par[[ncol(d$x) + 1]])),
    wald(nb$par[[at]], sqrt(nb_sandwich(nb)[at, at])))
}

# Site effects while several sites are left.
site_terms <- function(rows, by_site) if (by_site && length(unique(rows$site)) > 1) "site" else character()

# Pregnancies whose pre-pregnancy year runs into the year after the same woman's previous delivery.
overlapping_keys <- function(p) {
  p <- p[order(p$woman, p$delivery_year, seq_len(nrow(p))), ]
  previous <- c(NA, seq_len(nrow(p))[-nrow(p)])
  previous[!duplicated(p$woman)] <- NA
  between <- p$next_conception_day[previous]
  start <- pmax(-365, p$first - p$lmp)
  apart <- p$delivery_year - p$delivery_year[previous]
  overlap <- ifelse(is.na(previous), FALSE, ifelse(is.na(between), apart <= 2, start + between < 365))
  p$key[overlap]
}

# The contrast in the year before, which this delivery's IVIG cannot have changed.
negative_control <- function(study, long) {
  rows <- long[long$period == "pre_pregnancy_year", ]
  if (!nrow(rows)) return(NULL)
  rows$y <- rows$relapses
  rows$years <- rows$person_years
  rows$untreated <- as.numeric(rows$arm == "untreated")
  out <- overlapping_keys(study$pregnancies)
  list(all = primary_fit(rows), without_overlap = c(list(left_out = sum(rows$key %in% out)),
                                                    primary_fit(rows[!rows$key %in% out, ])))
}

# The first delivery of each woman: the earliest year, then the order of the file.
first_of_woman <- function(rows, p) {
  rows <- rows[order(rows$delivery_year, match(rows$key, p$key)), ]
  rows[!duplicated(rows$woman), ]
}

# Relapses and time before the first day back on a therapy, where relapses are dated.
censored_at_restart <- function(study, rows) {
  rows <- rows[rows$dated, ]
  end <- pmin(365, rows$last, as.numeric(rows$dmt_restart_day), na.rm = TRUE)
  days <- end - pmax(0, rows$first)
  onsets <- keyed(study$relapses)
  onsets <- onsets[onsets$key %in% rows$key, ]
  rows$y <- count_in(rows, onsets, cbind(0, end))
  rows$years <- days / DAYS_PER_YEAR
  rows[days > 0, ]
}

# Raw onsets, or the submitted counts, instead of the relapses that the 30-day rule retains.
without_rule <- function(study, rows, counts) {
  raw <- study$relapses
  raw$key <- paste(raw$site, raw$pregnancy_id, sep = "\r")
  listed <- count_in(rows, raw[raw$key %in% rows$key, ], cbind(rep(0, nrow(rows)), 365))
  rows$y <- if (counts) rows$relapses_post_year else ifelse(rows$dated, listed, rows$relapses_post_year)
  rows
}

scenario_rows <- function(study, rows) {
  middle <- median(rows$delivery_year)
  whole <- rows$last >= 365 & rows$first <= 0
  chosen <- list(
    first_pregnancy = first_of_woman(rows, study$pregnancies), live_births = rows[!rows$outcome %in% "stillbirth", ],
    complete_follow_up = rows[whole, ], earlier_deliveries = rows[rows$delivery_year <= middle, ],
    later_deliveries = rows[rows$delivery_year > middle, ], no_dmt_before = rows[rows$dmt_before == "none", ],
    censored_at_dmt_restart = censored_at_restart(study, rows), without_30_day_rule = without_rule(study, rows, FALSE),
    counts = without_rule(study, rows, TRUE))
  places <- sort(unique(as.character(rows$site)))
  left <- lapply(places, function(site) rows[rows$site != site, ])
  c(chosen, setNames(left, paste0("without_site:", places)))
}

# `rows` and `by_site` are those of the primary contrast.
sensitivity <- function(study, rows, by_site, covariates) {
  scenarios <- lapply(scenario_rows(study, rows), function(chosen) {
    if (nrow(chosen)) primary_fit(chosen, site_terms(chosen, by_site)) else list(pregnancies = 0, status = "not_estimable")
  })
  adjusted <- lapply(covariates, function(name) primary_fit(rows, c(site_terms(rows, by_site), name)))
  c(list(primary = primary_fit(rows, site_terms(rows, by_site)), median_delivery_year = median(rows$delivery_year)),
    scenarios, setNames(adjusted, if (length(covariates)) paste0("covariate:", covariates)))
}

# What the primary interval excludes; every number follows from the row's ratio, limits and standard error.
precision <- function(primary, margin = 1.25) {
  se <- primary$se
  factor <- qnorm(0.975) + qnorm(0.8)
  needed <- function(ratio) primary$pregnancies * (factor * se / log(ratio))^2
  below <- function(q) if (is.null(primary$df)) pnorm(q) else pt(q, primary$df)
  one_sided <- function(below) c(below(-(primary$log_ratio + log(margin)) / se), below((primary$log_ratio - log(margin)) / se))
  e_value <- function(ratio) {
    ratio <- max(ratio, 1 / ratio)
    ratio + sqrt(ratio * (ratio - 1))
  }
  covers <- primary$lower <= 1 && primary$upper >= 1
  near <- if (primary$rate_ratio > 1) primary$lower else primary$upper
  list(excluded_reduction = 1 - 1 / primary$upper, excluded_increase = 1 / primary$lower - 1,
       minimum_detectable_ratio = exp(factor * se), multiplier = factor,
       pregnancies_needed_1.409 = ceiling(needed(1.409)), pregnancies_needed_1.5 = ceiling(needed(1.5)),
       pregnancies_needed_exact = list("1.409" = needed(1.409), "1.5" = needed(1.5)), margin = margin,
       equivalence_p = max(one_sided(below)), equivalence_p_normal = max(one_sided(pnorm)),
       site_shock_to_null = primary$rate_ratio, site_shock_covers_from = primary$lower, site_shock_covers_to = primary$upper,
       e_value_estimate = e_value(primary$rate_ratio), e_value_limit = if (covers) 1 else e_value(near))
}
