# The course through pregnancy: arm x period as cell means, so each term is a contrast of logarithms of cell rates.

BEFORE <- "pre_pregnancy_year"
WHOLE_PERIODS <- c("pregnancy", "postpartum_year")
PARTS <- c(paste0("trimester_", 1:3), paste0("postpartum_q", 1:4))

cell_of <- function(arm, period) paste(arm, period, sep = "|")

# Cells that go up and down in a term; the estimate is the sum of their log rates with these signs.
ratio_terms <- function(periods, before = BEFORE, also_before = TRUE) {
  within <- do.call(c, lapply(c("treated", "untreated"), function(arm) {
    setNames(lapply(periods, function(period) setNames(c(1, -1), c(cell_of(arm, period), cell_of(arm, before)))),
             paste0(periods, "/", before, " in ", arm))
  }))
  compared <- c(if (also_before) before, periods)
  between <- setNames(lapply(compared, function(period) {
    setNames(c(1, -1), c(cell_of("untreated", period), cell_of("treated", period)))
  }), paste0("untreated/treated in ", compared))
  c(within, between)
}

# The ratio of rate ratios, after over before, untreated over treated.
double_ratio <- function(after, before) {
  setNames(c(1, -1, -1, 1), c(cell_of("untreated", after), cell_of("untreated", before),
                              cell_of("treated", after), cell_of("treated", before)))
}

# Poisson and GEE on the cells that have a relapse; a cell without one would lie at minus infinity.
cell_fits <- function(rows) {
  rows <- rows[order(rows$woman, rows$key, match(rows$period, PERIODS)), ]
  rows$cell <- factor(cell_of(rows$arm, rows$period))
  empty <- names(which(tapply(rows$relapses, rows$cell, sum) == 0))
  rows <- droplevels(rows[!rows$cell %in% empty, ])
  formula <- if (nlevels(rows$cell) > 1) relapses ~ cell - 1 + offset(log(person_years))
             else relapses ~ 1 + offset(log(person_years))
  fit <- glm(formula, data = rows, family = poisson, control = glm.control(epsilon = 1e-14, maxit = 100))
  rows$cluster <- as.integer(factor(rows$woman, levels = unique(rows$woman)))
  single <- max(table(rows$cluster)) == 1
  gee <- geepack::geeglm(formula, id = cluster, data = rows, family = poisson,
                         corstr = if (single) "independence" else "exchangeable",
                         control = geepack::geese.control(epsilon = 1e-13, maxit = 500))
  stopifnot(gee$geese$error == 0)
  list(rows = rows, cells = levels(rows$cell), empty = empty, beta = unname(coef(fit)),
       covariance = unname(poisson_clustered(fit, rows$woman)), gee_beta = unname(coef(gee)),
       gee_covariance = gee$geese$vbeta, correlation = if (single) NA else unname(gee$geese$alpha))
}

# One term; NULL where one of its cells has no person-time or no relapse.
term_of <- function(fits, signs) {
  if (!all(names(signs) %in% fits$cells)) return(NULL)
  at <- match(names(signs), fits$cells)
  own <- fits$rows[fits$rows$cell %in% names(signs), ]
  # Those in the first period of the term; its relapses are of both.
  first <- own[own$period == own$period[match(names(signs)[1], own$cell)], ]
  combined <- function(beta, covariance) {
    wald(sum(signs * beta[at]), sqrt(drop(signs %*% covariance[at, at] %*% signs)))
  }
  list(poisson = combined(fits$beta, fits$covariance), gee = combined(fits$gee_beta, fits$gee_covariance),
       pregnancies = length(unique(first$key)), women = length(unique(first$woman)), relapses = sum(own$relapses),
       relapses_smallest_cell = min(tapply(own$relapses, droplevels(own$cell), sum)))
}

course_of <- function(rows, terms) {
  if (!nrow(rows) || !sum(rows$relapses)) return(NULL)
  fits <- cell_fits(rows)
  list(rows = nrow(fits$rows), pregnancies = length(unique(fits$rows$key)), women = length(unique(fits$rows$woman)),
       relapses = sum(fits$rows$relapses), gee_correlation = fits$correlation, cells_without_relapse = I(fits$empty),
       terms = lapply(terms, function(signs) term_of(fits, signs)))
}

course <- function(long) {
  terms <- ratio_terms(WHOLE_PERIODS)
  terms$difference_in_differences <- double_ratio("postpartum_year", BEFORE)
  course_of(long[long$period %in% c(BEFORE, WHOLE_PERIODS), ], terms)
}

course_parts <- function(study, long) {
  dated <- study$pregnancies$key[study$pregnancies$dated]
  course_of(long[long$key %in% dated & long$period %in% c(BEFORE, PARTS), ], ratio_terms(PARTS, also_before = FALSE))
}

# The second year before the LMP beside the year before it, of pregnancies observed in both.
second_year_rows <- function(study, long) {
  p <- study$pregnancies[study$pregnancies$dated, ]
  days <- pmax(0, pmin(p$lmp - 365, p$last) - pmax(p$lmp - 730, p$first))
  relapses <- count_in(p, keyed(study$relapses), cbind(p$lmp - 730, p$lmp - 365))
  earlier <- data.frame(key = p$key, site = p$site, woman = p$woman, arm = p$arm, period = "second_year_before",
                        relapses = relapses, days = days, person_years = days / DAYS_PER_YEAR)
  year <- long[long$period == BEFORE, ]
  both <- intersect(earlier$key[days > 0], year$key)
  rbind(earlier[earlier$key %in% both, ], year[year$key %in% both, ])
}

keyed <- function(relapses) {
  relapses$key <- paste(relapses$site, relapses$pregnancy_id, sep = "\r")
  retain(relapses)
}

pre_trend <- function(study, long) {
  rows <- second_year_rows(study, long)
  sizes <- list(pregnancies = length(unique(rows$key)), women = length(unique(rows$woman)))
  counts <- lapply(split(rows$relapses, cell_of(rows$arm, rows$period)), sum)
  if (!nrow(rows) || !sum(rows$relapses)) return(c(sizes, list(relapses_by_cell = counts, term = NULL)))
  c(sizes, list(relapses_by_cell = counts, term = term_of(cell_fits(rows), double_ratio(BEFORE, "second_year_before"))))
}

# Cell rates are ratios of sums, so a woman is left out by taking her sums away.
leave_one_woman_out <- function(long) {
  signs <- double_ratio("postpartum_year", BEFORE)
  rows <- long[cell_of(long$arm, long$period) %in% names(signs), ]
  rows$cell <- factor(cell_of(rows$arm, rows$period), levels = names(signs))
  log_ratio <- function(rows) {
    x <- tapply(rows$relapses, rows$cell, sum, default = 0)
    exp(sum(signs * log(x / tapply(rows$person_years, rows$cell, sum, default = 0))))
  }
  women <- unique(rows$woman)
  without <- sapply(women, function(woman) log_ratio(rows[rows$woman != woman, ]))
  if (!all(is.finite(without)) || any(without <= 0)) return(NULL)
  list(women = length(women), lowest = min(without), highest = max(without))
}
