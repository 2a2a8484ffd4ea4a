# Writes cases/survival_late_entry.json: Rscript make_late_entry.R (run in this folder). Nothing here is random.
# What the other cases of survival lack: late entry, ties and strata together, on data that lie in cases/.
suppressPackageStartupMessages(library(survival))

# Observed less expected in one group over all risk sets, hypergeometric variance: survdiff refuses late entry.
log_rank <- function(entry, time, event, group, stratum = 0 * time) {
  parts <- sapply(unique(paste(stratum, time)[event == 1]), function(when) {
    day <- time[match(when, paste(stratum, time))]
    here <- stratum == stratum[match(when, paste(stratum, time))] & entry < day & time >= day
    n <- sum(here)
    d <- sum(here & time == day & event == 1)
    share <- sum(here & group == 1) / n
    c(sum(here & time == day & event == 1 & group == 1) - d * share,
      if (n > 1) d * share * (1 - share) * (n - d) / (n - 1) else 0)
  })
  sum(parts[1, ])^2 / sum(parts[2, ])
}

robust <- function(fit) as.list(sqrt(diag(fit$var)) |> setNames(names(coef(fit))))

tests_of <- function(fit) {
  table <- cox.zph(fit, transform = "km")$table
  as.list(setNames(table[, "chisq"], rownames(table)))
}

points_of <- function(fit, times) {
  at <- summary(fit, times = times)
  list(time = times, surv = at$surv, se = at$std.err, lower = at$lower, upper = at$upper, n_risk = at$n.risk)
}

published_data <- function() {
  bladder <- read.csv("cases/bladder2.csv")
  small <- read.csv("cases/therneau_test2.csv")
  lung <- read.csv("cases/lung.csv")
  follow <- Surv(bladder$start, bladder$stop, bladder$event)
  stopifnot(all.equal(with(lung, log_rank(0 * time, time, status == 2, sex - 1)),
                      survdiff(Surv(time, status) ~ sex, data = lung)$chisq))
  list(
    bladder = list(
      zph_andersen_gill = tests_of(coxph(follow ~ rx + size + number, bladder, ties = "efron")),
      zph_pwp = tests_of(coxph(follow ~ rx + size + number + strata(enum), bladder, ties = "efron")),
      zph_breslow = tests_of(coxph(follow ~ rx + size + number, bladder, ties = "breslow")),
      robust_se_breslow = robust(coxph(follow ~ rx + size + number, bladder, ties = "breslow", cluster = id)),
      log_rank_of_rx = with(bladder, log_rank(start, stop, event, rx - 1)),
      log_rank_of_rx_within_enum = with(bladder, log_rank(start, stop, event, rx - 1, enum)),
      curve = points_of(survfit(follow ~ 1, conf.type = "log-log"), c(5, 12, 24, 36)),
      restricted_mean_36 = as.list(summary(survfit(follow ~ 1), rmean = 36)$table[c("rmean", "se(rmean)")])),
    small = points_of(survfit(Surv(start, stop, event) ~ 1, small, conf.type = "log-log"), 3:9))
}

answers <- list(
  id = "survival_late_entry", maker = "make_late_entry.R", r_version = R.version.string,
  packages = sapply(c("survival", "jsonlite"), function(p) as.character(packageVersion(p)), simplify = FALSE),
  source = "survival::bladder2; Therneau and Grambsch 2000, appendix E",
  conventions = list(
    limits = "95%, log-log",
    log_rank = "chi-square with hypergeometric variance; without late entry it is that of survdiff",
    zph = "chi-square of cox.zph, transform km; each covariate and all together (GLOBAL)",
    robust = "standard errors without small-sample factor, cluster id"),
  expected = published_data())
writeLines(jsonlite::toJSON(answers, auto_unbox = TRUE, digits = I(16), pretty = TRUE, na = "null", null = "null"),
           file.path("cases", "survival_late_entry.json"))
