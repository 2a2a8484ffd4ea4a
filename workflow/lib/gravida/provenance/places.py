"""How a manifest names a file: by where it is in the study or in the workflow, never on the machine."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

# Before the name of a file that comes with the workflow; a study's own files have no prefix.
WORKFLOW = "gravida:"
# The tables of a submission; a workbook of the last name holds them as its sheets.
SUBMITTED = ("pregnancies", "relapses", "infusions", "adverse_events")
WORKBOOK = "submission"
# A submission's file may be named after anything, a person too; only a table's own name is repeated.
TABLE_FILE = re.compile(rf"({'|'.join([*SUBMITTED, WORKBOOK])})\.(csv|xlsx|parquet)", re.IGNORECASE)
UNNAMED = re.compile(r"file [0-9]+")


def place(path: str | Path, base: str | Path, study: str | Path = ".") -> str:
    """Return the name of a file or folder: relative to the study, or to the workflow if it comes with that.

    Parameters
    ----------
    path : str or Path
        Absolute, or relative to the working directory.
    base, study : str or Path
        Folder of the workflow, and of the study.
    """
    own, shipped = (Path(os.path.relpath(path, folder)) for folder in (study, base))
    in_workflow = ".." not in shipped.parts
    around = ".." not in Path(os.path.relpath(base, study)).parts
    if in_workflow and (around or ".." in own.parts):
        return f"{WORKFLOW}{shipped.as_posix()}"
    return own.as_posix()


def find_again(name: str, base: str | Path, study: str | Path) -> Path:
    """Return where the file of that name is: the inverse of `place`."""
    if name.startswith(WORKFLOW):
        return Path(base, name.removeprefix(WORKFLOW))
    return Path(study, name)


def shown_names(names: Iterable[str]) -> dict[str, str]:
    """Return for each name the one that may leave: of a file outside of study and workflow its last part."""
    outside = [name for name in sorted(names) if ".." in Path(name).parts]
    numbered = {name: f"elsewhere:{number}/{Path(name).name}" for number, name in enumerate(outside, start=1)}
    return {name: numbered.get(name, name) for name in names}


def name_submitted(
    paths: Sequence[str], folders: Mapping[str, str], base: str | Path
) -> Iterator[tuple[str, str]]:
    """Yield a name for each submitted file, and where it is.

    Parameters
    ----------
    paths : sequence of str
        The files, as seen from the study's folder.
    folders : mapping of str to str
        Label (the site, and the data cut where it keeps several: ``SITE/2019-06-30``) to the folder's name as
        `place` gives it.
    base : str or Path
        Folder of the workflow.

    Yields
    ------
    name, path : str
        ``SITE/pregnancies.csv`` where the file is named after a table, else ``SITE/file 1``, numbered in the
        order of the sorted paths.
    """
    names = {folder: place(folder, base) for folder in {Path(path).parent for path in paths}}
    within: dict[str, list[str]] = {}
    for path in sorted(paths):
        within.setdefault(names[Path(path).parent], []).append(path)
    for label, folder in folders.items():
        number = 0
        for path in within.get(folder, ()):
            if TABLE_FILE.fullmatch(Path(path).name):
                yield f"{label}/{Path(path).name}", path
            else:
                number += 1
                yield f"{label}/file {number}", path
