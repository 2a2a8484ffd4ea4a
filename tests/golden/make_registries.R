# Makes the synthetic studies under registries/: Rscript make_registries.R (run in this folder).
# A woman has one time line (calendar days, never written); each pregnancy record is a view of it relative to
# its own delivery, so records of one woman agree with each other. Only base R.

DATA_CUT <- as.integer(as.Date("2019-12-31"))
DMT <- c("none", "interferon_beta", "glatiramer_acetate", "teriflunomide", "dimethyl_fumarate", "azathioprine",
         "fingolimod", "natalizumab", "ocrelizumab", "alemtuzumab", "cladribine", "other", "unknown")
DMT_SHARE <- c(28, 16, 10, 3, 8, 1, 6, 9, 4, 2, 2, 7, 4)
EDSS <- c(0, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6)
EDSS_SHARE <- c(20, 20, 18, 14, 10, 7, 4, 3, 2, 2)

study <- function(seed, sites, shape = Inf, level = 1, effect = 1, single = FALSE) {
  list(seed = seed, sites = sites, shape = shape, level = level, effect = effect, single = single)
}
site <- function(policy, women, relapses = TRUE, level = 1, exceptions = 0) {
  list(policy = policy, women = women, relapses = relapses, level = level, exceptions = exceptions)
}
STUDIES <- list(
  policy_pair = study(1110, list(gives_all = site("all", 62), gives_none = site("none", 50)),
                      shape = 1.0, level = 1.3, effect = 0.7),
  choice_sites = study(1211, list(north = site("individual", 50, level = 0.8), east = site("individual", 52),
                                  south = site("individual", 48, level = 1.3), west = site("individual", 50)),
                       shape = 0.9, effect = 0.75),
  mixed = study(1322, list(choice_one = site("individual", 54),
                           choice_two = site("individual", 50, relapses = FALSE, level = 1.2),
                           every = site("all", 48, exceptions = 2), nobody = site("none", 46, level = 0.9)),
                shape = 1.1, effect = 0.7),
  underdispersed = study(1407, list(gives_all = site("all", 40), gives_none = site("none", 38)),
                         level = 2.2, effect = 0.8, single = TRUE),
  many_sites = study(1532, list(all_one = site("all", 24), all_two = site("all", 20, level = 1.7),
                                all_three = site("all", 16, level = 0.5), none_one = site("none", 22),
                                none_two = site("none", 20, level = 1.5), none_quiet = site("none", 10, level = 0),
                                choice_one = site("individual", 54, level = 1.2),
                                choice_two = site("individual", 50)),
                     shape = 0.7, level = 1.2, effect = 0.7)
)

pick <- function(values, weight) sample(values, 1, prob = weight)
maybe <- function(value, share) if (runif(1) < share) value else NA

# Dates of a woman's deliveries and last menstrual periods.
draw_pregnancies <- function() {
  n <- pick(1:3, c(72, 22, 6))
  gestation <- pmin(300L, round(rnorm(n, 277, 9)))
  short <- runif(n) < 0.03
  gestation[short] <- sample(150:215, sum(short), replace = TRUE)
  delivery <- as.integer(as.Date("2003-01-01")) + sample.int(5500, 1) - 1L
  for (i in seq_len(n)[-1]) delivery[i] <- delivery[i - 1] + sample(45:900, 1) + gestation[i]
  keep <- delivery < DATA_CUT - 120
  list(delivery = delivery[keep], lmp = (delivery - gestation)[keep], gestation = gestation[keep])
}

# Days of onset on the woman's time line; a few are followed by a second onset within 30 days.
draw_onsets <- function(p, treated, frailty, s) {
  day <- (p$lmp[1] - 730):(max(p$delivery) + 730)
  rate <- rep(0.55, length(day))
  for (i in seq_along(p$lmp)) {
    after <- day - p$delivery[i]
    from_lmp <- day - p$lmp[i]
    inside <- from_lmp >= 0 & after < 0
    rate[inside] <- c(0.45, 0.35, 0.15)[pmin(from_lmp[inside] %/% 98, 2) + 1]
    post <- after >= 0 & after < 365
    rate[post] <- ifelse(after[post] < 91, 0.85, 0.45) * if (treated[i]) s$effect else 1
  }
  onset <- day[rpois(length(day), rate * frailty * s$level / 365.25) > 0]
  echo <- onset[runif(length(onset)) < 0.12]
  onset <- c(onset, echo + sample(3:29, length(echo), replace = TRUE))
  if (s$single) for (delivery in p$delivery) {
    post <- which(onset >= delivery & onset < delivery + 365)
    if (length(post) > 1) onset <- onset[-setdiff(post, post[which.min(onset[post])])]
  }
  sort(unique(onset))
}

# First and first-no-longer observed day of pregnancy i (NA: the contract's default).
draw_observation <- function(p, i, late_onset) {
  lmp <- -p$gestation[i]
  from <- NA_integer_
  u <- runif(1)
  if (u < 0.12) from <- lmp - sample(30:340, 1)
  else if (u < 0.19) from <- lmp - 730L
  else if (u < 0.21) from <- lmp + sample(1:120, 1)
  else if (u < 0.225) from <- sample(5:40, 1)
  if (late_onset && !is.na(from) && from < lmp) from <- NA_integer_
  last <- DATA_CUT - p$delivery[i] + 1
  to <- NA_integer_
  year <- year_of(p$delivery[i])
  u <- runif(1)
  if (u < 0.14) to <- sample(60:364, 1)
  else if (u < 0.20) to <- sample(400:700, 1)
  else if (year >= 2018 || u < 0.30) to <- 365L
  if (!is.na(to)) to <- min(to, last)
  list(from = from, to = to)
}

year_of <- function(day) as.integer(format(as.Date(day, origin = "1970-01-01"), "%Y"))

# One woman: a list of her pregnancy rows and her relapse rows.
draw_woman <- function(id, s, here) {
  p <- draw_pregnancies()
  if (!length(p$delivery)) return(NULL)
  birth <- p$delivery[1] - round(pmin(pmax(rnorm(1, 30.5, 4.2), 18), 42) * 365.25)
  first_year <- year_of(p$delivery[1])
  late_onset <- runif(1) < 0.05
  diagnosis <- if (late_onset) first_year else first_year - 2L - rpois(1, 4)
  severe <- rgamma(1, 2, 2)
  treated <- switch(here$policy, all = rep(TRUE, length(p$lmp)), none = rep(FALSE, length(p$lmp)),
                    individual = runif(length(p$lmp)) < plogis(-0.2 + 0.4 * (severe - 1)))
  frailty <- if (is.finite(s$shape)) rgamma(1, s$shape, s$shape) else 1
  s$level <- s$level * here$level
  onsets <- draw_onsets(p, treated, frailty, s)
  if (late_onset) onsets <- onsets[onsets >= p$lmp[1] + 40]
  rows <- lapply(seq_along(p$lmp), function(i) {
    draw_record(id, p, i, onsets, treated[i], late_onset && i == 1, birth, diagnosis, severe)
  })
  list(pregnancies = do.call(rbind, lapply(rows, `[[`, "row")), onsets = lapply(rows, `[[`, "onsets"))
}

draw_record <- function(id, p, i, onsets, treated, late_onset, birth, diagnosis, severe) {
  seen <- draw_observation(p, i, late_onset)
  following <- if (i < length(p$lmp)) p$lmp[i + 1] - p$delivery[i] else maybe(sample(50:730, 1), 0.05)
  if (!is.na(following) && (following > 730 || p$delivery[i] + following > DATA_CUT)) following <- NA_integer_
  lmp <- -p$gestation[i]
  start <- if (is.na(seen$from)) lmp - 365L else seen$from
  end <- min(if (is.na(seen$to)) 365L else seen$to, following, 365L, na.rm = TRUE)
  day <- onsets - p$delivery[i]
  day <- day[day >= max(start, lmp - 730L) & day < end]
  counts <- c(sum(day >= lmp - 365 & day < lmp), sum(day >= lmp & day < 0), sum(day >= 0))
  if (start >= lmp || (late_onset && runif(1) < 0.5) || runif(1) < 0.03) counts[1] <- NA
  if (start >= 0 || runif(1) < 0.02) counts[2] <- NA
  if (is.na(counts[1])) day <- day[day < lmp - 365 | day >= lmp]
  if (is.na(counts[2])) day <- day[day < lmp | day >= 0]
  dmt <- if (late_onset) "none" else pick(DMT, DMT_SHARE)
  row <- data.frame(
    woman_id = id, delivery_year = year_of(p$delivery[i]),
    age_at_delivery = round((p$delivery[i] - birth) / 365.25, 1), ms_diagnosis_year = maybe(diagnosis, 0.94),
    gestation_days = if (abs(p$gestation[i] - 280) < 1) NA else p$gestation[i],
    onset_after_lmp = if (late_onset) 1L else maybe(0L, 0.6),
    outcome = if (p$gestation[i] < 168) "stillbirth" else maybe("live_birth", 0.8),
    edss_before = maybe(EDSS[max(1, min(10, findInterval(runif(1)^(1 / severe), cumsum(EDSS_SHARE) / 100) + 1))], 0.93),
    dmt_before = dmt, dmt_stop_day = if (dmt == "none") NA else maybe(lmp + sample(-200:30, 1), 0.8),
    relapses_pre_year = counts[1], relapses_pregnancy = counts[2], relapses_post_year = counts[3],
    observed_from_day = seen$from, observed_to_day = seen$to, next_conception_day = following,
    ivig = as.integer(treated), breastfeeding = maybe(pick(c("none", "partial", "exclusive"), c(3, 3, 4)), 0.9),
    dmt_restart_day = if (end > 40) maybe(sample(20:(end - 1), 1), 0.4) else NA, dmt_in_pregnancy = NA,
    steroid_prophylaxis = maybe(rbinom(1, 1, 0.05), 0.9), visits_post_year = maybe(rpois(1, 2.5), 0.9),
    parity = i - 1L, assisted_reproduction = maybe(rbinom(1, 1, 0.06), 0.9),
    iga_deficiency = 0L, renal_disease = 0L, heart_disease = 0L, diabetes = maybe(0L, 0.9),
    stringsAsFactors = FALSE)
  list(row = row, onsets = day)
}

# One site: both tables, rows in no order. The first women get identifiers that careless readers mangle.
draw_site <- function(s, here) {
  ids <- sprintf("W%03d", seq_len(here$women))
  ids[1:3] <- c("007", "NA", "1e3")
  women <- Filter(Negate(is.null), lapply(ids, draw_woman, s = s, here = here))
  rows <- do.call(rbind, lapply(women, `[[`, "pregnancies"))
  rows <- cbind(pregnancy_id = sprintf("%04d", seq_len(nrow(rows))), rows, stringsAsFactors = FALSE)
  exempt <- seq_len(here$exceptions) + 10
  rows$ivig[exempt] <- 0L
  rows$iga_deficiency[exempt] <- 1L
  onsets <- do.call(c, lapply(women, `[[`, "onsets"))
  relapses <- data.frame(pregnancy_id = rep(rows$pregnancy_id, lengths(onsets)), onset_day = as.integer(unlist(onsets)))
  n <- nrow(relapses)
  relapses$steroids <- ifelse(runif(n) < 0.9, rbinom(n, 1, 0.6), NA)
  relapses$confirmed <- ifelse(runif(n) < 0.2, "", sample(c("examined", "reported"), n, replace = TRUE))
  relapses$severity <- ifelse(runif(n) < 0.2, "", sample(c("mild", "moderate", "severe"), n, replace = TRUE))
  list(pregnancies = rows[sample(nrow(rows)), ], relapses = relapses[sample(n), ])
}

write_csv <- function(frame, path) write.csv(frame, path, row.names = FALSE, na = "", quote = FALSE, eol = "\n")

make_study <- function(name) {
  s <- STUDIES[[name]]
  set.seed(s$seed, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
  folder <- file.path("registries", name)
  for (site_name in names(s$sites)) {
    here <- s$sites[[site_name]]
    tables <- draw_site(s, here)
    dir.create(file.path(folder, site_name), recursive = TRUE, showWarnings = FALSE)
    write_csv(tables$pregnancies, file.path(folder, site_name, "pregnancies.csv"))
    if (here$relapses) write_csv(tables$relapses, file.path(folder, site_name, "relapses.csv"))
  }
  sheet <- data.frame(site = names(s$sites), submission = names(s$sites), mode = "rows",
                      policy = sapply(s$sites, `[[`, "policy"), mapping = "", data_cut = "2019-12-31")
  write.table(sheet, file.path(folder, "sites.tsv"), sep = "\t", quote = FALSE, row.names = FALSE)
  writeLines("sites: sites.tsv", file.path(folder, "config.yaml"))
}

for (name in names(STUDIES)) make_study(name)
