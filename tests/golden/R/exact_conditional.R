# The common odds ratio of several tables given all their margins: estimate, exact limits and exact p.

# Distribution of the treated events given the margins at an odds ratio of 1: sums over the studies, in logs.
conditional_law <- function(d) {
  law <- list(from = 0, p = 1)
  for (i in seq_len(nrow(d))) {
    n1 <- d$a[i] + d$b[i]
    n2 <- d$c[i] + d$d[i]
    events <- d$a[i] + d$c[i]
    support <- max(0, events - n2):min(n1, events)
    own <- dhyper(support, n1, n2, events)
    joint <- numeric(length(law$p) + length(own) - 1)
    for (j in seq_along(own)) {
      at <- j - 1 + seq_along(law$p)
      joint[at] <- joint[at] + own[j] * law$p
    }
    law <- list(from = law$from + support[1], p = joint)
  }
  list(s = law$from + seq_along(law$p) - 1, log_p = log(law$p))
}

# Estimate, limits and p of the common odds ratio; the roots of mantelhaen.test and fisher.test carry four digits only.
exact_conditional <- function(d) {
  law <- conditional_law(d)
  s <- sum(d$a)
  tilted <- function(beta) {
    logs <- law$log_p + beta * law$s
    p <- exp(logs - max(logs))
    p / sum(p)
  }
  solve_for <- function(f) exp(uniroot(f, c(-1, 1), extendInt = "yes", tol = 1e-14, maxiter = 10000)$root)
  lowest <- s == min(law$s)
  highest <- s == max(law$s)
  estimate <- if (lowest) 0 else if (highest) Inf else solve_for(function(b) sum(tilted(b) * law$s) - s)
  lower <- if (lowest) 0 else solve_for(function(b) sum(tilted(b)[law$s >= s]) - 0.025)
  upper <- if (highest) Inf else solve_for(function(b) sum(tilted(b)[law$s <= s]) - 0.025)
  p <- tilted(0)
  # Twice the smaller tail, which agrees with the central limits; R's own p adds up what is no more likely.
  answer <- c(estimate, lower, upper, min(1, 2 * sum(p[law$s >= s]), 2 * sum(p[law$s <= s])))
  theirs <- r_exact(d)
  stopifnot(all.equal(theirs[4], min(1, sum(p[p <= p[law$s == s] * (1 + 1e-7)])), tolerance = 1e-8),
            all.equal(exp(-theirs[1:3]), exp(-answer[1:3]), tolerance = 2e-3))
  answer
}

r_exact <- function(d) {
  if (nrow(d) == 1) test <- fisher.test(matrix(c(d$a, d$b, d$c, d$d), 2))
  else test <- mantelhaen.test(array(t(as.matrix(d[c("a", "b", "c", "d")])), c(2, 2, nrow(d))), exact = TRUE)
  unname(c(test$estimate, test$conf.int, test$p.value))
}
