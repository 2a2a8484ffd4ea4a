# Shared by the other files: the sites, the tables, the digest of the code, and the words at the end of a run.
# The sheet of sites is read when a step asks for it, not before: the published evidence needs no registry.
import logging
import re
from contextlib import suppress
from functools import cache, wraps

from gravida import files, ledger, settings
from gravida.errors import ConfigurationError
from gravida.federation import mail
from gravida.provenance import code_digest, inputs, kept, logs, progress, steps
from gravida.provenance.places import SUBMITTED

# Where Snakemake's own log cannot be written, no traceback hides what a step has to say.
logging.raiseExceptions = False

BASE = Path(workflow.basedir)
ENVIRONMENT = BASE / "environment.yml"
DEFAULTS = files.read_yaml(BASE / "config/config.yaml")
# Snakemake does not notice an edited module: this digest is a parameter of every rule.
CODE = code_digest(BASE)
TABLES = [
    *("attrition", "balance", "baseline", "changes", "cost", "data_quality", "dispersion", "doses"),
    *("estimability", "identifiability", "longitudinal", "precision", "predictability", "predictors"),
    *("rate_ratios", "relapse_free", "relapse_rates", "risk_difference", "safety", "sensitivity", "sites"),
    "time_to_relapse",
]
FIGURES = ["course", "flow", "predictors", "rootogram", "sensitivity"]
# These can be made without a registry.
EVIDENCE_TABLES = ["evidence_audit", "evidence_grade", "evidence_pooled", "evidence_studies"]
EVIDENCE_FIGURES = ["evidence_cumulative", "evidence_forest", "evidence_funnel"]
# The question under which each released table and figure stands in Snakemake's report.
QUESTIONS = {
    "1 The study": ["manuscript", "report"],
    "2 Design": ["estimability", "identifiability", "precision"],
    "3 Women and data": ["attrition", "balance", "baseline", "changes", "data_quality", "flow"],
    "4 Relapse rates": ["course", "dispersion", "longitudinal", "relapse_rates", "rootogram", "sites"],
    "5 Treated and untreated": [
        *("rate_ratios", "relapse_free", "risk_difference", "sensitivity", "time_to_relapse"),
    ],
    "6 Predictors of relapse": ["predictability", "predictors"],
    "7 Treatment": ["cost", "doses", "safety"],
    "8 Published evidence": [*EVIDENCE_TABLES, *EVIDENCE_FIGURES],
}
KINDS = {".csv": "tables", ".png": "figures"}
# The day after delivery on which each outcome period ends.
OUTCOME_DAY = {"postpartum_q1": 91, "postpartum_6_months": 182, "postpartum_year": 365}
# When the logs of earlier runs were written.
EARLIER = {}


wildcard_constraints:
    site="[A-Za-z0-9_-]+",


def in_one_line(function):
    """Return the function, of which a fault ends the run with its one line."""

    @wraps(function)
    def told(*arguments):
        try:
            return function(*arguments)
        except ConfigurationError as fault:
            sys.exit(fault.line())
        except OSError as fault:
            sys.exit(
                f"ConfigurationError: a file of the study cannot be read or written ({os.strerror(fault.errno or 0)}): "
                "results/ must be a folder, on a disk with room, that you may write to; then run again: what was "
                "finished is kept"
            )

    return told


@in_one_line
def check_plan():
    """Check the configuration, and return where each sheet of published evidence is."""
    settings.check_configuration(config, files.read_yaml(BASE / "schemas/config.schema.yaml"))
    for path in workflow.configfiles:
        settings.read_plan(path)
        files.check_date(path, "configuration")
    if config["sites"] == DEFAULTS["sites"] and Path("sites.tsv").exists():
        raise ConfigurationError(
            "configuration: sites.tsv is in the study's folder, and no key names it: add the line 'sites: sites.tsv'"
        )
    return {
        name: inputs.find_dated(
            config["evidence"][name], DEFAULTS["evidence"][name], BASE, f"evidence.{name}"
        )
        for name in ("studies", "published_rates", "claims")
    }


EVIDENCE = check_plan()


def content_of(*names):
    """Return digests of sheets of evidence: one may be put in place with the date of an old one."""
    # The step that cannot read a sheet says so.
    with suppress(OSError):
        return [files.digest([path], Path(path).parent) for path in map(EVIDENCE.get, names)]
    return []


# The fewest women on whom a released cell may rest, and how counts are rounded.
DISCLOSURE = settings.disclosure_rules(config["disclosure"])


def is_shipped(path, default):
    """Say whether this is the sheet that comes with gravida."""
    return Path(path).resolve() == (BASE / default).resolve()


def find_sheet():
    """Return where the sheet of sites is."""
    return settings.find(config["sites"], DEFAULTS["sites"], BASE, "sites")


@cache
def read_sites():
    """Return the sites by name, each with where its submissions are."""
    sheet = find_sheet()
    files.check_date(sheet, "sites")
    rows = settings.read_sites(sheet, files.read_yaml(BASE / "schemas/sites.schema.yaml"))
    return inputs.find_submissions(rows, BASE, is_shipped(sheet, DEFAULTS["sites"]))


# What a step asks for that needs them.
sites = in_one_line(read_sites)


def has_registry():
    """Say whether the study has a registry to set among the evidence: its sheet of sites is there.

    The shipped, invented registry never enters somebody's own sheet of studies.
    """
    try:
        sheet = find_sheet()
    except ConfigurationError:
        return False
    return not (has_own_studies() and is_shipped(sheet, DEFAULTS["sites"]))


def has_own_studies():
    """Say whether the sheet of studies is another than the shipped one."""
    return not is_shipped(EVIDENCE["studies"], DEFAULTS["evidence"]["studies"])


def superseded():
    """Return the overlap groups of published studies whose women are the registry's own.

    The default names a study of the shipped sheet: of somebody's own sheet it says nothing.
    """
    groups = config["evidence"]["superseded"]
    return [] if has_own_studies() and groups == DEFAULTS["evidence"]["superseded"] else groups


def of_registry(*paths):
    """Return an input function: these files, or nothing where there is no registry."""
    return lambda wildcards: list(paths) if has_registry() else []


def at_hand():
    """Return the names of the sites that send rows."""
    return [name for name, site in sites().items() if site["mode"] == "rows"]


def keeping():
    """Return the names of the sites that keep their rows and send sums."""
    return [name for name, site in sites().items() if site["mode"] == "summary"]


def of_sites(pattern):
    """Return an input function: the files of this pattern, one a site that sends rows."""
    return lambda wildcards: expand(pattern, site=at_hand())


def accepted(table):
    """Return an input function: the accepted rows of one table, of every site that sends rows."""
    return of_sites(f"results/restricted/intake/{{site}}/{table}.parquet")


def submission_files(wildcards):
    """Return every file of the submission: one that is edited, added or taken away is noticed."""
    return inputs.cut_files(sites()[wildcards.site])[-1]


def earlier_files(wildcards):
    """Return every file of the site's earlier data cuts."""
    return [path for cut in inputs.cut_files(sites()[wildcards.site])[:-1] for path in cut]


def mapping_file(wildcards):
    """Return the site's mapping file, or nothing where it has none."""
    return [path for path in [sites()[wildcards.site]["mapping"]] if path]


def strange_entries(wildcards):
    """Return for each data cut of a site how many entries there are that are not read."""
    return inputs.count_strange(sites()[wildcards.site])


def policies(wildcards):
    """Return each site's policy."""
    return {name: site["policy"] for name, site in sites().items()}


def data_cuts():
    """Return the date of each site's latest data cut."""
    return {name: site["data_cut"] for name, site in sites().items()}


def latest_data_cut(wildcards):
    """Return the year of the latest data cut."""
    return max(int(date[:4]) for date in data_cuts().values())


def invented(wildcards):
    """Return for each site whether its rows are invented: the generator leaves a mark beside them or above."""
    return [
        any(
            (path / mark).exists()
            for path in site["folders"][-1:]
            for mark in (".synthetic", "../.synthetic")
        )
        for site in sites().values()
    ]


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


def plan_digest(wildcards):
    """Return a digest of the plan but for where its sheets lie: numbers also move with the plan."""
    return ledger.digest_of({key: value for key, value in config.items() if key != "sites"})


@in_one_line
def last_record(wildcards):
    """Return the record of the last release, or nothing where there is none."""
    return kept.last_record(data_cuts())


@in_one_line
def earlier_records(wildcards):
    """Return the records of all other releases: what differs by few from one of them must not be told."""
    return kept.earlier_records(data_cuts(), plan_digest(wildcards)) if has_registry() else []


def last_round():
    """Return the number of the last round that the coordinating centre has asked for; the first needs no asking."""
    asked = Path("exchange").glob("round_[0-9][0-9]/request.json")
    return max((path.parent.name.removeprefix("round_") for path in asked), default="01")


def request_of_round(wildcards):
    """Return the request of a round and the key that it is signed with; the first follows from the plan."""
    if wildcards.round == "01":
        return []
    return [f"exchange/round_{wildcards.round}/request.json", "exchange/keys/coordinator.pub"]


def ledger_before(wildcards):
    """Return what a site had answered before a round."""
    number = int(wildcards.round) - 1
    return [f"exchange/round_{number:02}/{wildcards.site}_ledger.json"] if number else []


def summaries(wildcards):
    """Return the answers of this study's sites to the last round."""
    return [f"exchange/round_{last_round()}/{name}.json" for name in sites()]


def line_of(site):
    """Return what a summary repeats of the sheet of sites."""
    return {name: sites()[site][name] for name in ("site", "policy", "data_cut")}


def lines_of_keeping(wildcards):
    """Return the same of every site that keeps its rows."""
    return [line_of(name) for name in keeping()]


def answers(wildcards):
    """Return the file of what centres that keep their rows have answered, or nothing where all send rows."""
    return ["results/internal/exchange/answers.json"] if keeping() else []


def next_round(wildcards):
    """Return what is to be asked of centres that keep their rows, or nothing where all send rows."""
    return ["results/internal/exchange/state.json"] if keeping() else []


@cache
def exchange_files(*_):
    """Return the digest of every file that centres have sent, of the requests that they answer, and of keys."""
    return {str(path): files.sha256(path) for path in mail.files_sent(keeping())}


# These are made beside a study: its record says nothing of them.
BESIDE = ("record_provenance", "summarise_site")
# And these where centres keep their rows.
OF_EXCHANGE = ("ask_centres", "gather_answers")


@cache
def recorded_steps():
    """Return every step of a study that makes something, but for the record of them all."""
    beside = BESIDE if keeping() else (*BESIDE, *OF_EXCHANGE)
    return [
        steps.Step(each.name, Path(each.script).stem, read_by(each), made_by(each))
        for each in workflow.rules
        if each.output and each.name not in beside
    ]


def made_by(step):
    """Return the names of what a rule makes, with {site} where there is one for each site."""
    return [re.sub(r"[{](\w+),[^{}]*[}]", r"{\1}", str(pattern)) for pattern in step.output]


def read_by(step):
    """Return the files that a rule reads; of what each site has for itself only how it is called."""
    of_site, found = "{site}" in made_by(step)[0], []
    for item in step.input:
        if not callable(item):
            found.append(str(item))
        elif of_site:
            found.append(f"{item.__name__.replace('_', ' ')} of {{site}}")
        else:
            found += item({})
    return found


def who_made_what(wildcards):
    """Return for each step what it reads and makes, by which script, and how often it runs."""
    return steps.who_made_what(recorded_steps(), at_hand(), BASE)


def makers_of_release(wildcards):
    """Return for each released file the rules that made it, the one that made its internal table first."""
    made = {path: step.name for step in recorded_steps() for path in step.makes}
    released = [path for path in made if path.startswith("results/release")]
    return {
        path: [made[other] for other in (path.replace("release", "internal", 1), path) if other in made]
        for path in released
    }


def everything_made(wildcards):
    """Return every file that the other steps make."""
    return steps.files_made(recorded_steps(), at_hand())


def resources_read(wildcards):
    """Return the files that steps read beside submissions, and that no step makes."""
    return steps.files_not_made(recorded_steps(), at_hand())


def configuration_read(wildcards):
    """Return the files that the configuration was merged from, in the study's folder by their names there."""
    return inputs.named_here(workflow.configfiles)


def sheets_read(wildcards):
    """Return the sheet of sites, the mapping files, and what was sent by centres that keep their rows."""
    found = [find_sheet(), *(site["mapping"] for site in sites().values()), *exchange_files()]
    return [path for path in dict.fromkeys(found) if path]


def everything_submitted(wildcards):
    """Return every file of every submission, of earlier data cuts too."""
    return [path for site in sites().values() for cut in inputs.cut_files(site) for path in cut]


def submission_folders(wildcards):
    """Return where each site's submissions are, by the site's name."""
    return inputs.label_folders(sites(), BASE)


# What a finished run leaves for a later one to be compared with.
keep_release = in_one_line(kept.keep_release)


@in_one_line
def settle():
    """Put right what the last run, or a clock, left behind, before Snakemake looks at any date.

    A run that is killed when its report is there, but not yet the record of its release, has nothing left to do
    the next time: no hook would keep that record.
    """
    files.check_folders(files.WRITTEN_TO)
    kept.keep_release()
    files.distrust_future("results")
    # Whatever needs the sites says why they cannot be read.
    with suppress(ConfigurationError):
        for name, site in read_sites().items():
            # No step needs this file: its date concerns intake alone, which goes by the content then.
            files.distrust_older(f"results/restricted/intake/{name}/findings.csv", inputs.files_read(site))


def show_progress():
    """Say on the terminal which step is done, in words of the field; Snakemake's own log has the rest.

    With --verbose, in a dry run, in the jobs of a cluster and with a logger of somebody's own all is as ever.
    """
    said = workflow.output_settings
    if not workflow.is_main_process or said.dryrun or said.verbose:
        return
    names = {each.name: each.docstring or each.name for each in workflow.rules if each.output}
    for plain in [each for each in logger.handlers if each.name == "DefaultStreamHandler"]:
        logger.removeHandler(plain)
        logger.addHandler(progress.Progress(plain, names, logs.places))


def shown(path):
    """Return a released file as it stands in Snakemake's report: under its question, with its caption."""
    name, kind = Path(path).stem, KINDS.get(Path(path).suffix, "documents")
    (question,) = (each for each, names in QUESTIONS.items() if name in names)
    return report(
        path,
        category=question,
        subcategory=kind.capitalize(),
        labels={"shows": name.replace("_", " ")},
        caption=f"../report/{kind}/{name}.rst",
    )


def look_when_a_job_ends():
    """Let Snakemake look for what to start when a job ends, and not once more in each second for every job so far.

    Its limit of jobs in a second is kept up by timers, each of which sets the next: with hundreds of sites the
    looking costs more than the jobs, and a run of any size ends a second late. Jobs that are sent to a cluster stay
    limited.
    """
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


def remember_logs():
    """Remember the logs of earlier runs, so that only this run's failures are repeated at its end.

    Snakemake holds its lock here: what a writer that was killed left half done can go.
    """
    EARLIER.update(logs.log_times())
    files.clear_partial("results")


def failures():
    """Return this run's failures, one line each, and where the answers to refused sites are."""
    senders = []
    # Where the sheet of sites cannot be read, that is among the failures.
    with suppress(ConfigurationError):
        senders = [name for name, site in read_sites().items() if site["mode"] == "rows"]
    return logs.failures(EARLIER, senders, any(getattr(each, "stopped", False) for each in logger.handlers))


def closing_words():
    """Return the run's warnings, the headline sentence if this run came to it, and where to look."""
    return logs.closing_words(EARLIER, has_registry())


@in_one_line
def send_request():
    """Ask centres that keep their rows what is still to be known, and return who has to do what."""
    state = Path("results/internal/exchange/state.json")
    return (
        mail.send_request(files.read_json(state)) if state.exists() and has_registry() and keeping() else ""
    )


if workflow.is_main_process:
    settle()
elif files.is_of_another_run():
    # A job may wait in a queue until its run was killed and another made what it would: Snakemake begins a job by
    # removing that.
    sys.exit("This step is of a run that has ended: it does nothing.")
