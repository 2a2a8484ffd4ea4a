"""Commands that a centre runs by itself, offline: template, key, mapping, de-identification, validation.

Nothing here needs a study's configuration or the network, and no value of a row is printed.
"""

import re
from argparse import Namespace
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from gravida.errors import ConfigurationError, SubmissionRefused
from gravida.files import read_bytes, read_yaml, write_bytes, write_secret, write_text

ROOT = Path(__file__).resolve().parents[3]


def dmt_codes() -> list[str]:
    """Return the known codes of disease-modifying therapies."""
    from gravida.tables import read_table

    return list(read_table(ROOT / "resources/dmt_codes.csv")["code"])


def write_template(options: Namespace) -> None:
    """Write the blank workbook for sites, or REDCap's data dictionary."""
    from gravida.intake.centre.redcap_dictionary import redcap_dictionary
    from gravida.intake.centre.template import template_workbook

    _refuse_to_overwrite(options.file)
    if options.redcap:
        write_text(options.file, redcap_dictionary(dmt_codes()))
    else:
        write_bytes(options.file, template_workbook(dmt_codes()))
    print(f"Written: {options.file}")


def write_key(options: Namespace) -> None:
    """Write a new key for pseudonyms; it stays at the centre."""
    from gravida.intake.centre.pseudonyms import new_key

    _refuse_to_overwrite(options.file)
    write_secret(options.file, new_key())
    print(f"Written: {options.file}. Keep it: without it no pseudonym can be made again. Send it to nobody.")


def write_exchange_keys(options: Namespace) -> None:
    """Write the two keys of a partner that keeps its rows, or of the coordinating centre."""
    from gravida.federation.signing import new_keys

    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", options.name):
        raise ConfigurationError("the name may hold letters, digits, _ and - only")
    secret, public = (options.folder / f"{options.name}{ending}" for ending in (".key", ".pub"))
    for path in (secret, public):
        _refuse_to_overwrite(path)
    private_text, public_text = new_keys()
    write_secret(secret, private_text)
    write_text(public, public_text)
    print(f"Written: {secret}, which you send to nobody, and {public}, which goes to your partners.")


def draft_mapping(options: Namespace) -> None:
    """Draft a mapping file from a centre's own files."""
    from gravida.intake.mapping.draft import draft_mapping as draft
    from gravida.intake.outcome import Unreadable
    from gravida.intake.reading.read import read_sources

    _refuse_to_overwrite(options.output)
    sources = {}
    for path in options.files:
        try:
            sources |= read_sources(path)
        except Unreadable as unreadable:
            raise SubmissionRefused(
                f"{path.name}: {unreadable.outcome.check}: {_advice(unreadable)}"
            ) from None
    write_text(options.output, draft(sources, dmt_codes()))
    print(f"Written: {options.output}. Read every line, fill in TODO, then validate with it.")


def _advice(unreadable) -> str:
    return unreadable.outcome.advice.rstrip(".")


def validate(options: Namespace) -> None:
    """Check a folder as the study would, write the page, and say accepted or refused.

    Raises
    ------
    SubmissionRefused
        Naming every failing check with its number of rows.
    """
    from gravida.intake.submission import DataCut, Site, intake_site, refusal
    from gravida.settings import is_date
    from gravida.tables import read_table

    if options.data_cut and not is_date(options.data_cut):
        raise ConfigurationError("--data-cut: not a day of the calendar, such as 2026-06-30")

    files, strange = _entries(options.folder)
    site = Site(options.site, options.policy, options.data_cut or date.today().isoformat())
    codes = read_table(ROOT / "resources/dmt_codes.csv")
    separation = read_yaml(ROOT / "config/config.yaml")["relapse_separation_days"]
    earlier = []
    if options.earlier:
        then = options.earlier.name if is_date(options.earlier.name) else site.data_cut
        earlier = [DataCut(then, *_entries(options.earlier))]
    result = intake_site(site, files, codes, separation, strange, _mapping(options.mapping), earlier)
    write_text(options.page, result.page)
    rows = ", ".join(f"{table} {number}" for table, number in result.verdict["rows"].items())
    print(f"{result.verdict['verdict'].capitalize()}. Rows read: {rows}. Page: {options.page}")
    line = refusal([result.verdict])
    if earlier and not line and not result.verdict["earlier"]:
        print("The earlier submission would be refused, so nothing was compared with it.")
    if line:
        raise SubmissionRefused(f"{line.partition('. The pregnancy_ids')[0]}; what to do is on the page")


def deidentify(options: Namespace) -> None:
    """Make the tables that may leave a centre from its own.

    Raises
    ------
    SubmissionRefused
        If something that identifies is left; nothing is written then.
    """
    from gravida.intake.centre.deidentify import as_csv
    from gravida.intake.centre.deidentify import deidentify as without_identifiers
    from gravida.intake.centre.pseudonyms import read_key
    from gravida.intake.folder import gather_tables

    if options.k < 1:
        raise ConfigurationError("--k: the smallest class wanted is at least 1")
    if options.output.exists():
        raise ConfigurationError(f"{options.output} is there already; name a folder that is not")
    files, strange = _entries(options.folder)
    gathered = gather_tables(files, strange, _mapping(options.mapping), dmt_codes())
    _refuse(outcome for outcome in gathered.outcomes if outcome.refuses)
    made = without_identifiers(
        gathered.texts, read_key(read_bytes(options.key).decode("utf-8", "replace")), options.k, dmt_codes()
    )
    _refuse(outcome for outcome in made.outcomes if outcome.refuses)
    for table, text in made.tables.items():
        write_text(options.output / f"{table}.csv", as_csv(text))
    for row in gathered.reasons.itertuples():
        print(f"{row.table}.{row.column}: {row.reason}: {row.rows} rows.")
    for row in made.classes.itertuples():
        print(f"Smallest class by age ({row.age}) and delivery year ({row.delivery_year}): {row.smallest}.")
    print(f"Written: {options.output}. Look at it, then run validate on it before sending.")


def _refuse(failing) -> None:
    told = [
        f"{'.'.join(filter(None, (outcome.table, outcome.column)))} {outcome.check}: {outcome.failed}"
        for outcome in failing
    ]
    if told:
        raise SubmissionRefused(f"nothing is written: {', '.join(told)}")


def _entries(folder: Path) -> tuple[list[Path], int]:
    """Return the files that are read and the number of other entries."""
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder")
    entries = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    files = [path for path in entries if path.is_file()]
    return files, len(entries) - len(files)


def _mapping(path: Path | None):
    from gravida.intake.mapping.file import read_mapping

    if path is None:
        return None
    return read_mapping(read_bytes(path), read_yaml(ROOT / "schemas/mapping.schema.yaml"))


def _refuse_to_overwrite(path: Path) -> None:
    if path.exists():
        raise ConfigurationError(f"{path} is there already; name a file that is not")


def add_commands(commands) -> None:
    """Add the commands to a parser's subcommands."""
    template = _command(commands, "template", write_template, "write a blank workbook for a site")
    template.add_argument("file", type=Path, help="such as submission.xlsx; must not exist yet")
    template.add_argument(
        "--redcap", action="store_true", help="write REDCap's data dictionary (CSV) instead"
    )
    key = _command(commands, "new-key", write_key, "make the key for pseudonyms, which stays at the centre")
    key.add_argument("file", type=Path, help="must not exist yet")
    keys = _command(
        commands, "exchange-keys", write_exchange_keys, "make the keys that sign what centres exchange"
    )
    keys.add_argument("folder", type=Path, help="where they are written")
    keys.add_argument("name", help="the site's name, or coordinator")
    draft = _command(
        commands, "map-template", draft_mapping, "draft a mapping file from a centre's own files"
    )
    draft.add_argument("files", type=Path, nargs="+", help="CSV, Excel or Parquet files")
    draft.add_argument("--output", type=Path, default=Path("mapping.yaml"), help="default mapping.yaml")
    check = _command(commands, "validate", validate, "check a submission before sending it, offline")
    _add_folder(check)
    check.add_argument("--site", default="this_site", help="name on the page")
    policies: Sequence[str] = ["all", "none", "individual"]
    check.add_argument("--policy", choices=policies, default="individual", help="who is treated at the site")
    check.add_argument("--data-cut", help="YYYY-MM-DD, default today")
    check.add_argument("--earlier", type=Path, help="folder of the submission before, to compare with")
    check.add_argument("--page", type=Path, default=Path("quality.html"), help="default quality.html")
    leave = _command(commands, "deidentify", deidentify, "make the tables that may leave a centre, offline")
    _add_folder(leave)
    leave.add_argument("--key", type=Path, required=True, help="made once with new-key")
    leave.add_argument("--output", type=Path, required=True, help="folder; must not exist yet")
    leave.add_argument("--k", type=int, default=5, help="smallest class wanted (default 5)")


def _command(commands, name: str, run, said: str):
    parser = commands.add_parser(name, help=said)
    parser.set_defaults(run=run)
    return parser


def _add_folder(parser) -> None:
    parser.add_argument("folder", type=Path, help="of the submission")
    parser.add_argument("--mapping", type=Path, help="mapping file, where columns carry other names")
