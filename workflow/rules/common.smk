# Shared by the other files: the sites, the tables, the digest of the code, and the words at the end of a run.
# The sheet of sites is read when a step asks for it, not before: the published evidence needs no registry.
import logging
import re
from functools import cache

from gravida import ledger, settings
from gravida.errors import ConfigurationError
from gravida.files import (
    clear_partial,
    distrust_future,
    distrust_older,
    is_ahead,
    read_bytes,
    read_json,
    read_text,
    read_yaml,
    write_json,
)
from gravida.provenance import code_digest
from gravida.provenance.places import place

# Where Snakemake's own log cannot be written, no traceback hides what a step has to say.
logging.raiseExceptions = False

BASE = Path(workflow.basedir)
ENVIRONMENT = BASE / "environment.yml"
TABLES = [
    "attrition",
    "balance",
    "baseline",
    "changes",
    "cost",
    "data_quality",
    "dispersion",
    "doses",
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
    "safety",
    "sensitivity",
    "sites",
    "time_to_relapse",
]
SUBMITTED = ["pregnancies", "relapses", "infusions", "adverse_events"]
# A workbook of this name holds tables as its sheets.
WORKBOOK = "submission"
FIGURES = ["course", "predictors", "rootogram", "sensitivity"]
# These can be made without a registry.
EVIDENCE_TABLES = ["evidence_audit", "evidence_grade", "evidence_pooled", "evidence_studies"]
EVIDENCE_FIGURES = ["evidence_cumulative", "evidence_forest", "evidence_funnel"]
# Snakemake does not notice an edited module: this digest is a parameter of every rule.
CODE = code_digest(BASE)


DEFAULTS = read_yaml(BASE / "config/config.yaml")


def check_plan():
    """Check the configuration, and return where each sheet of published evidence is."""
    settings.check_configuration(config, read_yaml(BASE / "schemas/config.schema.yaml"))
    for path in workflow.configfiles:
        check_date(path, "configuration")
    defaults = DEFAULTS["evidence"]
    return {
        name: find_dated(config["evidence"][name], defaults[name], f"evidence.{name}")
        for name in ("studies", "published_rates", "claims")
    }


def find_dated(value, default, what):
    """Return where a file of the study is, unless Snakemake would run for ever after it."""
    path = settings.find(value, default, BASE, what)
    check_date(path, what)
    return path


def check_date(path, what):
    """Check that a file is not dated in the future: all that is made from it would look too old."""
    if is_ahead(path):
        raise ConfigurationError(
            f"{what}: a file is dated in the future; set this machine's clock right, or give the file today's "
            "date with the command touch"
        )


try:
    EVIDENCE = check_plan()
except ConfigurationError as fault:
    sys.exit(fault.line())


def find_sheet():
    """Return where the sheet of sites is."""
    return settings.find(config["sites"], DEFAULTS["sites"], BASE, "sites")


def is_shipped(path, default):
    """Say whether this is the sheet that comes with gravida."""
    return Path(path).resolve() == (BASE / default).resolve()


def read_sites():
    """Return the sites by name, each with where its submission is."""
    sheet = find_sheet()
    check_date(sheet, "sites")
    rows = settings.read_sites(sheet, read_yaml(BASE / "schemas/sites.schema.yaml"))
    for row in rows:
        default = row["submission"] if is_shipped(sheet, DEFAULTS["sites"]) else ""
        row["folder"] = settings.find(row["submission"], default, BASE, f"submission of site {row['site']}")
        if not Path(row["folder"]).is_dir():
            raise ConfigurationError(f"submission of site {row['site']}: {row['submission']} is not a folder")
        *row["earlier"], row["folder"] = data_cuts(row["site"], Path(row["folder"]))
        if DATED.fullmatch(row["folder"].name):
            row["data_cut"] = row["folder"].name
        row["mapping_text"] = ""
        if row["mapping"]:
            row["mapping"] = find_dated(row["mapping"], "", f"mapping of site {row['site']}")
            row["mapping_text"] = read_bytes(row["mapping"]).decode("utf-8", "replace")
        for path in files_read(row):
            check_date(path, f"submission of site {row['site']}")
    check_apart(rows)
    return {row["site"]: row for row in rows}


def check_apart(rows):
    """Check that no two sites have the same rows: each woman would be counted twice."""
    owners = {}
    for row in rows:
        for folder in [*row["earlier"], row["folder"]]:
            other = owners.setdefault(folder.resolve(), row["site"])
            if other != row["site"]:
                raise ConfigurationError(
                    f"sites {other} and {row['site']} have the same submission; give each its own"
                )


def files_read(row):
    """Return every file that is read of a site: all its data cuts and its mapping file."""
    folders = [*row["earlier"], row["folder"]]
    files = [path for folder in folders for path in expected_files(folder, row["mapping_text"])]
    return [*files, *([row["mapping"]] if row["mapping"] else [])]


def data_cuts(site, folder):
    """Return the folders of a site's data cuts, oldest first, or its only folder.

    Submissions are kept by the date of the data cut (YYYY-MM-DD) where there is a folder of such a name.
    """
    seen = [path for path in sorted(folder.iterdir()) if path.name[0] != "."]
    dated = [path for path in seen if DATED.fullmatch(path.name)]
    if dated and len(dated) < len(seen):
        raise ConfigurationError(
            f"submission of site {site}: beside folders of data cuts there are other entries; move them into a "
            "folder named by the date of their data cut"
        )
    for path in dated:
        if path.is_symlink() or not path.is_dir() or not settings.is_date(path.name):
            raise ConfigurationError(
                f"submission of site {site}: {path.name} is no date of the calendar, or a link or a file and no folder"
            )
    return dated or [folder]


@cache
def sites():
    """Return what `read_sites` does; a fault ends the run with its one line."""
    try:
        return read_sites()
    except ConfigurationError as fault:
        sys.exit(fault.line())


def has_registry():
    """Say whether the study has a registry to set among the evidence: its sheet of sites is there.

    The shipped, invented registry never enters somebody's own sheet of studies.
    """
    try:
        sheet = find_sheet()
    except ConfigurationError:
        return False
    own_studies = not is_shipped(EVIDENCE["studies"], DEFAULTS["evidence"]["studies"])
    return not (own_studies and is_shipped(sheet, DEFAULTS["sites"]))


def registry_counts(wildcards):
    """Return the registry as one more study, or nothing where there is no registry."""
    return ["results/internal/registry_counts.csv"] if has_registry() else []


def of_sites(pattern):
    """Return an input function: the files of this pattern, one a site."""
    return lambda wildcards: expand(pattern, site=sites())


def policies(wildcards):
    """Return each site's policy."""
    return {site: row["policy"] for site, row in sites().items()}


def latest_data_cut(wildcards):
    """Return the year of the latest data cut."""
    return max(int(row["data_cut"][:4]) for row in sites().values())


def superseded():
    """Return the overlap groups of published studies whose women are the registry's own.

    The default names a study of the shipped sheet: of somebody's own sheet it says nothing.
    """
    groups, default = config["evidence"]["superseded"], DEFAULTS["evidence"]
    own_studies = not is_shipped(EVIDENCE["studies"], default["studies"])
    return [] if own_studies and groups == default["superseded"] else groups


def invented(wildcards):
    """Return for each site whether its rows are invented: the generator leaves a mark beside them or above."""
    marks = [[row["folder"] / name for name in (".synthetic", "../.synthetic")] for row in sites().values()]
    return [any(mark.exists() for mark in places) for places in marks]


def contrast(wildcards):
    """Return what a comparison of the arms needs to know of the plan, without covariates."""
    return {
        "policies": policies(wildcards),
        "numerator": config["contrast"]["numerator"],
        "denominator": config["contrast"]["denominator"],
        "period": config["outcome_period"],
        "confidence": config["confidence"],
    }


def adjusted_contrast(wildcards):
    """Return what a comparison of the arms needs to know of the plan, with its covariates."""
    return contrast(wildcards) | {"covariates": config["covariates"]}


LOGS = {}
PARTS = ["logs", "restricted", "internal", "release"]
RELEASES = Path("results/internal/releases")
DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# The day after delivery on which each outcome period ends.
OUTCOME_DAY = {"postpartum_q1": 91, "postpartum_6_months": 182, "postpartum_year": 365}


wildcard_constraints:
    site="[A-Za-z0-9_-]+",


def submission_entries(folder):
    """Return what is in a submission's folder, hidden files left out."""
    return sorted(path for path in folder.iterdir() if path.name[0] != ".")


def is_expected(path, mapping):
    """Say whether it is a file named after a table: of anything else not even the name is shown.

    Where the site has a mapping file, `mapping` is its text, and the files that it names are read.
    """
    named = path.name in mapping if mapping else path.stem in [*SUBMITTED, WORKBOOK]
    return path.is_file() and named and path.suffix[1:].isalnum() and not set("{}") & set(path.name)


def expected_files(folder, mapping):
    """Return the files of a folder that are read."""
    return [str(path) for path in submission_entries(folder) if is_expected(path, mapping)]


def submission_files(wildcards):
    """Return every file of the submission: one that is edited, added or taken away is noticed."""
    row = sites()[wildcards.site]
    return expected_files(row["folder"], row["mapping_text"])


def earlier_files(wildcards):
    """Return every file of the site's earlier data cuts."""
    row = sites()[wildcards.site]
    return [path for folder in row["earlier"] for path in expected_files(folder, row["mapping_text"])]


def strange_entries(wildcards):
    """Return for each data cut how many other entries there are: files of other names, folders, broken links."""
    row = sites()[wildcards.site]
    folders = [*row["earlier"], row["folder"]]
    found = [
        len(submission_entries(folder)) - len(expected_files(folder, row["mapping_text"]))
        for folder in folders
    ]
    return dict(zip([*(folder.name for folder in row["earlier"]), row["data_cut"]], found))


def mapping_file(wildcards):
    """Return the site's mapping file, or nothing where it has none."""
    return [sites()[wildcards.site]["mapping"]] if sites()[wildcards.site]["mapping"] else []


def records():
    """Return the records of the releases of this study, by name."""
    return {path.stem: read_json(path) for path in sorted(RELEASES.glob("*.json"))}


def plan_digest(wildcards):
    """Return a digest of the plan but for where its sheets lie: numbers also move with the plan."""
    return ledger.digest_of({key: value for key, value in config.items() if key != "sites"})


def last_record(wildcards):
    """Return the record of the last release, or nothing where there is none."""
    name = ledger.release_name({site: row["data_cut"] for site, row in sites().items()})
    last = ledger.last_release(name, records())
    return [str(RELEASES / f"{last}.json")] if last else []


def keep_release():
    """Keep the record of the release that a run has finished, for a later one to be compared with.

    No step makes these records, for a step's files are its own to write again.
    """
    made, report = Path("results/internal/release.json"), Path("results/release/report.html")
    if made.exists() and report.exists() and report.stat().st_mtime_ns >= made.stat().st_mtime_ns:
        kept = ledger.kept(read_json(made), records())
        if kept:
            write_json(RELEASES / f"{kept['release']}.json", kept)


def settle():
    """Put right what the last run, or a clock, left behind, before Snakemake looks at any date.

    A run that is killed when its report is there, but not yet the record of its release, has nothing left to do
    the next time: no hook would keep that record.
    """
    check_folders()
    keep_release()
    try:
        distrust_future("results")
        for site, row in known_sites().items():
            # No step needs this file: its date concerns intake alone, which goes by the content then.
            distrust_older(f"results/restricted/intake/{site}/findings.csv", files_read(row))
    except OSError as fault:
        sys.exit(cannot_write(fault))


def check_folders():
    """End the run with one line if a folder that it writes to is none, or cannot be written."""
    for name in [".", ".snakemake", "results", *(f"results/{part}" for part in PARTS)]:
        folder = Path(name)
        if os.path.lexists(folder) and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            told = (
                f"{name} is not a folder" if not folder.is_dir() else f"the folder {name} cannot be written"
            )
            sys.exit(
                f"ConfigurationError: {told}; make it a folder of the study that you may write to, and run again"
            )


def known_sites():
    """Return what `read_sites` does, nothing where it fails: whatever needs the sites says so."""
    try:
        return read_sites()
    except ConfigurationError:
        return {}


def cannot_write(fault):
    """Return what is said where the workflow itself, and no step, cannot write."""
    return (
        f"ConfigurationError: results/ cannot be written ({os.strerror(fault.errno or 0)}): it must be a folder, on "
        "a disk with room, that you may write to; then run again: what was finished is kept"
    )


def recorded_rules():
    """Return the rules whose files are recorded: every one that makes something, but for the record itself."""
    return [step for step in workflow.rules if step.output and step.name != "record_provenance"]


def patterns_of(step):
    """Return the names of what a rule makes, with {site} where there is one for each site."""
    return [re.sub(r"[{](\w+),[^{}]*[}]", r"{\1}", str(pattern)) for pattern in step.output]


def everything_made(wildcards):
    """Return every file that the other steps make."""
    patterns = [pattern for step in recorded_rules() for pattern in patterns_of(step)]
    return list(dict.fromkeys(expand(patterns, site=sites())))


def read_by(step):
    """Return the files that a rule reads; of what each site has for itself only how it is called."""
    once, found = "{site}" not in patterns_of(step)[0], []
    for item in step.input:
        if callable(item):
            found += item({}) if once else [f"{item.__name__.replace('_', ' ')} of {{site}}"]
        else:
            found.append(str(item))
    return found


def resources_read(wildcards):
    """Return the files that steps read beside submissions, and that no step makes."""
    known = {
        path
        for step in recorded_rules()
        for path in [*patterns_of(step), *expand(patterns_of(step), site=sites())]
    }
    read = {path for step in recorded_rules() for path in read_by(step) if " of {site}" not in path}
    return sorted(read - known)


def configuration_read(wildcards):
    """Return the files that the configuration was merged from, in the study's folder by their names there."""
    here = Path.cwd()
    files = [Path(path).absolute() for path in workflow.configfiles]
    named = [str(path.relative_to(here) if path.is_relative_to(here) else path) for path in files]
    # Snakemake would read a brace as a wildcard.
    return [path for path in dict.fromkeys(named) if not set("{}") & set(path)]


def sheets_read(wildcards):
    """Return the sheet of sites and the mapping files."""
    return list(
        dict.fromkeys([find_sheet(), *(row["mapping"] for row in sites().values() if row["mapping"])])
    )


def everything_submitted(wildcards):
    """Return every file of every submission, of earlier data cuts too."""
    folders = {
        (folder, row["mapping_text"]): None
        for row in sites().values()
        for folder in [*row["earlier"], row["folder"]]
    }
    return [path for folder, mapped in folders for path in expected_files(folder, mapped)]


def submission_folders(wildcards):
    """Return where each site's submissions are, by the site's name or, where it keeps several, with the data cut."""
    return {
        f"{site}/{folder.name}" if DATED.fullmatch(folder.name) else site: place(folder, BASE)
        for site, row in sites().items()
        for folder in [*row["earlier"], row["folder"]]
    }


def who_made_what(wildcards):
    """Return for each rule what it reads and makes, by which script, and how often it runs."""
    pattern_of = {
        path: pattern
        for step in recorded_rules()
        for pattern in patterns_of(step)
        for path in expand(pattern, site=sites())
    }

    def named(path):
        if path in pattern_of or " of {site}" in path or "{" in path:
            return pattern_of.get(path, path)
        # Which record of an earlier release it was is the record's own to say.
        return f"{RELEASES}/" if Path(path).parent == RELEASES else place(path, BASE)

    return {
        step.name: {
            "script": Path(step.script).stem,
            "runs": len(sites()) if "{site}" in patterns_of(step)[0] else 1,
            "inputs": list(dict.fromkeys(named(path) for path in read_by(step))),
            "outputs": patterns_of(step),
        }
        for step in recorded_rules()
    }


def accepted(table):
    """Return an input function: the accepted rows of one table, of every site."""
    return of_sites(f"results/restricted/intake/{{site}}/{table}.parquet")


def log_times():
    """Return when each log was written."""
    return {path: path.stat().st_mtime_ns for path in Path("results/logs").glob("**/*.log")}


def remember_logs():
    """Remember the logs of earlier runs, so that only this run's failures are repeated at its end.

    Snakemake holds its lock here: what a writer that was killed left half done can go.
    """
    LOGS.update(log_times())
    clear_partial("results")


def logged(warnings):
    """Return what this run's steps logged, one line each: their warnings, or their failures."""
    written = [path for path, time in log_times().items() if LOGS.get(path) != time]
    lines = dict.fromkeys(line for path in sorted(written) for line in read_text(path).splitlines())
    return [line for line in lines if line.startswith("Warning: ") == warnings]


def failures():
    """Return this run's failures, one line each."""
    silent = (
        "Defect: a step ended before it could say why, killed perhaps; run again: what was finished is kept"
    )
    return "\n".join(["", *(logged(warnings=False) or [silent]), ""])


def closing_words():
    """Return the run's warnings, the headline sentence if this run came to it, and where to look."""
    # Snakemake has changed into the study's folder; the reader has not, so the paths are whole ones.
    told = "".join(f"{line}\n" for line in logged(warnings=True))
    written = {path for path, time in log_times().items() if LOGS.get(path) != time}
    if Path("results/logs/write_report.log") in written:
        page = Path("results/release/report.html").resolve()
        return f"\n{told}{read_text('results/release/headline.txt')}\nReport: {page}\n"
    if Path("results/logs/release_evidence.log") not in written:
        return told
    table = Path("results/release/tables/evidence_pooled.csv").resolve()
    alone = "" if has_registry() else "No registry is among the evidence: this study has no sheet of sites.\n"
    older = Path("results/release/report.html").exists()
    stale = (
        "The report is older than these tables: run without a target to write it again.\n" if older else ""
    )
    return f"\n{told}{alone}{stale}Evidence: {table}\n"


if workflow.is_main_process:
    settle()
