# The same phases in R, on the same files. Rscript bench.R STUDY WORK GROUP,GROUP CODES prints a JSON object.
# Written as somebody would who wants R to be fast: fread of the columns that are needed, data.table, only the
# packages of its groups. `read` leaves what it made in WORK, outside the clock, for groups run by themselves.
suppressPackageStartupMessages(library(data.table))
setDTthreads(2)

CONFIDENCE <- 0.95
PACKAGES <- list(poisson = "sandwich", negative_binomial = c("MASS", "sandwich"), gee = "geepack",
                 cox = "survival")
UNADJUSTED <- relapses ~ untreated + offset(log(person_years))
ADJUSTED <- relapses ~ untreated + site + age_at_delivery + disease_duration_years + edss_before + dmt +
  relapses_pre_year + offset(log(person_years))
COVARIATES <- c("age_at_delivery", "disease_duration_years", "edss_before", "dmt", "relapses_pre_year")

laps <- list()
lap <- function(name, expression) {
  took <- system.time(value <- expression)
  before <- if (is.null(laps[[name]])) c(wall = 0, cpu = 0) else unlist(laps[[name]])
  laps[[name]] <<- as.list(before + c(wall = took[["elapsed"]], cpu = sum(took[1:2])))
  value
}

# Without validation: every cell is taken as it is.
read_registry <- function(study, codes) {
  folders <- list.dirs(file.path(study, "submissions"), recursive = FALSE)
  names(folders) <- basename(folders)
  needed <- c("pregnancy_id", "woman_id", "delivery_year", "age_at_delivery", "ms_diagnosis_year",
              "edss_before", "dmt_before", "relapses_pre_year", "relapses_post_year", "observed_from_day",
              "observed_to_day", "next_conception_day", "ivig")
  rows <- rbindlist(lapply(folders, function(path) {
    fread(file.path(path, "pregnancies.csv"), select = needed)
  }), idcol = "site")
  onsets <- rbindlist(lapply(folders, function(path) {
    fread(file.path(path, "relapses.csv"), select = c("pregnancy_id", "onset_day"))
  }), idcol = "site")
  classes <- fread(codes)
  rows[, entry := pmax(0L, observed_from_day, na.rm = TRUE)]
  rows[, end := pmin(365L, observed_to_day, next_conception_day, na.rm = TRUE)]
  rows <- rows[end > entry]
  rows[, woman := .GRP, by = .(site, woman_id)]
  rows[, `:=`(
    person_years = (end - entry) / 365.25,
    relapses = relapses_post_year,
    untreated = as.numeric(ivig == 0),
    disease_duration_years = delivery_year - ms_diagnosis_year,
    dmt = factor(classes$efficacy[match(dmt_before, classes$code)], c("none", "moderate", "high", "other"))
  )]
  first <- onsets[onset_day >= 0][rows, on = .(site, pregnancy_id), nomatch = NULL
                                  ][onset_day >= entry & onset_day < end,
                                    .(first = min(onset_day)), by = .(site, pregnancy_id)]
  rows[first, on = .(site, pregnancy_id), first := i.first]
  rows[, `:=`(time = fifelse(is.na(first), end, first + 1L), relapsed = !is.na(first))]
  used <- c("site", "woman", "untreated", "relapses", "person_years", COVARIATES, "time", "relapsed")
  rows[, used, with = FALSE]
}

# Complete cases; a therapy after which nobody relapsed goes with its rows, as its ratio would be 0.
complete_cases <- function(rows) {
  kept <- rows[complete.cases(rows[, COVARIATES, with = FALSE])]
  answering <- kept[, sum(relapses), by = dmt][V1 > 0, dmt]
  kept[dmt %in% answering][, dmt := droplevels(dmt)][]
}

rates <- function(rows) {
  lap("rates", {
    z <- qnorm((1 + CONFIDENCE) / 2)
    tail <- (1 - CONFIDENCE) / 2
    one <- function(part) {
      women <- part[, .(relapses = sum(relapses), years = sum(person_years)), by = woman]
      events <- sum(women$relapses)
      years <- sum(women$years)
      rate <- events / years
      g <- nrow(women)
      # The clustered error of an intercept-only Poisson model has this closed form.
      error <- sqrt(sum((women$relapses - rate * women$years)^2) / events^2 * g / (g - 1))
      exact <- qgamma(c(tail, 1 - tail), c(events, events + 1)) / years
      c(rate, exact, rate * exp(c(-z, z) * error))
    }
    found <- list(`arm treated all` = one(rows[untreated == 0]),
                  `arm untreated all` = one(rows[untreated == 1]), `arm all all` = one(rows))
    for (name in sort(unique(rows$site))) found[[paste("site all", name)]] <- one(rows[site == name])
    found
  })
}

both <- function(rows, fit) {
  list(unadjusted = fit(UNADJUSTED, rows), adjusted = fit(ADJUSTED, complete_cases(rows)))
}

poisson_models <- function(rows) {
  both(rows, function(formula, rows) {
    model <- lap("poisson", glm(formula, family = poisson, data = rows))
    covariance <- lap("poisson_clustered", vcovCL(model, cluster = rows$woman, type = "HC1"))
    list(beta = unname(coef(model)), errors = unname(sqrt(diag(covariance))),
         log_likelihood = as.numeric(logLik(model)), alpha = NULL)
  })
}

negative_binomial_models <- function(rows) {
  both(rows, function(formula, rows) {
    model <- lap("negative_binomial", glm.nb(formula, data = rows))
    lap("negative_binomial_clustered", vcovCL(model, cluster = rows$woman, type = "HC1"))
    list(beta = unname(coef(model)), errors = full_errors(model, rows$woman),
         log_likelihood = as.numeric(logLik(model)), alpha = 1 / model$theta)
  })
}

# vcovCL leaves the dispersion out of the sandwich. To hold the errors against, here is the sandwich over all
# parameters with the observed information, at R's own estimates and outside the clock.
full_errors <- function(model, woman) {
  x <- model.matrix(model)
  y <- model$y
  mu <- model$fitted.values
  theta <- model$theta
  alpha <- 1 / theta
  one_w <- 1 + alpha * mu
  slope <- digamma(y + theta) - digamma(theta) + log(theta) + 1 - log(theta + mu) - (y + theta) / (theta + mu)
  bend <- trigamma(y + theta) - trigamma(theta) + 1 / theta - 2 / (theta + mu) + (y + theta) / (theta + mu)^2
  cross <- crossprod(x, alpha * (y - mu) * mu / one_w^2)
  of_beta <- crossprod(x, x * (mu * (1 + alpha * y) / one_w^2))
  information <- rbind(cbind(of_beta, cross), c(cross, -sum(theta^2 * bend + theta * slope)))
  scores <- rowsum(cbind(x * ((y - mu) / one_w), -theta * slope), woman, reorder = FALSE)
  n <- nrow(x)
  g <- nrow(scores)
  bread <- solve(information)
  covariance <- g / (g - 1) * (n - 1) / (n - ncol(scores)) * bread %*% crossprod(scores) %*% bread
  unname(sqrt(diag(covariance)))[seq_len(ncol(x))]
}

# geepack stops at a change of 1e-4 unless told otherwise, too far from the solution to compare six digits.
gee_models <- function(rows) {
  both(rows, function(formula, rows) {
    model <- lap("gee", geeglm(formula, family = poisson, data = rows, id = woman, corstr = "exchangeable",
                               control = geese.control(epsilon = 1e-6)))
    list(beta = unname(coef(model)), errors = unname(sqrt(diag(vcov(model)))),
         correlation = unname(model$geese$alpha))
  })
}

cox_model <- function(rows) {
  model <- lap("cox", coxph(Surv(time, relapsed) ~ untreated, data = rows, cluster = woman, ties = "efron"))
  list(beta = I(unname(coef(model))), errors = I(sqrt(diag(model$var))), log_likelihood = model$loglik[2])
}

counted <- function(rows) {
  list(pregnancies = nrow(rows), women = uniqueN(rows$woman), relapses = sum(rows$relapses),
       person_years = sum(rows$person_years))
}

main <- function(study, work, groups, codes) {
  needed <- unique(unlist(PACKAGES[groups]))
  suppressPackageStartupMessages(for (package in needed) library(package, character.only = TRUE))
  stored <- file.path(work, "rows.rds")
  numbers <- list()
  rows <- if ("read" %in% groups) NULL else setDT(readRDS(stored))
  for (group in groups) {
    numbers[[group]] <- switch(group,
      read = {
        rows <- lap("read", read_registry(study, codes))
        if (length(groups) == 1) {
          dir.create(work, recursive = TRUE, showWarnings = FALSE)
          saveRDS(rows, stored, compress = FALSE)
        }
        counted(rows)
      },
      rates = rates(rows),
      poisson = poisson_models(rows),
      negative_binomial = negative_binomial_models(rows),
      gee = gee_models(rows),
      cox = cox_model(rows)
    )
  }
  found <- list(seconds = laps, numbers = numbers)
  cat(jsonlite::toJSON(found, auto_unbox = TRUE, digits = NA, null = "null"), "\n")
}

given <- commandArgs(trailingOnly = TRUE)
main(given[1], given[2], strsplit(given[3], ",")[[1]], given[4])
