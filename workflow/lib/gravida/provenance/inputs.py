"""Where the files are that a study reads: its sheets, and each site's data cuts and mapping file."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gravida import settings
from gravida.errors import ConfigurationError
from gravida.files import check_date, read_bytes
from gravida.provenance.places import SUBMITTED, WORKBOOK, place

# The name of a folder that holds one data cut.
DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Where sites that keep their rows put their answers.
EXCHANGE = "exchange"
Site = dict[str, Any]


def find_dated(value: str, default: str, base: str | Path, what: str) -> str:
    """Return where a file of the study is, unless Snakemake would run for ever after it.

    Parameters are those of `settings.find`.

    Raises
    ------
    ConfigurationError
        If it is not there, or dated in the future.
    """
    path = settings.find(value, default, base, what)
    check_date(path, what)
    return path


def named_here(paths: Iterable[str | Path]) -> list[str]:
    """Return files by their names in the study's folder, where they are in it, each once."""
    here = Path.cwd()
    files = [Path(path).absolute() for path in paths]
    named = [str(path.relative_to(here) if path.is_relative_to(here) else path) for path in files]
    # Snakemake would read a brace as a wildcard.
    return [path for path in dict.fromkeys(named) if not set("{}") & set(path)]


def find_submissions(
    rows: Iterable[Mapping[str, str]], base: str | Path, is_shipped: bool
) -> dict[str, Site]:
    """Return the sites by name, each with where its submissions are.

    Parameters
    ----------
    rows : iterable of mapping
        Of the sheet of sites, see `settings.read_sites`.
    base : str or Path
        Folder of the workflow.
    is_shipped : bool
        Whether it is the sheet that comes with the workflow, and names folders there.

    Returns
    -------
    dict of str to dict
        The row with ``folders``, those of the data cuts, oldest first (none where the site keeps its rows);
        ``data_cut``, the date of the last;
        ``mapping``, where that file is, or ""; and ``mapping_text``, what it says.

    Raises
    ------
    ConfigurationError
        Naming the site.
    """
    sites = {row["site"]: _find(row, base, is_shipped) for row in rows}
    _check_apart(sites)
    return sites


def _find(row: Mapping[str, str], base: str | Path, is_shipped: bool) -> Site:
    what, name = f"submission of site {row['site']}", row["submission"]
    if row["mode"] == "summary":
        if name != EXCHANGE or row["mapping"]:
            raise ConfigurationError(
                f"{what}: a site that keeps its rows has {EXCHANGE} as its submission, and no mapping here"
            )
        return {**row, "folders": [], "mapping_text": ""}
    try:
        folder = Path(settings.find(name, name if is_shipped else "", base, what))
        if not folder.is_dir():
            raise ConfigurationError(f"{what}: {name} is not a folder")
        site = {**row, "folders": _data_cuts(folder, what), "mapping_text": ""}
        if DATED.fullmatch(site["folders"][-1].name):
            site["data_cut"] = site["folders"][-1].name
        if row["mapping"]:
            site["mapping"] = find_dated(row["mapping"], "", base, f"mapping of site {row['site']}")
            site["mapping_text"] = read_bytes(site["mapping"]).decode("utf-8", "replace")
        for path in files_read(site):
            check_date(path, what)
    except OSError as fault:
        raise ConfigurationError(
            f"{what}: its folder or mapping file cannot be read ({fault.strerror}); see where the sheet "
            "of sites leads, and who may read there"
        ) from None
    return site


def _data_cuts(folder: Path, what: str) -> list[Path]:
    """Return the folders of a site's data cuts, oldest first, or its only folder.

    Submissions are kept by the date of the data cut (YYYY-MM-DD) where there is a folder of such a name.
    """
    seen = _entries(folder)
    dated = [path for path in seen if DATED.fullmatch(path.name)]
    if dated and len(dated) < len(seen):
        raise ConfigurationError(
            f"{what}: beside folders of data cuts there are other entries; move them into a folder named by "
            "the date of their data cut"
        )
    for path in dated:
        if path.is_symlink() or not path.is_dir() or not settings.is_date(path.name):
            raise ConfigurationError(
                f"{what}: {path.name} is no date of the calendar, or a link or a file and no folder"
            )
    return dated or [folder]


def _check_apart(sites: Mapping[str, Site]) -> None:
    """Check that no two sites have the same rows: each woman would be counted twice."""
    owners: dict[Path, str] = {}
    for name, site in sites.items():
        for folder in site["folders"]:
            other = owners.setdefault(folder.resolve(), name)
            if other != name:
                raise ConfigurationError(
                    f"sites {other} and {name} have the same submission; give each its own"
                )


def _entries(folder: Path) -> list[Path]:
    """Return what is in a folder, hidden files left out."""
    return sorted(path for path in folder.iterdir() if path.name[0] != ".")


def _is_expected(path: Path, mapping: str) -> bool:
    """Say whether it is a file named after a table: of anything else not even the name is shown.

    Where the site has a mapping file, `mapping` is its text, and the files that it names are read.
    """
    named = path.name in mapping if mapping else path.stem in [*SUBMITTED, WORKBOOK]
    return path.is_file() and named and path.suffix[1:].isalnum() and not set("{}") & set(path.name)


def cut_files(site: Site) -> list[list[str]]:
    """Return the files that are read of each data cut, oldest first."""
    text = site["mapping_text"]
    return [
        [str(path) for path in _entries(folder) if _is_expected(path, text)] for folder in site["folders"]
    ]


def files_read(site: Site) -> list[str]:
    """Return every file that is read of a site: those of all its data cuts, and its mapping file."""
    mapping = [site["mapping"]] if site["mapping"] else []
    return [*(path for files in cut_files(site) for path in files), *mapping]


def count_strange(site: Site) -> dict[str, int]:
    """Return for each data cut how many entries are not read: files of other names, folders, broken links."""
    *earlier, _ = site["folders"]
    found = zip(site["folders"], cut_files(site), strict=True)
    strange = [len(_entries(folder)) - len(files) for folder, files in found]
    return dict(zip([*(folder.name for folder in earlier), site["data_cut"]], strange, strict=True))


def label_folders(sites: Mapping[str, Site], base: str | Path) -> dict[str, str]:
    """Return where submissions are, by the site's name or, where it keeps several, with the data cut.

    Parameters
    ----------
    sites : mapping
        As `find_submissions` returns it.
    base : str or Path
        Folder of the workflow.
    """
    return {
        f"{name}/{folder.name}" if DATED.fullmatch(folder.name) else name: place(folder, base)
        for name, site in sites.items()
        for folder in site["folders"]
    }
