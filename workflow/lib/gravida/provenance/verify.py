"""Whether every file still has the content that the last run recorded."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gravida.files import read_text, sha256
from gravida.provenance import code_digest
from gravida.provenance.manifest import CRATE, MANIFEST, RELEASE, commitment, sealed
from gravida.provenance.places import UNNAMED, find_again

INTERNAL = "results/internal/manifest.json"


def verify(study: str | Path, base: str | Path) -> list[str]:
    """Compare a study's files with what its manifests say of them.

    Parameters
    ----------
    study, base : str or Path
        Folder of the study, and of the workflow.

    Returns
    -------
    list of str
        A line for each file that differs, is missing, or is new in the release; empty if there is none. A
        submitted file is named as in the manifest, never by a name of its own that may say whose it is.
    """
    if not Path(study, INTERNAL).is_file():
        return [f"missing: {INTERNAL} (a finished run writes it)"]
    kept = _unsealed(Path(study, INTERNAL))
    if kept is None:
        return [f"differs: {INTERNAL} (nothing else was compared)"]
    lines = [*_outputs(kept["outputs"], study), *_inputs(kept, study, base), *_released(kept, study)]
    if code_digest(base) != kept["code"]["sha256"]:
        lines.append("differs: the code of the workflow")
    return sorted(set(lines))


def _unsealed(path: Path) -> dict[str, Any] | None:
    """Return the content of the manifest, None if it is not as it was written."""
    try:
        text = read_text(path)
        content = json.loads(text)
        del content["seal"]
    except (ValueError, TypeError, KeyError):
        return None
    return content if sealed(content) == text else None


def _compare(name: str, path: Path, digest: str) -> Iterator[str]:
    if not path.is_file():
        yield f"missing: {name}"
    elif sha256(path) != digest:
        yield f"differs: {name}"


def _outputs(outputs: Mapping[str, Mapping[str, Any]], study: str | Path) -> Iterator[str]:
    """Yield what is wrong with what the run made."""
    for name, entry in outputs.items():
        yield from _compare(name, Path(study, name), entry["sha256"])
    for path in Path(study, RELEASE).rglob("*"):
        name = path.relative_to(study).as_posix()
        if not path.is_dir() and name not in outputs:
            yield f"new: {name}"


def _inputs(kept: Mapping[str, Any], study: str | Path, base: str | Path) -> Iterator[str]:
    """Yield what is wrong with what the run read."""
    for kind, entries in kept["inputs"].items():
        for name, entry in entries.items():
            if kind == "submissions":
                yield from _submitted(name, entry["sha256"], kept["folders"], study, base)
            else:
                yield from _compare(name, find_again(name, base, study), entry["sha256"])


def _submitted(
    name: str, digest: str, folders: Mapping[str, str], study: str | Path, base: str | Path
) -> Iterator[str]:
    """Yield what is wrong with a submitted file; one without a name is known by its content."""
    label, _, file = name.rpartition("/")
    folder = find_again(folders[label], base, study)
    if not UNNAMED.fullmatch(file):
        yield from _compare(name, folder / file, digest)
    elif not any(sha256(path) == digest for path in folder.glob("*") if path.is_file()):
        yield f"differs: {name} (or is missing)"


def _released(kept: Mapping[str, Any], study: str | Path) -> Iterator[str]:
    """Yield whether the released manifest says something else than the one that stays."""
    path = Path(study, MANIFEST)
    if not path.is_file() or sha256(path) != kept["outputs"][MANIFEST]["sha256"]:
        return
    released = json.loads(read_text(path))
    outputs = {name: entry for name, entry in kept["outputs"].items() if name not in (MANIFEST, CRATE)}
    told = {name: entry for name, entry in outputs.items() if name.startswith(RELEASE)}
    promised = commitment(kept["inputs"], outputs, bytes.fromhex(kept["salt"]))
    if released["outputs"] != told or released["withheld"]["hmac_sha256"] != promised:
        yield f"differs: {MANIFEST} from {INTERNAL}"
