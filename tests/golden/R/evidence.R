# Published studies: measures, pools and their zero-cell policies. Treated over control (risk difference: less control).
# Mantel-Haenszel and Peto are written out here and held against metafor; the inverse-variance family is metafor's.

MEASURES <- c("OR", "RR", "RD", "IRR")
RANDOM <- c(dersimonian_laird = "DL", paule_mandel = "PM", reml = "REML")
COUNTS <- c("treated_events", "treated_n", "control_events", "control_n")
RATES <- c("treated_events", "treated_person_years", "control_events", "control_person_years")
EXACT_UP_TO <- 5000
EGGER_FROM <- 10
ROW <- c("analysis", "measure", "method", "interval", "zero_cells", "studies", "estimate", "lower", "upper", "p_value", "q",
         "q_df", "q_p_value", "i2", "tau2", "tau2_lower", "tau2_upper", "prediction_lower", "prediction_upper", "egger_t",
         "egger_df", "egger_p_value")
CONTROL <- list(threshold = 1e-13, maxiter = 10000, tol = .Machine$double.eps)

read_studies <- function(file) {
  studies <- read.csv(file, colClasses = "character", na.strings = "")
  numbers <- c("year", COUNTS, "treated_person_years", "control_person_years", "ratio", "ratio_lower", "ratio_upper")
  studies[numbers] <- lapply(studies[numbers], as.numeric)
  repeated <- studies$study %in% studies$study[duplicated(studies$study)]
  studies$label <- ifelse(repeated, paste(studies$study, studies$year), studies$study)
  studies
}

in_main <- function(studies) {
  single <- studies[c("treated_n", "control_n")] == 1
  left_out <- if (is.null(studies$exclude)) FALSE else !is.na(studies$exclude)
  studies$control_type %in% c("randomized", "concurrent") & !left_out & rowSums(single, na.rm = TRUE) == 0
}

# --- a study's own numbers ----------------------------------------------------------------------------------------------

# Cells a, b, c, d (IRR: events a and c, person-years b and d) of the rows that take part with counts. A `silent` one has no
# event, or nothing but events, in both arms: it is dropped (as with metafor's drop00), but stays in the pool of MH RD.
take_part <- function(studies, measure) {
  rate <- measure == "IRR"
  columns <- if (rate) RATES else COUNTS
  counted <- complete.cases(studies[columns])
  ratio <- !counted & !is.na(studies$ratio_measure) & studies$ratio_measure == measure &
    complete.cases(studies[c("ratio", "ratio_lower", "ratio_upper")])
  d <- setNames(studies[columns], c("a", "n1", "c", "n2"))
  d <- data.frame(label = studies$label, counted, ratio, a = d$a, b = if (rate) d$n1 else d$n1 - d$a, c = d$c,
                  d = if (rate) d$n2 else d$n2 - d$c)
  d$zero <- counted & (d$a == 0 | d$c == 0 | (!rate & (d$b == 0 | d$d == 0)))
  d$silent <- counted & ((d$a == 0 & d$c == 0) | (!rate & d$b == 0 & d$d == 0))
  d$dropped <- d$silent & measure != "RD"
  d$yi <- log(studies$ratio)
  d$vi <- ((log(studies$ratio_upper) - log(studies$ratio_lower)) / (2 * qnorm(0.975)))^2
  d[counted | ratio, ]
}

with_half <- function(d, measure) {
  cells <- if (measure == "IRR") c("a", "c") else c("a", "b", "c", "d")
  d[d$zero, cells] <- d[d$zero, cells] + 0.5
  d
}

# Estimates (log for ratios) and variances of the cells as they stand; a row with only a ratio keeps its own.
own_estimates <- function(d, measure) {
  n1 <- d$a + d$b
  n2 <- d$c + d$d
  yi <- switch(measure, OR = log(d$a * d$d / (d$b * d$c)), RR = log(d$a / n1) - log(d$c / n2), RD = d$a / n1 - d$c / n2,
               IRR = log(d$a / d$b) - log(d$c / d$d))
  vi <- switch(measure, OR = 1 / d$a + 1 / d$b + 1 / d$c + 1 / d$d, RR = 1 / d$a - 1 / n1 + 1 / d$c - 1 / n2,
               RD = d$a * d$b / n1^3 + d$c * d$d / n2^3, IRR = 1 / d$a + 1 / d$c)
  d$yi[d$counted] <- yi[d$counted]
  d$vi[d$counted] <- vi[d$counted]
  d$yi[d$silent] <- d$vi[d$silent] <- NA
  d
}

usable <- function(d) is.finite(d$yi) & is.finite(d$vi) & d$vi > 0

study_rows <- function(studies, measure) {
  d <- take_part(studies, measure)
  if (nrow(d) == 0) return(list())
  d <- own_estimates(if (measure == "RD") d else with_half(d, measure), measure)
  raw <- take_part(studies, measure)
  back <- if (measure == "RD") identity else exp
  lapply(seq_len(nrow(d)), function(i) {
    row <- studies[match(d$label[i], studies$label), ]
    limits <- d$yi[i] + c(0, -1, 1) * qnorm(0.975) * sqrt(d$vi[i])
    values <- if (d$ratio[i]) unlist(row[c("ratio", "ratio_lower", "ratio_upper")]) else back(limits)
    if (d$silent[i] || !(d$vi[i] > 0)) values <- rep(NA, 3)
    exact <- c(NA, NA, NA)
    if (measure == "OR" && d$counted[i] && !d$dropped[i] && sum(raw[i, c("a", "b", "c", "d")]) <= EXACT_UP_TO)
      exact <- exact_conditional(raw[i, ])
    list(study = row$study, year = row$year, label = row$label, measure = measure, estimate = values[[1]], lower = values[[2]],
         upper = values[[3]], exact_lower = finite(exact[2]), exact_upper = finite(exact[3]), zero_cell = d$zero[i],
         dropped = d$dropped[i], main = in_main(row))
  })
}

# --- pools ----------------------------------------------------------------------------------------------------------------

finite <- function(x) if (is.finite(x)) x else NA

# Q about an estimate over the usable of `own`, with its degrees of freedom; one study or none leaves 0, 0 and p = 1.
heterogeneity <- function(estimate, own) {
  own <- own[usable(own), ]
  if (is.na(estimate)) return(list(q = NA, q_df = NA))
  if (nrow(own) < 2) return(list(q = 0, q_df = 0))
  list(q = sum((own$yi - estimate)^2 / own$vi), q_df = nrow(own) - 1)
}

finish <- function(row, measure, estimate, se, q, df = Inf) {
  back <- if (measure == "RD") identity else exp
  reach <- qt(0.975, df) * se
  row$estimate <- back(estimate)
  row$lower <- back(estimate - reach)
  row$upper <- back(estimate + reach)
  row$p_value <- 2 * pt(-abs(estimate / se), df)
  row$q <- q$q
  row$q_df <- q$q_df
  row$q_p_value <- if (is.na(q$q)) NA else if (q$q_df == 0) 1 else pchisq(q$q, q$q_df, lower.tail = FALSE)
  row$i2 <- if (is.na(q$q)) NA else if (q$q > 0) max(0, (q$q - q$q_df) / q$q) * 100 else 0
  row
}

mantel_haenszel <- function(d, measure) {
  n1 <- d$a + d$b
  n2 <- d$c + d$d
  n <- n1 + n2
  if (measure == "RD") {
    weight <- sum(n1 * n2 / n)
    estimate <- sum((d$a * n2 - d$c * n1) / n) / weight
    p <- sum((n1^2 * d$c - n2^2 * d$a + n1 * n2 * (n2 - n1) / 2) / n^2)
    v <- (estimate * p + sum((d$a * d$d + d$c * d$b) / n) / 2) / weight^2
    return(c(if (v > 0) c(estimate, sqrt(v)) else c(NA, NA)))
  }
  if (measure == "IRR") {
    n <- d$b + d$d
    r <- d$a * d$d / n
    s <- d$c * d$b / n
    v <- sum((d$a + d$c) * d$b * d$d / n^2) / (sum(r) * sum(s))
  } else if (measure == "RR") {
    r <- d$a * n2 / n
    s <- d$c * n1 / n
    v <- sum((n1 * n2 * (d$a + d$c) - d$a * d$c * n) / n^2) / (sum(r) * sum(s))
  } else {
    r <- d$a * d$d / n
    s <- d$b * d$c / n
    p <- (d$a + d$d) / n
    v <- (sum(p * r) / sum(r)^2 + sum(p * s + (1 - p) * r) / (sum(r) * sum(s)) + sum((1 - p) * s) / sum(s)^2) / 2
  }
  if (sum(r) == 0 || sum(s) == 0) c(NA, NA) else c(log(sum(r) / sum(s)), sqrt(v))
}

# metafor counts a study with a variance of 0 (a risk difference of two arms without events) into Q: not compared then.
held_to_metafor <- function(pool, own, fit, measure, policy) {
  if (anyNA(fit)) return(invisible())
  add <- switch(policy, half = c(0.5, 0), half_in_pool = c(0.5, 0.5), c(0, 0))
  to <- ifelse(add > 0, "only0", "none")
  rate <- measure == "IRR"
  theirs <- suppressWarnings(
    if (rate) metafor::rma.mh(x1i = a, t1i = b, x2i = c, t2i = d, data = pool, measure = "IRR", add = add, to = to,
                              drop00 = TRUE)
    else metafor::rma.mh(a, b, c, d, data = pool, measure = measure, add = add, to = to, drop00 = TRUE))
  stopifnot(all.equal(c(theirs$beta[[1]], theirs$se), fit, tolerance = 1e-10))
  if (!any(own$vi == 0, na.rm = TRUE)) stopifnot(all.equal(theirs$QE, heterogeneity(fit[1], own)$q, tolerance = 1e-10))
}

mantel_haenszel_row <- function(row, d, measure) {
  policy <- row$zero_cells
  own <- own_estimates(if (policy %in% c("half", "half_in_pool")) with_half(d, measure) else d, measure)
  fit <- mantel_haenszel(if (policy == "half_in_pool") with_half(d, measure) else d, measure)
  held_to_metafor(d, own, fit, measure, policy)
  finish(row, measure, fit[1], fit[2], heterogeneity(fit[1], own))
}

peto_row <- function(row, d) {
  n <- d$a + d$b + d$c + d$d
  n1 <- d$a + d$b
  events <- d$a + d$c
  v <- events * (n - events) * n1 * (n - n1) / (n^2 * (n - 1))
  own <- data.frame(yi = (d$a - n1 * events / n) / v, vi = 1 / v)
  fit <- c(sum(own$yi * v) / sum(v), 1 / sqrt(sum(v)))
  theirs <- suppressWarnings(metafor::rma.peto(ai = a, bi = b, ci = c, di = d, data = d, add = c(0, 0), to = c("none", "none")))
  stopifnot(all.equal(c(theirs$beta[[1]], theirs$se), fit, tolerance = 1e-10),
            all.equal(theirs$QE, heterogeneity(fit[1], own)$q, tolerance = 1e-10))
  finish(row, "OR", fit[1], fit[2], heterogeneity(fit[1], own))
}

# Limits of tau2 by the Q-profile, to the last digit and without metafor's upper bound of 100 (or 10 tau2).
q_profile <- function(own) {
  q <- function(tau2) {
    w <- 1 / (own$vi + tau2)
    sum(w * (own$yi - sum(w * own$yi) / sum(w))^2)
  }
  at <- function(level) {
    goal <- qchisq(level, nrow(own) - 1)
    if (q(0) <= goal) return(0)
    uniroot(function(x) log(q(x) / goal), c(0, 1), extendInt = "downX", tol = 1e-14, maxiter = 10000)$root
  }
  c(at(0.975), at(0.025))
}

# Restricted log-likelihood but for constants.
restricted <- function(tau2, own) {
  w <- 1 / (own$vi + tau2)
  -(sum(log(own$vi + tau2)) + log(sum(w)) + sum(w * (own$yi - sum(w * own$yi) / sum(w))^2)) / 2
}

# No larger restricted likelihood anywhere (REML), Q equal to its expectation (Paule-Mandel), or tau2 on its boundary.
held_to_definition <- function(own, fit) {
  if (fit$method == "REML") {
    grid <- c(0, 10^seq(-7, 3, by = 0.05))
    heights <- sapply(grid, restricted, own = own)
    stopifnot(restricted(fit$tau2, own) >= max(heights) - 1e-12,
              abs(grid[which.max(heights)] - fit$tau2) <= 0.13 * fit$tau2)
  }
  w <- 1 / (own$vi + fit$tau2)
  q <- sum(w * (own$yi - sum(w * own$yi) / sum(w))^2)
  if (fit$method == "PM") stopifnot(if (fit$tau2 > 0) abs(q - nrow(own) + 1) < 1e-9 else q <= nrow(own) - 1 + 1e-9)
}

random_row <- function(row, own, measure) {
  if (nrow(own) < 2) return(row)
  adhoc <- row$interval == "hartung_knapp"
  random <- function(...) suppressWarnings(
    metafor::rma(yi, vi, data = own, method = RANDOM[[row$method]], test = if (adhoc) "adhoc" else "z", control = CONTROL, ...))
  estimated <- random()
  # Fisher scoring halves its way towards 0 and stops short of it.
  fit <- if (estimated$tau2 < 1e-12) random(tau2 = 0) else estimated
  held_to_definition(own, fit)
  df <- if (adhoc) nrow(own) - 1 else Inf
  row <- finish(row, measure, fit$beta[[1]], fit$se, list(q = fit$QE, q_df = nrow(own) - 1), df)
  back <- if (measure == "RD") identity else exp
  profile <- q_profile(own)
  theirs <- suppressWarnings(confint(estimated)$random["tau^2", c("ci.lb", "ci.ub")])
  if (profile[2] < 99) stopifnot(all.equal(unname(theirs), profile, tolerance = 1e-3, scale = max(profile, 1)))
  reach <- qt(0.975, df) * sqrt(fit$se^2 + fit$tau2)
  limits <- fit$beta[[1]] + c(-1, 1) * reach
  predicted <- predict(fit)
  stopifnot(all.equal(c(predicted$pi.lb, predicted$pi.ub), limits, tolerance = 1e-10))
  row[c("tau2", "tau2_lower", "tau2_upper")] <- c(fit$tau2, profile)
  row[c("prediction_lower", "prediction_upper")] <- back(limits)
  row
}

fixed_row <- function(row, own, measure) {
  fit <- metafor::rma(yi, vi, data = own, method = "FE")
  q <- if (nrow(own) < 2) list(q = 0, q_df = 0) else list(q = fit$QE, q_df = nrow(own) - 1)
  row <- finish(row, measure, fit$beta[[1]], fit$se, q)
  if (nrow(own) >= EGGER_FROM) {
    egger <- metafor::regtest(fit, model = "lm", predictor = "sei")
    row[c("egger_t", "egger_df", "egger_p_value")] <- c(egger$zval, egger$dfs, egger$pval)
  }
  row
}

exact_row <- function(row, d) {
  answer <- exact_conditional(d)
  row[c("estimate", "lower", "upper", "p_value")] <- sapply(answer, finite)
  row
}

# --- every row of a pool ------------------------------------------------------------------------------------------------

policies <- function(d, measure, method) {
  if (!any(d$zero)) return("none")
  if (method == "mantel_haenszel") return(c("none", "half", "half_in_pool", "excluded"))
  if (method == "peto") return(c("none", "excluded"))
  if (method == "exact_conditional") return("none")
  c(if (measure == "RD" && all(own_estimates(d, measure)$vi > 0, na.rm = TRUE)) "none", "half", "excluded")
}

# `counted` holds the silent studies too: whoever adds halves in the pool adds them to these as well, as metafor does.
pool_row <- function(d, counted, analysis, measure, method, interval, policy) {
  if (policy == "half_in_pool") d <- counted
  if (policy == "excluded") d <- d[!d$zero, ]
  if (method %in% c("inverse_variance", names(RANDOM))) d <- d[!d$silent, ]
  if (nrow(d) == 0) return(NULL)
  row <- as.list(setNames(rep(NA, length(ROW)), ROW))
  row[c("analysis", "measure", "method", "interval", "zero_cells")] <- c(analysis, measure, method, interval, policy)
  row$studies <- nrow(d)
  if (method == "mantel_haenszel") return(mantel_haenszel_row(row, d, measure))
  if (method == "peto") return(peto_row(row, d))
  if (method == "exact_conditional") return(exact_row(row, d))
  own <- own_estimates(if (policy == "half") with_half(d, measure) else d, measure)
  if (method == "inverse_variance") fixed_row(row, own, measure) else random_row(row, own, measure)
}

pool_rows <- function(studies, analysis, measure) {
  d <- take_part(studies, measure)
  every <- d[d$counted, ]
  d <- d[!d$dropped, ]
  counted <- d[d$counted, ]
  exact <- measure == "OR" && sum(counted[c("a", "b", "c", "d")]) <= EXACT_UP_TO
  methods <- c("mantel_haenszel", if (measure == "OR") "peto", "inverse_variance", names(RANDOM),
               if (exact) "exact_conditional")
  rows <- lapply(methods, function(method) {
    mine <- if (method %in% c("mantel_haenszel", "peto", "exact_conditional")) counted else d
    intervals <- if (method %in% names(RANDOM)) c("wald", "hartung_knapp") else "wald"
    if (method == "exact_conditional") intervals <- "exact"
    grid <- expand.grid(interval = intervals, policy = policies(mine, measure, method), stringsAsFactors = FALSE)
    Map(function(interval, policy) pool_row(mine, every, analysis, measure, method, interval, policy), grid$interval, grid$policy)
  })
  Filter(Negate(is.null), unname(do.call(c, rows)))
}

analyses <- function(studies) {
  main <- studies[in_main(studies), ]
  by_year <- main[order(main$year), ]
  left <- setNames(lapply(seq_len(nrow(main)), function(i) main[-i, ]), paste0("leave_out:", main$label))
  grown <- setNames(lapply(seq_len(nrow(main)), function(i) by_year[seq_len(i), ]), paste0("cumulative:", by_year$label))
  c(list(all = studies, main = main), left, grown)
}

sheet_answers <- function(file) {
  studies <- read_studies(file)
  sets <- analyses(studies)
  pooled <- lapply(names(sets), function(name) lapply(MEASURES, function(m) pool_rows(sets[[name]], name, m)))
  list(studies = do.call(c, lapply(MEASURES, function(m) study_rows(studies, m))), pooled = do.call(c, do.call(c, pooled)))
}
