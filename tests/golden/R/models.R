# Count models of relapses with an offset of log person-years. A fit is a list with design `x`, response `y`,
# cluster `woman`, estimate `beta` and so on. Rows are sorted by woman (geepack needs it).

Z <- qnorm(0.975)

design <- function(rows, terms) {
  formula <- reformulate(c("1", terms))
  rows <- droplevels(rows)
  frame <- model.frame(formula, rows, na.action = na.fail)
  list(x = model.matrix(formula, frame), y = rows$y, offset = log(rows$years), woman = rows$woman, formula = formula,
       rows = rows)
}

poisson_fit <- function(d) {
  glm(update(d$formula, y ~ . + offset(log(years))), data = d$rows, family = poisson,
      control = glm.control(epsilon = 1e-14, maxit = 100))
}

boundary <- function(d) {
  mu <- fitted(poisson_fit(d))
  sum((d$y - mu)^2 - d$y) / 2
}

# NB2 log-likelihood, score per row and Hessian over (beta, log alpha).
nb_parts <- function(par, d) {
  p <- ncol(d$x)
  a <- exp(par[p + 1])
  y <- d$y
  mu <- as.vector(exp(d$x %*% par[1:p] + d$offset))
  m <- 1 + a * mu
  j <- seq_len(max(y)) - 1
  s1 <- c(0, cumsum(j / (1 + a * j)))[y + 1]
  s2 <- c(0, cumsum((j / (1 + a * j))^2))[y + 1]
  l_a <- s1 + log1p(a * mu) / a^2 - (y + 1 / a) * mu / m
  l_aa <- -s2 - 2 * log1p(a * mu) / a^3 + 2 * mu / (a^2 * m) + (y + 1 / a) * mu^2 / m^2
  l_eta <- (y - mu) / m
  w <- mu * (1 + a * y) / m^2
  cross <- -a * (y - mu) * mu / m^2
  hessian <- rbind(cbind(-crossprod(d$x, w * d$x), crossprod(d$x, cross)),
                   c(crossprod(d$x, cross), sum(a^2 * l_aa + a * l_a)))
  list(loglik = sum(dnbinom(y, size = 1 / a, mu = mu, log = TRUE)), score = cbind(l_eta * d$x, a * l_a),
       hessian = hessian)
}

# Newton over (beta, log alpha) to the last digits; NULL where alpha = 0.
nb_fit <- function(d) {
  if (boundary(d) <= 0) return(NULL)
  start <- poisson_fit(d)
  mu <- fitted(start)
  par <- c(coef(start), log(max(0.05, sum((d$y - mu)^2 - d$y) / sum(mu^2))))
  for (step in 1:200) {
    now <- nb_parts(par, d)
    information <- -now$hessian
    low <- min(eigen(information, symmetric = TRUE, only.values = TRUE)$values)
    if (low <= 0) information <- information + (0.1 - low) * diag(nrow(information))
    move <- solve(information, colSums(now$score))
    for (halving in 1:60) {
      if (max(abs(move)) <= 1 && nb_parts(par + move, d)$loglik >= now$loglik - 1e-9) break
      move <- move / 2
    }
    par <- par + move
    if (max(abs(move)) < 1e-12) break
  }
  now <- nb_parts(par, d)
  stopifnot(step < 200, max(abs(colSums(now$score))) < 1e-8)
  list(par = par, loglik = now$loglik, score = now$score, bread = solve(-now$hessian), d = d)
}

# Joint sandwich by woman: x G/(G-1) x (n-1)/(n-k), k counting alpha.
nb_sandwich <- function(fit) {
  n <- length(fit$d$y)
  k <- length(fit$par)
  g <- length(unique(fit$d$woman))
  meat <- crossprod(rowsum(fit$score, fit$d$woman))
  fit$bread %*% meat %*% fit$bread * g / (g - 1) * (n - 1) / (n - k)
}

wald <- function(log_ratio, se) {
  list(rate_ratio = exp(log_ratio), log_ratio = log_ratio, se = se, lower = exp(log_ratio - Z * se),
       upper = exp(log_ratio + Z * se), p_value = 2 * pnorm(-abs(log_ratio / se)))
}

poisson_clustered <- function(fit, woman) sandwich::vcovCL(fit, cluster = woman, type = "HC1", cadjust = TRUE)

poisson_cr2 <- function(fit, woman, term) {
  v <- clubSandwich::vcovCR(fit, cluster = factor(woman), type = "CR2")
  test <- clubSandwich::coef_test(fit, vcov = v, test = "Satterthwaite")
  i <- match(term, rownames(test))
  t <- qt(0.975, test$df[i])
  list(rate_ratio = exp(test$beta[i]), log_ratio = test$beta[i], se = test$SE[i], df = test$df[i],
       lower = exp(test$beta[i] - t * test$SE[i]), upper = exp(test$beta[i] + t * test$SE[i]),
       p_value = 2 * pt(-abs(test$beta[i] / test$SE[i]), test$df[i]))
}

# Exchangeable working correlation; with one pregnancy a woman there is none to estimate.
gee <- function(d, term) {
  rows <- d$rows
  rows$cluster <- as.integer(factor(rows$woman, levels = unique(rows$woman)))
  single <- max(table(rows$cluster)) == 1
  fit <- geepack::geeglm(update(d$formula, y ~ . + offset(log(years))), id = cluster, data = rows, family = poisson,
                         corstr = if (single) "independence" else "exchangeable",
                         control = geepack::geese.control(epsilon = 1e-13, maxit = 500))
  se <- sqrt(diag(fit$geese$vbeta))[match(term, names(coef(fit)))]
  c(wald(coef(fit)[[term]], se), list(correlation = if (single) NA else unname(fit$geese$alpha),
                                      scale = unname(fit$geese$gamma)))
}

exact <- function(rows) {
  x <- tapply(rows$y, factor(rows$arm, c("untreated", "treated")), sum)
  years <- tapply(rows$years, factor(rows$arm, c("untreated", "treated")), sum)
  test <- poisson.test(as.vector(x), as.vector(years))
  share <- function(ratio) ratio * years[[1]] / (ratio * years[[1]] + years[[2]])
  n <- sum(x)
  below <- function(ratio, own) pbinom(x[[1]] - 1, n, share(ratio)) + own * dbinom(x[[1]], n, share(ratio))
  mid <- function(target) exp(uniroot(function(l) below(exp(l), 0.5) - target, c(-12, 12), tol = 1e-14)$root)
  central <- min(1, 2 * min(below(1, 1), 1 - below(1, 0)))
  list(exact = list(rate_ratio = unname(test$estimate), log_ratio = log(unname(test$estimate)),
                    lower = test$conf.int[1], upper = test$conf.int[2], p_value = central),
       exact_mid_p = list(rate_ratio = unname(test$estimate), log_ratio = log(unname(test$estimate)),
                          lower = mid(0.975), upper = mid(0.025),
                          p_value = min(1, 2 * min(below(1, 0.5), 1 - below(1, 0.5)))))
}

firth <- function(d, term) {
  fit <- glm(update(d$formula, y ~ . + offset(log(years))), data = d$rows, family = poisson,
             method = brglm2::brglmFit, type = "AS_mean", epsilon = 1e-13, maxit = 1000)
  wald(coef(fit)[[term]], sqrt(diag(vcov(fit)))[[term]])
}

# Delete one woman at a time; centred on the full estimate, times (G-1)/G.
jackknife <- function(d, terms, estimate) {
  full <- estimate(d)
  women <- unique(d$woman)
  without <- sapply(women, function(w) estimate(design(d$rows[d$rows$woman != w, ], terms)))
  wald(full, sqrt((length(women) - 1) / length(women) * sum((without - full)^2)))
}
