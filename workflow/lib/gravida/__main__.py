"""Commands beside the workflow: ``python -m gravida COMMAND``."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gravida.at_centre import ROOT, add_commands
from gravida.errors import ConfigurationError, GravidaError

SEED = 20191111


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; a fault of the user's is one line on standard error."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except GravidaError as fault:
        print(fault.line(), file=sys.stderr)
        return 1
    except OSError as fault:
        print(ConfigurationError(f"{fault.filename}: {fault.strerror}").line(), file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gravida", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    document = commands.add_parser(
        "document", help="regenerate the data dictionary and the guides to configuration and released tables"
    )
    document.set_defaults(run=lambda options: write_documents())
    synthetic = commands.add_parser(
        "synthetic", help="write a study of synthetic sites to try the workflow on"
    )
    synthetic.set_defaults(run=write_synthetic_study)
    synthetic.add_argument("folder", type=Path, help="folder of the study; must not exist yet")
    synthetic.add_argument("--sites", type=int, default=4, help="number of sites (default 4)")
    synthetic.add_argument(
        "--pregnancies", type=int, default=60, help="pregnancies at each site (default 60)"
    )
    synthetic.add_argument(
        "--policy",
        choices=["pairs", "individual"],
        default="pairs",
        help="sites that treat all and none in turn, or sites that choose (default pairs)",
    )
    synthetic.add_argument(
        "--rate-ratio", type=float, default=1.4, help="untreated over treated (default 1.4)"
    )
    synthetic.add_argument("--seed", type=int, default=SEED)
    check = commands.add_parser(
        "verify", help="say which files of a study are not as its last run read and left them"
    )
    check.set_defaults(run=print_verification)
    check.add_argument("study", type=Path, help="folder of the study")
    plan = commands.add_parser(
        "check-plan", help="say what is wrong with a configuration, where it cannot be read"
    )
    plan.set_defaults(run=lambda options: check_plan(options.file))
    plan.add_argument("file", type=Path, help="the study's config.yaml")
    _add_calibrate(commands)
    add_commands(commands)
    return parser


def _add_calibrate(commands: argparse._SubParsersAction) -> None:
    calibration = commands.add_parser(
        "calibrate", help="simulate studies of known truth and say how often the intervals hold it"
    )
    calibration.set_defaults(run=write_calibration)
    calibration.add_argument(
        "--replicates", type=int, default=2000, help="of each scenario, in whole chunks of 100 (default 2000)"
    )
    calibration.add_argument(
        "--folder",
        type=Path,
        default=ROOT / "results/calibration",
        help="of chunks, table and picture (default results/calibration)",
    )
    calibration.add_argument(
        "--page",
        type=Path,
        default=ROOT / "resources/calibration.md",
        help="that says what was found (default resources/calibration.md)",
    )
    calibration.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: every core)"
    )
    calibration.add_argument("--seed", type=int, default=SEED)


def write_documents() -> None:
    """Write the documents that are generated from the schemas."""
    from gravida.files import write_text

    for path, text in documents().items():
        write_text(ROOT / path, text)


def documents() -> dict[str, str]:
    """Return the text of each generated document by its path."""
    from gravida.files import read_yaml
    from gravida.guide import configuration_guide, references_page, table_guide
    from gravida.intake.dictionary import data_dictionary
    from gravida.report.references import REFERENCES
    from gravida.tables import read_table

    guide = configuration_guide(
        read_yaml(ROOT / "config/config.yaml"),
        read_yaml(ROOT / "schemas/config.schema.yaml"),
        read_yaml(ROOT / "schemas/sites.schema.yaml"),
    )
    codes = read_table(ROOT / "resources/dmt_codes.csv")["code"]
    return {
        "config/README.md": guide,
        "resources/data_dictionary.md": data_dictionary(list(codes)),
        "docs/references.md": references_page(REFERENCES),
        "docs/tables.md": table_guide(read_yaml(ROOT / "schemas/release.meanings.yaml")),
    }


def write_synthetic_study(options: argparse.Namespace) -> None:
    """Write the sites' submissions, the sheet of sites and a configuration."""
    from gravida.files import write_text
    from gravida.settings import SHEET_COLUMNS
    from gravida.synthetic import RegistryDesign, SiteDesign, generate, write_registry

    folder: Path = options.folder
    if folder.exists():
        raise ConfigurationError(f"{folder} is there already; name a folder that is not")
    in_turn = ("all", "none") if options.policy == "pairs" else ("individual",)
    sites = tuple(
        SiteDesign(f"site_{number + 1:03d}", in_turn[number % len(in_turn)], options.pregnancies)
        for number in range(options.sites)
    )
    design = RegistryDesign(sites, seed=options.seed, rate_ratio=options.rate_ratio)
    write_registry(generate(design), folder / "submissions")
    lines = ["\t".join(SHEET_COLUMNS)] + [
        "\t".join(
            (site.name, f"submissions/{site.name}", "rows", site.policy, "", design.data_cut.isoformat())
        )
        for site in sites
    ]
    write_text(folder / "sites.tsv", "\n".join(lines) + "\n")
    write_text(folder / "config.yaml", "sites: sites.tsv\n")


def print_verification(options: argparse.Namespace) -> None:
    """Print a line for each file of a study that is not as its last run left it, or that all are.

    Raises
    ------
    ConfigurationError
        If the folder is not there.
    """
    from gravida.provenance.verify import verify

    if not options.study.is_dir():
        raise ConfigurationError(f"the folder {options.study} is not there; name the folder of a study")
    lines = verify(options.study, ROOT)
    print("\n".join(lines) or "Every file is as the last run read or left it.")
    if lines:
        sys.exit(1)


def check_plan(path: Path) -> None:
    """Read a study's configuration, as `make` does before each run."""
    from gravida.settings import read_plan

    read_plan(path)


def write_calibration(options: argparse.Namespace) -> None:
    """Simulate, then write the table, its picture and the page; a run that was stopped is continued."""
    from tqdm import tqdm

    from gravida.calibration import SCENARIOS, CalibrationSettings, calibrate
    from gravida.calibration.page import calibration_page
    from gravida.figures.calibration import draw_calibration
    from gravida.files import write_bytes, write_text
    from gravida.tables import write_table

    settings = CalibrationSettings(options.seed, options.replicates)
    total = settings.chunks * settings.chunk * len(SCENARIOS)
    try:
        with tqdm(total=total, unit="replicate", smoothing=0) as bar:
            summary = calibrate(options.folder, settings, SCENARIOS, options.jobs, bar.update)
    except KeyboardInterrupt:
        sys.exit("Stopped; the same command goes on from here.")
    write_table(options.folder / "calibration.csv", summary)
    write_bytes(options.folder / "calibration.png", draw_calibration(summary))
    write_text(options.page, calibration_page(summary, options.seed))


if __name__ == "__main__":
    sys.exit(main())
