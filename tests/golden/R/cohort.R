# From a study's files to one row per pregnancy and period, after the written rules of the data contract.

DAYS_PER_YEAR <- 365.25
PERIODS <- c("pre_pregnancy_year", "trimester_1", "trimester_2", "trimester_3", "pregnancy", "postpartum_q1",
             "postpartum_q2", "postpartum_q3", "postpartum_q4", "postpartum_6_months", "postpartum_year")
WHOLE <- c(pre_pregnancy_year = "relapses_pre_year", pregnancy = "relapses_pregnancy",
           postpartum_year = "relapses_post_year")
WHOLE_OF <- c(pre_pregnancy_year = "pre_pregnancy_year", trimester_1 = "pregnancy", trimester_2 = "pregnancy",
              trimester_3 = "pregnancy", pregnancy = "pregnancy", postpartum_q1 = "postpartum_year",
              postpartum_q2 = "postpartum_year", postpartum_q3 = "postpartum_year",
              postpartum_q4 = "postpartum_year", postpartum_6_months = "postpartum_year",
              postpartum_year = "postpartum_year")
MODERATE <- c("interferon_beta", "glatiramer_acetate", "teriflunomide", "dimethyl_fumarate", "azathioprine")
COVARIATES <- c("age_at_delivery", "disease_duration_years", "edss_before", "dmt_before", "relapses_pre_year")

# Every cell is read as text; only an empty cell is missing ("NA" and "none" are values).
read_text <- function(path) {
  read.csv(path, colClasses = "character", na.strings = "", check.names = FALSE, stringsAsFactors = FALSE)
}

read_study <- function(folder) {
  sheet <- read.delim(file.path(folder, "sites.tsv"), colClasses = "character", na.strings = "")
  sites <- lapply(seq_len(nrow(sheet)), function(i) {
    home <- file.path(folder, sheet$submission[i])
    pregnancies <- read_text(file.path(home, "pregnancies.csv"))
    relapses_file <- file.path(home, "relapses.csv")
    dated <- file.exists(relapses_file)
    relapses <- if (dated) read_text(relapses_file)[, c("pregnancy_id", "onset_day")]
                else data.frame(pregnancy_id = character(), onset_day = character())
    pregnancies$site <- rep(sheet$site[i], nrow(pregnancies))
    relapses$site <- rep(sheet$site[i], nrow(relapses))
    pregnancies$policy <- sheet$policy[i]
    pregnancies$dated <- dated
    list(pregnancies = pregnancies, relapses = relapses)
  })
  pregnancies <- do.call(rbind, lapply(sites, `[[`, "pregnancies"))
  relapses <- do.call(rbind, lapply(sites, `[[`, "relapses"))
  relapses$onset_day <- as.integer(relapses$onset_day)
  list(pregnancies = derive(pregnancies), relapses = relapses)
}

# Numbers, observed days, arm and covariates of each pregnancy. A woman is (site, woman_id).
derive <- function(p) {
  for (name in c("delivery_year", "age_at_delivery", "ms_diagnosis_year", "gestation_days", "onset_after_lmp",
                 "edss_before", unname(WHOLE), "observed_from_day", "observed_to_day", "next_conception_day",
                 "ivig")) p[[name]] <- as.numeric(p[[name]])
  p$key <- paste(p$site, p$pregnancy_id, sep = "\r")
  p$woman <- paste(p$site, p$woman_id, sep = "\r")
  p$lmp <- -ifelse(is.na(p$gestation_days), 280, p$gestation_days)
  p$first <- ifelse(is.na(p$observed_from_day), p$lmp - 365, p$observed_from_day)
  p$last <- pmin(ifelse(is.na(p$observed_to_day), 365, p$observed_to_day), p$next_conception_day, na.rm = TRUE)
  p$arm <- ifelse(p$ivig == 1, "treated", "untreated")
  p$disease_duration_years <- p$delivery_year - p$ms_diagnosis_year
  p$dmt_class <- ifelse(p$dmt_before == "none", "none", ifelse(p$dmt_before %in% MODERATE, "moderate",
                        ifelse(p$dmt_before %in% c("other", "unknown"), "other", "high")))
  p
}

windows <- function(lmp) {
  zero <- 0 * lmp
  list(pre_pregnancy_year = cbind(lmp - 365, lmp), trimester_1 = cbind(lmp, lmp + 98),
       trimester_2 = cbind(lmp + 98, pmin(lmp + 196, 0)), trimester_3 = cbind(pmin(lmp + 196, 0), zero),
       pregnancy = cbind(lmp, zero), postpartum_q1 = cbind(zero, zero + 91),
       postpartum_q2 = cbind(zero + 91, zero + 182), postpartum_q3 = cbind(zero + 182, zero + 273),
       postpartum_q4 = cbind(zero + 273, zero + 365), postpartum_6_months = cbind(zero, zero + 182),
       postpartum_year = cbind(zero, zero + 365))
}

# An onset less than 30 days after the previous retained one of the same pregnancy is dropped.
retain <- function(relapses) {
  relapses <- relapses[order(relapses$key, relapses$onset_day), ]
  keep <- logical(nrow(relapses))
  previous <- list(key = "", day = NA)
  for (i in seq_len(nrow(relapses))) {
    keep[i] <- relapses$key[i] != previous$key || relapses$onset_day[i] - previous$day >= 30
    if (keep[i]) previous <- list(key = relapses$key[i], day = relapses$onset_day[i])
  }
  relapses[keep, ]
}

count_in <- function(p, relapses, window) {
  i <- match(relapses$key, p$key)
  start <- pmax(window[, 1], p$first)
  end <- pmin(window[, 2], p$last)
  tabulate(i[relapses$onset_day >= start[i] & relapses$onset_day < end[i]], nrow(p))
}

# The rules on a submission that the numbers below rest on.
check_study <- function(p, relapses) {
  stopifnot(!anyDuplicated(p$key), relapses$key %in% p$key, !is.na(p$relapses_post_year), p$arm %in% c("treated", "untreated"),
            p$age_at_delivery >= 14, p$age_at_delivery <= 56, -p$lmp >= 140, -p$lmp <= 308,
            p$disease_duration_years >= 0 | is.na(p$ms_diagnosis_year),
            p$delivery_year < 2018 | !is.na(p$observed_to_day),
            is.na(p$next_conception_day) | (p$next_conception_day > 0 & p$next_conception_day <= 730))
  i <- match(relapses$key, p$key)
  stopifnot(relapses$onset_day >= pmax(p$first, p$lmp - 730)[i], relapses$onset_day < p$last[i])
  bounds <- windows(p$lmp)
  for (period in names(WHOLE)) {
    raw <- count_in(p, relapses, bounds[[period]])
    said <- p[[WHOLE[[period]]]]
    stopifnot(ifelse(!p$dated, TRUE, ifelse(is.na(said), raw == 0, raw == said)))
  }
}

# One row per pregnancy and period with an observed day and a known count.
person_time <- function(study) {
  p <- study$pregnancies
  study$relapses$key <- paste(study$relapses$site, study$relapses$pregnancy_id, sep = "\r")
  check_study(p, study$relapses)
  retained <- retain(study$relapses)
  bounds <- windows(p$lmp)
  long <- do.call(rbind, lapply(PERIODS, function(period) {
    window <- bounds[[period]]
    days <- pmax(0, pmin(window[, 2], p$last) - pmax(window[, 1], p$first))
    said <- p[[WHOLE[[WHOLE_OF[[period]]]]]]
    relapses <- ifelse(p$dated, count_in(p, retained, window), said)
    keep <- days > 0 & !is.na(said)
    if (!period %in% names(WHOLE)) keep <- keep & p$dated
    if (period == "pre_pregnancy_year") keep <- keep & !(p$onset_after_lmp %in% 1)
    data.frame(key = p$key, site = p$site, woman = p$woman, arm = p$arm, period = period, relapses = relapses,
               days = days, person_years = days / DAYS_PER_YEAR, stringsAsFactors = FALSE)[keep, ]
  }))
  list(long = long, raw = nrow(study$relapses), retained = nrow(retained))
}

# The rows by choice with relapses and time from day 30 on; onsets before it absorb later ones as ever.
landmark_rows <- function(study, rows) {
  rows <- rows[rows$policy == "individual" & rows$dated & rows$last > 30, ]
  rows <- rows[rows$first < 365, ]
  study$relapses$key <- paste(study$relapses$site, study$relapses$pregnancy_id, sep = "\r")
  kept <- retain(study$relapses)
  kept <- kept[kept$key %in% rows$key, ]
  rows$y <- count_in(rows, kept, cbind(rep(30, nrow(rows)), 365))
  rows$years <- (pmin(365, rows$last) - pmax(30, rows$first)) / DAYS_PER_YEAR
  rows
}

# One row per pregnancy with postpartum person-time, with its covariates. The pre-year covariate is the number of
# retained onsets in the observed pre-pregnancy year, missing where that year is not at risk or not observed.
analysis_rows <- function(study, long) {
  post <- long[long$period == "postpartum_year", c("key", "relapses", "person_years")]
  names(post) <- c("key", "y", "years")
  pre <- long[long$period == "pre_pregnancy_year", ]
  p <- study$pregnancies
  p$relapses_pre_year <- pre$relapses[match(p$key, pre$key)]
  rows <- merge(p[, setdiff(names(p), "years")], post, by = "key")
  rows <- rows[order(rows$woman, rows$key), ]
  rows$untreated <- as.numeric(rows$arm == "untreated")
  rows$dmt_before <- factor(rows$dmt_class, levels = c("none", "moderate", "high", "other"))
  rows$site <- factor(rows$site)
  rows
}
