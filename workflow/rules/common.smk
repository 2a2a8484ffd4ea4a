# Shared by the other files: the sites, the tables, the digest of the code, and the words at the end of a run.
from gravida import settings
from gravida.errors import ConfigurationError
from gravida.files import digest, read_text, read_yaml

BASE = Path(workflow.basedir)
ENVIRONMENT = BASE / "environment.yml"
TABLES = [
    "attrition",
    "balance",
    "baseline",
    "data_quality",
    "dispersion",
    "estimability",
    "identifiability",
    "longitudinal",
    "precision",
    "predictability",
    "predictors",
    "rate_ratios",
    "relapse_free",
    "relapse_rates",
    "risk_difference",
    "sensitivity",
    "sites",
    "time_to_relapse",
]
SUBMITTED = ["pregnancies", "relapses", "infusions", "adverse_events"]
FIGURES = ["course", "predictors", "rootogram", "sensitivity"]
# Snakemake does not notice an edited module: this digest is a parameter of every rule.
CODE = digest(
    [
        *BASE.glob("workflow/lib/gravida/**/*.py"),
        *BASE.glob("workflow/lib/gravida/**/*.j2"),
        *BASE.glob("workflow/lib/gravida/**/*.html"),
        *BASE.glob("workflow/scripts/*.py"),
        *BASE.glob("workflow/rules/*.smk"),
        *BASE.glob("schemas/*.py"),
        *BASE.glob("schemas/*.yaml"),
        BASE / "Snakefile",
        BASE / "requirements.lock",
    ],
    BASE,
)


def read_plan():
    """Return the sites by name, each with where its submission is, after a check of the whole configuration."""
    defaults = read_yaml(BASE / "config/config.yaml")
    settings.check_configuration(config, read_yaml(BASE / "schemas/config.schema.yaml"))
    sheet = settings.find(config["sites"], defaults["sites"], BASE, "sites")
    rows = settings.read_sites(sheet, read_yaml(BASE / "schemas/sites.schema.yaml"))
    shipped = Path(sheet).resolve() == (BASE / defaults["sites"]).resolve()
    for row in rows:
        default = row["submission"] if shipped else ""
        row["folder"] = settings.find(row["submission"], default, BASE, f"submission of site {row['site']}")
        if not Path(row["folder"]).is_dir():
            raise ConfigurationError(f"submission of site {row['site']}: {row['submission']} is not a folder")
    published = config["evidence"]["published_rates"]
    default = defaults["evidence"]["published_rates"]
    found = settings.find(published, default, BASE, "evidence.published_rates")
    return {row["site"]: row for row in rows}, found


try:
    SITES, PUBLISHED_RATES = read_plan()
except ConfigurationError as fault:
    sys.exit(fault.line())

POLICIES = {site: row["policy"] for site, row in SITES.items()}
# For each site, whether its rows are invented: the generator leaves a mark beside them.
INVENTED = [Path(row["folder"], ".synthetic").exists() for row in SITES.values()]
LOGS = {}
# What a comparison of the arms needs to know of the plan, without and with covariates.
CONTRAST = {
    "policies": POLICIES,
    "numerator": config["contrast"]["numerator"],
    "denominator": config["contrast"]["denominator"],
    "period": config["outcome_period"],
    "confidence": config["confidence"],
}
PLAN = CONTRAST | {"covariates": config["covariates"]}


wildcard_constraints:
    site="[A-Za-z0-9_-]+",


def submission_entries(site):
    """Return what is in a submission's folder, hidden files left out."""
    return sorted(path for path in Path(SITES[site]["folder"]).iterdir() if path.name[0] != ".")


def is_table(path):
    """Say whether it is a file named after a table: of anything else not even the name is shown."""
    return path.is_file() and path.stem in SUBMITTED and path.suffix[1:].isalnum()


def submission_files(wildcards):
    """Return every file of the submission: one that is edited, added or taken away is noticed."""
    return [str(path) for path in submission_entries(wildcards.site) if is_table(path)]


def strange_entries(wildcards):
    """Return how many other entries there are: files of other names, folders, broken links."""
    return sum(not is_table(path) for path in submission_entries(wildcards.site))


def accepted(table):
    """Return the accepted rows of one table, of every site."""
    return expand("results/restricted/intake/{site}/{table}.parquet", site=SITES, table=table)


def log_times():
    """Return when each log was written."""
    return {path: path.stat().st_mtime_ns for path in Path("results/logs").glob("**/*.log")}


def remember_logs():
    """Remember the logs of earlier runs, so that only this run's failures are repeated at its end."""
    LOGS.update(log_times())


def logged(warnings):
    """Return what this run's steps logged, one line each: their warnings, or their failures."""
    written = [path for path, time in log_times().items() if LOGS.get(path) != time]
    lines = dict.fromkeys(line for path in sorted(written) for line in read_text(path).splitlines())
    return [line for line in lines if line.startswith("Warning: ") == warnings]


def failures():
    """Return this run's failures, one line each."""
    return "\n".join(["", *logged(warnings=False), ""])


def closing_words():
    """Return the run's warnings, the headline sentence and where to look, if it went as far as the report."""
    page, headline = Path("results/release/report.html"), Path("results/release/headline.txt")
    if not (page.exists() and headline.exists()):
        return ""
    # Snakemake has changed into the study's folder; the reader has not, so the path is a whole one.
    told = "".join(f"{line}\n" for line in logged(warnings=True))
    return f"\n{told}{read_text(headline)}\nReport: {page.resolve()}\n"
