# Turns survival's bladder1 into a submission under ../data/bladder: Rscript make_bladder.R (run in this folder).
# The constants and decisions are explained in ../data/bladder/README.md.

DAYS_PER_MONTH <- 365.25 / 12
YEAR <- 365
COLUMNS_IT_LACKS <- list(
  delivery_year = 1985, age_at_delivery = 30, ms_diagnosis_year = 1980, gestation_days = 280, onset_after_lmp = 0,
  outcome = "live_birth", edss_before = 2, dmt_before = "none", dmt_stop_day = "", relapses_pre_year = 0,
  relapses_pregnancy = 0, observed_from_day = 0, next_conception_day = "", breastfeeding = "", dmt_restart_day = "",
  dmt_in_pregnancy = "", steroid_prophylaxis = "", visits_post_year = "", parity = "", assisted_reproduction = "",
  iga_deficiency = "", renal_disease = "", heart_disease = "", diabetes = "")
ORDER <- c("pregnancy_id", "woman_id", "delivery_year", "age_at_delivery", "ms_diagnosis_year", "gestation_days",
           "onset_after_lmp", "outcome", "edss_before", "dmt_before", "dmt_stop_day", "relapses_pre_year",
           "relapses_pregnancy", "relapses_post_year", "observed_from_day", "observed_to_day", "next_conception_day",
           "ivig", "breastfeeding", "dmt_restart_day", "dmt_in_pregnancy", "steroid_prophylaxis", "visits_post_year",
           "parity", "assisted_reproduction", "iga_deficiency", "renal_disease", "heart_disease", "diabetes")

rows <- read.csv("../data/bladder1.csv", stringsAsFactors = FALSE)
rows <- rows[rows$treatment != "pyridoxine", ]
rows$day <- round(rows$stop * DAYS_PER_MONTH)
followed <- tapply(rows$day, rows$id, max)
on_last_day <- tapply(seq_len(nrow(rows)), rows$id, function(i) any(rows$status[i] == 1 & rows$day[i] == max(rows$day[i])))
id <- names(followed)
to <- pmin(followed + on_last_day, YEAR)
recurrence <- rows[rows$status == 1, ]
recurrence <- recurrence[recurrence$day < to[as.character(recurrence$id)], ]

patients <- data.frame(pregnancy_id = paste0("P", id), woman_id = paste0("P", id), stringsAsFactors = FALSE)
patients$relapses_post_year <- as.vector(table(factor(recurrence$id, levels = id)))
patients$observed_to_day <- as.vector(to)
patients$ivig <- as.integer(rows$treatment[match(id, rows$id)] == "thiotepa")
patients <- cbind(patients, as.data.frame(COLUMNS_IT_LACKS, stringsAsFactors = FALSE))[, ORDER]
patients <- patients[order(as.integer(id)), ]
onsets <- data.frame(pregnancy_id = paste0("P", recurrence$id), onset_day = recurrence$day)

out <- "../data/bladder/bladder"
dir.create(out, recursive = TRUE, showWarnings = FALSE)
write.csv(patients, file.path(out, "pregnancies.csv"), row.names = FALSE, quote = FALSE, na = "", eol = "\n")
write.csv(onsets, file.path(out, "relapses.csv"), row.names = FALSE, quote = FALSE, na = "", eol = "\n")
