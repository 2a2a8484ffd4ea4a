# Sites: their rates, how far sites of one policy differ, and one model with a random site.

site_sums <- function(rows) {
  sums <- aggregate(cbind(relapses = y, person_years = years) ~ site + policy, data = rows, FUN = sum)
  sums$site <- as.character(sums$site)
  sums[order(sums$site), ]
}

site_rows <- function(rows) {
  sums <- site_sums(rows)
  lapply(seq_len(nrow(sums)), function(i) {
    x <- sums$relapses[i]
    years <- sums$person_years[i]
    own <- rows[rows$site == sums$site[i], ]
    list(site = sums$site[i], policy = sums$policy[i], pregnancies = nrow(own), women = length(unique(own$woman)),
         relapses = x, person_years = years, rate = x / years, lower = if (x > 0) qgamma(0.025, x) / years else 0,
         upper = qgamma(0.975, x + 1) / years)
  })
}

# Random effects on log rates by REML; metafor adds 1/2 to a site without a relapse.
pooled_rate <- function(sums) {
  fit <- metafor::rma(measure = "IRLN", xi = relapses, ti = person_years, data = sums, method = "REML",
                      control = list(threshold = 1e-13, maxiter = 10000))
  mu <- fit$beta[[1]]
  reach <- Z * sqrt(fit$tau2 + fit$se^2)
  list(policy = sums$policy[1], sites = nrow(sums), relapses = sum(sums$relapses), person_years = sum(sums$person_years),
       zero_sites = sum(sums$relapses == 0), log_rate = mu, se = fit$se, rate = exp(mu), lower = exp(mu - Z * fit$se),
       upper = exp(mu + Z * fit$se), tau2 = fit$tau2, q = fit$QE, q_df = nrow(sums) - 1, q_p_value = fit$QEp,
       i2 = max(0, (fit$QE - nrow(sums) + 1) / fit$QE) * 100, i2_of_metafor = fit$I2,
       prediction_lower = exp(mu - reach), prediction_upper = exp(mu + reach))
}

pooled_rates <- function(rows) {
  groups <- split(site_sums(rows), site_sums(rows)$policy)
  unname(lapply(groups[sapply(groups, nrow) > 1], pooled_rate))
}

# Log-likelihood over (intercept, log ratio, log sigma) by adaptive Gauss-Hermite quadrature about each site's mode.
mixed_loglik <- function(par, d, nodes) {
  sigma <- exp(par[3])
  eta <- as.vector(d$x %*% par[1:2] + d$offset)
  sum(sapply(split(seq_along(eta), d$rows$site, drop = TRUE), function(i) {
    y <- sum(d$y[i])
    expected <- sum(exp(eta[i]))
    u <- 0
    for (step in 1:200) {
      move <- (y * sigma - sigma * expected * exp(sigma * u) - u) / (sigma^2 * expected * exp(sigma * u) + 1)
      u <- u + max(-1, min(1, move))
      if (abs(move) < 1e-14) break
    }
    spread <- 1 / sqrt(sigma^2 * expected * exp(sigma * u) + 1)
    at <- u + spread * nodes[, "z"]
    inside <- y * sigma * at - expected * exp(sigma * at) + dnorm(at, log = TRUE) - nodes[, "ldnorm"]
    sum(d$y[i] * eta[i] - lfactorial(d$y[i])) + log(spread) + log(sum(nodes[, "w"] * exp(inside - max(inside)))) + max(inside)
  }))
}

# Poisson with a normal site intercept: own quadrature (25 points), and lme4 and glmmTMB to hold it against.
mixed_poisson <- function(rows) {
  d <- design(complete(rows, "untreated"), "untreated")
  if (length(unique(d$rows$site)) < 5) return(NULL)
  nodes <- lme4::GHrule(25)
  of <- function(par) mixed_loglik(par, d, nodes)
  par <- optim(c(coef(poisson_fit(d)), -1), of, method = "BFGS", control = list(fnscale = -1, reltol = 1e-15))$par
  for (step in 1:5) par <- par - solve(numDeriv::hessian(of, par), numDeriv::grad(of, par))
  stopifnot(max(abs(numDeriv::grad(of, par))) < 1e-6)
  covariance <- solve(-numDeriv::hessian(of, par))
  formula <- y ~ untreated + offset(log(years)) + (1 | site)
  lme <- lme4::glmer(formula, data = d$rows, family = poisson, nAGQ = 25,
                     control = lme4::glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9)))
  tmb <- glmmTMB::glmmTMB(formula, data = d$rows, family = poisson)
  stopifnot(abs(lme4::fixef(lme)[[2]] - par[[2]]) < 1e-4, abs(glmmTMB::fixef(tmb)$cond[[2]] - par[[2]]) < 1e-2)
  c(size_of(d), list(sites = length(unique(d$rows$site)), loglik = of(par)),
    list(quadrature = c(wald(par[[2]], sqrt(covariance[2, 2])), list(sigma = exp(par[[3]]), intercept = par[[1]],
                                                                    se_log_sigma = sqrt(covariance[3, 3]))),
         glmer = c(wald(lme4::fixef(lme)[[2]], sqrt(vcov(lme)[2, 2])),
                   list(sigma = attr(lme4::VarCorr(lme)$site, "stddev")[[1]])),
         glmmTMB_laplace = c(wald(glmmTMB::fixef(tmb)$cond[[2]], sqrt(vcov(tmb)$cond[2, 2])),
                             list(sigma = attr(glmmTMB::VarCorr(tmb)$cond$site, "stddev")[[1]]))))
}

# Welch's t of the sites' rates, none against all, over every way to deal out the policies.
welch <- function(value, group) {
  means <- tapply(value, group, mean)
  (means[["none"]] - means[["all"]]) / sqrt(sum(tapply(value, group, var) / table(group)))
}

permuted <- function(value, group) {
  deals <- combn(length(value), sum(group == "none"))
  t <- apply(deals, 2, function(none) welch(value, ifelse(seq_along(value) %in% none, "none", "all")))
  test <- t.test(value[group == "none"], value[group == "all"])
  own <- welch(value, group)
  stopifnot(abs(own - test$statistic) < 1e-10)
  list(difference = unname(test$estimate[1] - test$estimate[2]), t = own, df = unname(test$parameter), t_p_value = test$p.value,
       permutations = ncol(deals), permutation_p = mean(abs(t) >= abs(own) - 1e-9),
       smallest_p = (if (2 * sum(group == "none") == length(value)) 2 else 1) / ncol(deals))
}

site_level <- function(rows) {
  sums <- site_sums(rows)
  sums <- sums[sums$policy != "individual", ]
  if (nrow(sums) < 4 || min(table(sums$policy)) < 2 || length(unique(sums$policy)) < 2) return(NULL)
  half <- ifelse(sums$relapses == 0, 0.5, 0)
  list(sites = as.list(table(sums$policy)), rates = permuted(sums$relapses / sums$person_years, sums$policy),
       log_rates = permuted(log((sums$relapses + half) / sums$person_years), sums$policy))
}

sites <- function(rows) {
  list(rates = site_rows(rows), pooled = pooled_rates(rows), mixed_poisson = mixed_poisson(rows), site_level = site_level(rows))
}
