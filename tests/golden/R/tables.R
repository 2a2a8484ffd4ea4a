# The tables of a study: rates, ratios, dispersion, predictors.

rate_row <- function(rows) {
  x <- sum(rows$relapses)
  years <- sum(rows$person_years)
  women <- length(unique(rows$woman))
  robust <- c(NA, NA)
  if (x > 0 && women > 1) {
    fit <- glm(relapses ~ 1 + offset(log(person_years)), data = rows, family = poisson,
               control = glm.control(epsilon = 1e-14, maxit = 100))
    se <- sqrt(poisson_clustered(fit, rows$woman)[1, 1])
    robust <- exp(coef(fit)[[1]] + c(-1, 1) * Z * se)
  }
  data.frame(pregnancies = nrow(rows), women = women, relapses = x, person_years = years, rate = x / years,
             lower = if (x > 0) qgamma(0.025, x) / years else 0, upper = qgamma(0.975, x + 1) / years,
             robust_lower = robust[1], robust_upper = robust[2])
}

relapse_rates <- function(long) {
  groups <- c(list(list("arm", "treated", "", long$arm == "treated"),
                   list("arm", "untreated", "", long$arm == "untreated"), list("arm", "all", "", TRUE)),
              lapply(sort(unique(long$site)), function(site) list("site", "all", site, long$site == site)))
  do.call(rbind, lapply(groups, function(g) do.call(rbind, lapply(PERIODS, function(period) {
    rows <- long[g[[4]] & long$period == period, ]
    if (nrow(rows)) cbind(data.frame(group = g[[1]], arm = g[[2]], site = g[[3]], period = period), rate_row(rows))
  }))))
}

complete <- function(rows, terms) {
  used <- rows[complete.cases(rows[, c("y", "years", terms), drop = FALSE]), ]
  droplevels(used[order(used$woman, used$key), ])
}

size_of <- function(d) {
  list(pregnancies = length(d$y), women = length(unique(d$woman)), relapses = sum(d$y))
}

# Untreated over treated in the postpartum year with every model that stands beside the primary.
contrast <- function(rows, other_terms = character(), unadjusted = !length(other_terms),
                     delete_one = unadjusted || identical(other_terms, "site")) {
  terms <- c("untreated", other_terms)
  rows <- complete(rows, terms)
  d <- design(rows, terms)
  at <- match("untreated", colnames(d$x))
  pois <- poisson_fit(d)
  out <- c(size_of(d), list(terms = I(terms), boundary_criterion = boundary(d)))
  models <- list(poisson_model = wald(coef(pois)[[at]], sqrt(vcov(pois)[at, at])),
                 poisson_cluster_robust = wald(coef(pois)[[at]], sqrt(poisson_clustered(pois, d$woman)[at, at])),
                 poisson_cluster_robust_cr2 = poisson_cr2(pois, d$woman, "untreated"),
                 gee_poisson = gee(d, "untreated"), firth_poisson = firth(d, "untreated"))
  if (unadjusted) models <- c(models, exact(rows))
  nb <- nb_fit(d)
  out$alpha <- if (is.null(nb)) 0 else exp(nb$par[[length(nb$par)]])
  out$loglik_poisson <- as.numeric(logLik(pois))
  if (!is.null(nb)) models <- c(models, nb_models(nb, d, at, out))
  if (delete_one) models <- c(models, jackknives(d, terms, at))
  out$models <- models
  out$primary <- if (is.null(nb)) list(model = "poisson", covariance = "cluster_robust_cr2", status = "fallback",
                                       from = "poisson_cluster_robust_cr2")
                 else list(model = "negative_binomial", covariance = "cluster_robust", status = "ok",
                           from = "negative_binomial_cluster_robust")
  out$primary <- c(out$primary, models[[out$primary$from]])
  out$coefficients <- coefficient_list(pois, nb, d)
  out
}

nb_models <- function(nb, d, at, out) {
  # So tight a criterion may not be met in the last digit and then warns; the next line is the judge.
  fit <- suppressWarnings(MASS::glm.nb(update(d$formula, y ~ . + offset(log(years))), data = d$rows,
                                       control = glm.control(epsilon = 1e-12, maxit = 200)))
  stopifnot(max(abs(coef(fit) - nb$par[-length(nb$par)])) < 1e-6, abs(1 / fit$theta - out$alpha) < 1e-6)
  check <- numDeriv::hessian(function(par) nb_parts(par, d)$loglik, nb$par)
  stopifnot(max(abs(solve(-check) / nb$bread - 1)[at, at]) < 1e-4)
  k <- length(nb$par)
  list(negative_binomial_model = c(wald(nb$par[[at]], sqrt(nb$bread[at, at])), list(loglik = nb$loglik,
                                   se_log_alpha = sqrt(nb$bread[k, k]))),
       negative_binomial_cluster_robust = c(wald(nb$par[[at]], sqrt(nb_sandwich(nb)[at, at])),
                                            list(se_log_alpha = sqrt(nb_sandwich(nb)[k, k]))),
       glm_nb_fixed_theta = wald(coef(fit)[[at]], sqrt(vcov(fit)[at, at])))
}

jackknives <- function(d, terms, at) {
  nb_or_poisson <- function(d) {
    nb <- nb_fit(d)
    if (is.null(nb)) coef(poisson_fit(d))[[at]] else nb$par[[at]]
  }
  list(poisson_jackknife = jackknife(d, terms, function(d) coef(poisson_fit(d))[[at]]),
       negative_binomial_jackknife = jackknife(d, terms, nb_or_poisson))
}

coefficient_list <- function(pois, nb, d) {
  frame <- data.frame(term = colnames(d$x), poisson = unname(coef(pois)),
                      poisson_se_cluster_robust = unname(sqrt(diag(poisson_clustered(pois, d$woman)))))
  if (is.null(nb)) return(frame)
  k <- ncol(d$x)
  frame$negative_binomial <- nb$par[1:k]
  frame$negative_binomial_se_model <- sqrt(diag(nb$bread))[1:k]
  frame$negative_binomial_se_cluster_robust <- sqrt(diag(nb_sandwich(nb)))[1:k]
  frame
}

nb_zeros <- function(nb) {
  k <- ncol(nb$d$x)
  mu <- exp(nb$d$x %*% nb$par[1:k] + nb$d$offset)
  sum(dnbinom(0, size = exp(-nb$par[[k + 1]]), mu = mu))
}

dispersion <- function(rows) {
  d <- design(rows, "untreated")
  fit <- poisson_fit(d)
  pearson <- sum(residuals(fit, "pearson")^2)
  test <- AER::dispersiontest(fit, trafo = 2)
  nb <- nb_fit(d)
  lr <- if (is.null(nb)) 0 else 2 * (nb$loglik - as.numeric(logLik(fit)))
  c(size_of(d), list(
    zeros = list(observed = sum(d$y == 0), poisson = sum(dpois(0, fitted(fit))),
                 negative_binomial = if (is.null(nb)) NA else nb_zeros(nb)),
    pearson = list(statistic = pearson, df = fit$df.residual, value = pearson / fit$df.residual,
                   p_value = pchisq(pearson, fit$df.residual, lower.tail = FALSE)),
    cameron_trivedi = list(statistic = unname(test$statistic), value = unname(test$estimate), p_value = test$p.value),
    likelihood_ratio = list(statistic = lr, value = if (is.null(nb)) 0 else exp(nb$par[[3]]),
                            p_value = if (lr > 0) pchisq(lr, 1, lower.tail = FALSE) / 2 else 1)))
}

# A family of one model: a row per coefficient and one joint p per predictor. NB with the joint sandwich; where
# alpha = 0 Poisson with CR2, t on Satterthwaite degrees of freedom and HTZ for several coefficients.
predictor_rows <- function(rows, terms) {
  rows <- complete(rows, terms)
  d <- design(rows, terms)
  term_of <- c(NA, terms)[attr(d$x, "assign") + 1]
  nb <- nb_fit(d)
  pois <- poisson_fit(d)
  at <- which(!is.na(term_of))
  estimate <- if (is.null(nb)) lapply(colnames(d$x)[at], function(term) poisson_cr2(pois, d$woman, term))
              else lapply(at, function(i) wald(nb$par[[i]], sqrt(nb_sandwich(nb)[i, i])))
  joint <- sapply(terms, function(term) {
    i <- which(term_of %in% term)
    if (length(i) == 1) estimate[[match(i, at)]]$p_value else joint_p(i, nb, pois, d)
  })
  table <- do.call(rbind, lapply(seq_along(at), function(j) {
    term <- term_of[at[j]]
    row <- data.frame(predictor = term, level = sub(term, "", colnames(d$x)[at[j]], fixed = TRUE))
    cbind(row, as.data.frame(estimate[[j]]), joint_p = joint[[term]], as.data.frame(size_of(d)),
          alpha = if (is.null(nb)) 0 else exp(nb$par[[length(nb$par)]]),
          status = if (is.null(nb)) "fallback" else "ok")
  }))
  others <- which(term_of %in% setdiff(terms, "ivig"))
  list(table = table, joint = joint, others = if (length(others) > 1) joint_p(others, nb, pois, d))
}

# Joint Wald p of the coefficients at positions i: chi-square for NB, approximate Hotelling for the fallback.
joint_p <- function(i, nb, pois, d) {
  if (!is.null(nb)) {
    statistic <- drop(nb$par[i] %*% solve(nb_sandwich(nb)[i, i], nb$par[i]))
    return(pchisq(statistic, length(i), lower.tail = FALSE))
  }
  v <- clubSandwich::vcovCR(pois, cluster = factor(d$woman), type = "CR2")
  clubSandwich::Wald_test(pois, clubSandwich::constrain_zero(i), vcov = v, test = "HTZ")$p_val
}

predictors <- function(rows, terms = c(COVARIATES, "ivig")) {
  alone <- lapply(terms, function(term) predictor_rows(rows, term))
  together <- predictor_rows(rows, terms)
  list(univariable = with_holm(lapply(alone, `[[`, "table"), unlist(lapply(alone, `[[`, "joint"))),
       multivariable = with_holm(list(together$table), together$joint), joint_p_all_but_ivig = together$others)
}

with_holm <- function(tables, joint) {
  adjusted <- p.adjust(joint, "holm")
  lapply(do.call(c, lapply(tables, function(t) split(t, seq_len(nrow(t))))), function(row) {
    c(as.list(row), list(p_holm = adjusted[[row$predictor]]))
  }) |> unname()
}

# Pregnancies with 0, 1, 2 and 3 or more relapses beside what the two-arm model expects (Poisson where alpha = 0).
frequencies <- function(rows) {
  d <- design(rows, "untreated")
  nb <- nb_fit(d)
  k <- ncol(d$x)
  mu <- if (is.null(nb)) fitted(poisson_fit(d)) else as.vector(exp(d$x %*% nb$par[1:k] + d$offset))
  size <- if (is.null(nb)) Inf else exp(-nb$par[[k + 1]])
  expected <- sapply(0:2, function(y) sum(dnbinom(y, size = size, mu = mu)))
  list(observed = tabulate(pmin(d$y, 3) + 1, 4), expected = c(expected, length(mu) - sum(expected)),
       model = if (is.null(nb)) "poisson" else "negative_binomial")
}

# One restricted cubic spline term (knots at the 10th, 50th and 90th percentile) beside the linear one, alone.
nonlinearity <- function(rows) {
  continuous <- setdiff(COVARIATES, "dmt_before")
  setNames(lapply(continuous, function(name) {
    rows <- complete(rows, name)
    x <- rows[[name]]
    knots <- quantile(x, c(0.1, 0.5, 0.9), names = FALSE)
    out <- list(knots = knots, pregnancies = nrow(rows), p_value = NA)
    if (anyDuplicated(knots)) return(out)
    above <- function(knot) pmax(x - knot, 0)^3
    gap <- knots[3] - knots[2]
    rows$curved <- (above(knots[1]) - above(knots[2]) * (knots[3] - knots[1]) / gap +
                      above(knots[3]) * (knots[2] - knots[1]) / gap) / (knots[3] - knots[1])^2
    d <- design(rows, c(name, "curved"))
    nb <- nb_fit(d)
    fit <- if (is.null(nb)) poisson_cr2(poisson_fit(d), d$woman, "curved")
           else wald(nb$par[[3]], sqrt(nb_sandwich(nb)[3, 3]))
    out$p_value <- fit$p_value
    c(out, list(curvature = fit$log_ratio, se = fit$se, status = if (is.null(nb)) "fallback" else "ok"))
  }), continuous)
}
