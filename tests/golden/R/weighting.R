# Standardised rates from the adjusted model, and weighted rates where the policy is individual.

# Mean predicted relapses per year were every row in one arm: a ratio of sums, with its gradient on the log scale.
standardised <- function(beta, d, untreated) {
  x <- d$x
  x[, "untreated"] <- untreated
  mu <- as.vector(exp(x %*% beta + d$offset))
  list(rate = sum(mu) / sum(exp(d$offset)), gradient = drop(crossprod(x, mu)) / sum(mu))
}

# The rate of each arm and their ratio, delta method on the log scale with the covariance of the adjusted primary.
g_computation <- function(rows, other_terms) {
  terms <- c("untreated", other_terms)
  rows <- complete(rows, terms)
  d <- design(rows, terms)
  nb <- nb_fit(d)
  k <- ncol(d$x)
  beta <- if (is.null(nb)) coef(poisson_fit(d)) else nb$par[1:k]
  arms <- list(untreated = standardised(beta, d, 1), treated = standardised(beta, d, 0))
  interval <- function(value, gradient) {
    if (is.null(nb)) return(satterthwaite(d, value, gradient))
    wald(log(value), sqrt(drop(gradient %*% nb_sandwich(nb)[1:k, 1:k] %*% gradient)))
  }
  rate <- function(arm) {
    out <- interval(arm$rate, arm$gradient)
    list(rate = arm$rate, se_log = out$se, lower = out$lower, upper = out$upper)
  }
  c(size_of(d), list(terms = I(terms), status = if (is.null(nb)) "fallback" else "ok"), lapply(arms, rate),
    interval(arms$untreated$rate / arms$treated$rate, arms$untreated$gradient - arms$treated$gradient))
}

# CR2 with t on Satterthwaite degrees of freedom of one direction in the coefficients.
satterthwaite <- function(d, value, gradient) {
  fit <- poisson_fit(d)
  v <- clubSandwich::vcovCR(fit, cluster = factor(d$woman), type = "CR2")
  found <- clubSandwich::linear_contrast(fit, vcov = v, contrasts = matrix(gradient, 1), test = "Satterthwaite")
  reach <- qt(0.975, found$df) * found$SE
  list(rate_ratio = value, log_ratio = log(value), se = found$SE, df = found$df, lower = exp(log(value) - reach),
       upper = exp(log(value) + reach), p_value = 2 * pt(-abs(log(value) / found$SE), found$df))
}

# Pregnancies of sites by choice with both arms, with every covariate known.
weighting_rows <- function(rows) {
  rows <- rows[rows$policy == "individual", ]
  if (!nrow(rows)) return(rows)
  both <- tapply(rows$untreated, as.character(rows$site), function(u) length(unique(u)) == 2)
  complete(rows[as.character(rows$site) %in% names(which(both)), ], c("untreated", COVARIATES))
}

# The probability of treatment by maximum likelihood.
propensity <- function(rows) {
  rows$treated <- 1 - rows$untreated
  terms <- c(if (nlevels(rows$site) > 1) "site", COVARIATES)
  fit <- glm(reformulate(terms, "treated"), data = rows, family = binomial,
             control = glm.control(epsilon = 1e-14, maxit = 100))
  stopifnot(fit$converged, fitted(fit) > 1e-6, fitted(fit) < 1 - 1e-6)
  list(coefficients = as.list(coef(fit)), fitted = unname(fitted(fit)))
}

# Weighted Poisson, clustered by woman, the weights taken as known; effective sample size and the largest weight.
weighted_ratio <- function(rows, weight) {
  rows$weight <- weight
  fit <- glm(y ~ untreated + offset(log(years)), data = rows, family = poisson, weights = weight,
             control = glm.control(epsilon = 1e-14, maxit = 100))
  effective <- tapply(weight, rows$arm, function(w) sum(w)^2 / sum(w^2))
  rate <- tapply(weight * rows$y, rows$arm, sum) / tapply(weight * rows$years, rows$arm, sum)
  c(wald(coef(fit)[["untreated"]], sqrt(poisson_clustered(fit, rows$woman)["untreated", "untreated"])),
    list(rate_treated = rate[["treated"]], rate_untreated = rate[["untreated"]],
         effective_sample_size = as.list(effective), effective_sample_size_all = sum(weight)^2 / sum(weight^2),
         largest_weight = max(weight), largest_share = max(weight / ave(weight, rows$arm, FUN = sum))))
}

# Treated less untreated over the unweighted SD of the arms, sqrt((s1^2 + s2^2) / 2); a category is a 0/1 variable.
smd_of <- function(value, treated, weights, binary) {
  variance <- if (binary) function(v) mean(v) * (1 - mean(v)) else var
  pooled <- sqrt((variance(value[treated]) + variance(value[!treated])) / 2)
  lapply(weights, function(w) {
    difference <- (weighted.mean(value[treated], w[treated]) - weighted.mean(value[!treated], w[!treated])) / pooled
    if (abs(difference) < 1e-12) 0 else difference
  })
}

balance <- function(rows, weights) {
  treated <- rows$untreated == 0
  continuous <- lapply(setdiff(COVARIATES, "dmt_before"), function(name) {
    c(list(covariate = name, level = ""), smd_of(rows[[name]], treated, weights, FALSE))
  })
  categories <- function(name) lapply(levels(rows[[name]]), function(level) {
    c(list(covariate = name, level = level), smd_of(as.numeric(rows[[name]] == level), treated, weights, TRUE))
  })
  c(continuous, categories("dmt_before"), if (nlevels(rows$site) > 1) categories("site"))
}

weighting <- function(rows) {
  rows <- weighting_rows(rows)
  if (!nrow(rows) || length(unique(rows$edss_before)) == 1) return(NULL)
  chance <- propensity(rows)
  e <- chance$fitted
  untreated <- rows$untreated == 1
  weights <- list(smd_unweighted = rep(1, nrow(rows)), smd_iptw = ifelse(untreated, 1 / (1 - e), 1 / e),
                  smd_overlap = ifelse(untreated, e, 1 - e))
  list(pregnancies = nrow(rows), women = length(unique(rows$woman)), relapses = sum(rows$y),
       propensity = list(coefficients = chance$coefficients, lowest = min(e), highest = max(e)),
       unweighted = weighted_ratio(rows, weights$smd_unweighted), iptw = weighted_ratio(rows, weights$smd_iptw),
       overlap = weighted_ratio(rows, weights$smd_overlap), balance = balance(rows, weights))
}
