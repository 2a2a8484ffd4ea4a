"""Commands beside the workflow: ``python -m gravida COMMAND``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gravida.errors import GravidaError

ROOT = Path(__file__).resolve().parents[3]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; a fault of the user's is one line on standard error."""
    parser = argparse.ArgumentParser(prog="python -m gravida", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("document", help="regenerate the data dictionary and the guide to the configuration")
    synthetic = commands.add_parser(
        "synthetic", help="write a study of synthetic sites to try the workflow on"
    )
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
    synthetic.add_argument("--seed", type=int, default=20191111)
    options = parser.parse_args(arguments)
    try:
        write_documents() if options.command == "document" else write_synthetic_study(options)
    except GravidaError as fault:
        print(fault.line(), file=sys.stderr)
        return 1
    return 0


def write_documents() -> None:
    """Write the documents that are generated from the schemas."""
    from gravida.files import write_text

    for path, text in documents().items():
        write_text(ROOT / path, text)


def documents() -> dict[str, str]:
    """Return the text of each generated document by its path."""
    from gravida.files import read_yaml
    from gravida.guide import configuration_guide
    from gravida.intake.dictionary import data_dictionary
    from gravida.tables import read_table

    guide = configuration_guide(
        read_yaml(ROOT / "config/config.yaml"),
        read_yaml(ROOT / "schemas/config.schema.yaml"),
        read_yaml(ROOT / "schemas/sites.schema.yaml"),
    )
    codes = read_table(ROOT / "resources/dmt_codes.csv")["code"]
    return {"config/README.md": guide, "resources/data_dictionary.md": data_dictionary(list(codes))}


def write_synthetic_study(options: argparse.Namespace) -> None:
    """Write the sites' submissions, the sheet of sites and a configuration."""
    from gravida.errors import ConfigurationError
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


if __name__ == "__main__":
    sys.exit(main())
