# Writes evidence.json from the sheets in evidence/: Rscript make_evidence.R (run in this folder). Nothing here is random.
# A row of an answer is one line of the file, its values in the order of the columns named at the top.
suppressPackageStartupMessages(library(metafor))
for (file in c("exact_conditional.R", "evidence.R")) source(file.path("R", file))

SHEETS <- c("constructed", "bcg", "person_time", "two_studies")

as_json <- function(x) as.character(jsonlite::toJSON(x, auto_unbox = TRUE, digits = I(15), na = "null"))

rows_as_json <- function(rows) {
  lines <- sapply(rows, function(row) as_json(unname(row)))
  paste0("[\n", paste0("   ", lines, collapse = ",\n"), "]")
}

conventions <- list(
  direction = "treated over control; a risk difference is treated less control; ratios and their limits on the ratio's scale",
  limits = "95%; hartung_knapp: standard error times the root of max(1, q), t on studies - 1; p by the same distribution",
  studies = "those in the pool; with zero_cells none, Q of mantel_haenszel goes by fewer, and q_df with it",
  dropped = paste("no event, or nothing but events, in both arms: not in OR, RR, IRR; of a risk difference in the",
                  "pool of mantel_haenszel alone; half_in_pool pools them all, halves added"),
  zero_cell = "one of a, b, c, d is 0 (rates: one of the two events)",
  q = "about the pooled estimate over studies of finite estimate and positive finite variance; one or none of these: 0, 0, p 1",
  i2 = "max(0, (q - q_df) / q) in percent",
  tau2_limits = "Q-profile without an upper bound; both 0 where Q at 0 lies below its lower quantile",
  mantel_haenszel = "variances of Robins, Breslow and Greenland; Greenland and Robins; Sato (as in rma.mh)",
  exact_conditional = "no Q; central limits and p; an estimate of 0 stays 0, infinite is null; up to 5000 women in the pool",
  study_rows = "1/2 in every cell where one is 0 (not RD); a row with a ratio alone as printed; exact limits on the counts as they are")

text <- c(
  "{",
  ' "id": "evidence",',
  ' "title": "Measures and pools of published studies",',
  ' "maker": "make_evidence.R",',
  paste0(' "r_version": ', as_json(R.version.string), ","),
  paste0(' "packages": ', as_json(list(metafor = as.character(packageVersion("metafor")),
                                       jsonlite = as.character(packageVersion("jsonlite")))), ","),
  paste0(' "conventions": ', trimws(jsonlite::toJSON(conventions, auto_unbox = TRUE, pretty = 2)), ","))
answers <- lapply(setNames(SHEETS, SHEETS), function(name) sheet_answers(file.path("evidence", paste0(name, ".csv"))))
text <- c(text, paste0(' "studies_columns": ', as_json(names(answers[[1]]$studies[[1]])), ","),
          paste0(' "pooled_columns": ', as_json(ROW), ","), ' "sheets": {')
bodies <- sapply(SHEETS, function(name) {
  paste0('  "', name, '": {"file": "evidence/', name, '.csv",\n  "studies": ', rows_as_json(answers[[name]]$studies),
         ',\n  "pooled": ', rows_as_json(answers[[name]]$pooled), "}")
})
writeLines(c(text, paste(bodies, collapse = ",\n"), " }", "}"), "evidence.json")
