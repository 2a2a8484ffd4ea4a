"""The only place (with ``tables`` for frames) that opens, writes or renames a file.

A file appears under its final name only when it is complete: it is written beside that name and renamed.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from gravida.errors import ConfigurationError

# The first is held by a run and names it, the second is held by every step while it works. Both are relative,
# as are all results, to the study's folder.
RUN_LOCK = "results/.run.lock"
STEPS_LOCK = "results/.steps.lock"
PARTIAL = ".partial."
# The folders that a run writes to, as far as they are there.
WRITTEN_TO = (
    *(".", ".snakemake", "results"),
    *("results/logs", "results/restricted", "results/internal", "results/release"),
)
# How far, in seconds, the clocks of two machines may differ.
CLOCKS_DIFFER = 2
# In seconds since 1970; 0 would be no date at all.
LONG_AGO = 1


@contextmanager
def beside(path: str | Path) -> Iterator[Path]:
    """Let a temporary neighbour of `path` be filled, then rename it; where that fails there is none.

    Parameters
    ----------
    path : str or Path
        Final name; missing parent folders are made.

    Yields
    ------
    Path
        The temporary name, whose ending is that of `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # On a cluster two steps on two nodes may have the same number.
    partial = path.with_name(f".{os.uname().nodename}.{os.getpid()}{PARTIAL}{path.name}")
    try:
        yield partial
        _settle(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _settle(path: Path) -> None:
    """Wait until a file is on the disk: some systems say only then that there is no room."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def is_of_another_run() -> bool:
    """Say whether `make` has begun another run in this folder since it began the one of this step."""
    own = os.environ.get("GRAVIDA_RUN")
    with suppress(OSError):
        return own is not None and read_text(RUN_LOCK).strip() != own
    return False


def clear_partial(folder: str | Path) -> None:
    """Remove what writers that were killed left beside the final names, anywhere under `folder`."""
    for path in Path(folder).rglob(f".*{PARTIAL}*"):
        path.unlink(missing_ok=True)


def _is_ahead(path: str | Path) -> bool:
    """Say whether a file is dated in the future."""
    return Path(path).stat().st_mtime > time.time() + CLOCKS_DIFFER


def check_date(path: str | Path, what: str) -> None:
    """Check that a file is not dated in the future: all that is made from it would look too old.

    Parameters
    ----------
    path : str or Path
    what : str
        How the message names it.

    Raises
    ------
    ConfigurationError
        If it is.
    """
    if _is_ahead(path):
        raise ConfigurationError(
            f"{what}: a file is dated in the future; set this machine's clock right, or give the file "
            "today's date with the command touch"
        )


def check_folders(folders: Iterable[str | Path]) -> None:
    """Check that folders, where they are there at all, are such and can be written.

    Raises
    ------
    ConfigurationError
        Naming each that is none, or that cannot be written.
    """
    there = [path for path in map(Path, folders) if os.path.lexists(path)]
    faults = [f"{path} is not a folder" for path in there if not path.is_dir()]
    faults += [
        f"{path} cannot be written"
        for path in there
        if path.is_dir() and not os.access(path, os.W_OK | os.X_OK)
    ]
    if faults:
        raise ConfigurationError(
            f"{', '.join(faults)}; let each be a folder of the study that you may write to, and run again"
        )


def distrust_future(folder: str | Path) -> None:
    """Date every file under `folder` long ago, in the order that they have, if one is dated in the future.

    A clock that went back leaves files that look newer than whatever is edited later.
    """
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    if any(map(_is_ahead, files)):
        # The oldest first: should this be cut short, the order is still right.
        for rank, path in enumerate(sorted(files, key=lambda path: path.stat().st_mtime_ns)):
            os.utime(path, (LONG_AGO + rank,) * 2)


def distrust_older(result: str | Path, sources: Iterable[str | Path]) -> None:
    """Date a result long ago if a file that it was made from has been put in its place since.

    A file that is copied with its date, or unpacked, may be new and look old.
    """
    result = Path(result)
    if result.exists() and any(Path(path).stat().st_ctime > result.stat().st_mtime for path in sources):
        os.utime(result, (LONG_AGO, LONG_AGO))


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write `content` under `path`, all or nothing."""
    with beside(path) as partial:
        partial.write_bytes(content)


def write_text(path: str | Path, content: str) -> None:
    """Write `content` as UTF-8 with Unix line ends, all or nothing."""
    write_bytes(path, content.encode("utf-8"))


def write_secret(path: str | Path, content: str) -> None:
    """Write text that only its owner may read, all or nothing."""
    with beside(path) as partial:
        partial.touch(mode=0o600)
        partial.write_text(content, encoding="utf-8")


def json_text(content: Any) -> str:
    """Return plain data as indented JSON; nan and infinity are refused by the encoder."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: str | Path, content: Any) -> None:
    """Write plain data as indented JSON."""
    write_text(path, json_text(content))


def write_yaml(path: str | Path, content: Any) -> None:
    """Write plain data as YAML, keys in their own order."""
    write_text(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def read_bytes(path: str | Path) -> bytes:
    """Return the content of a file."""
    return Path(path).read_bytes()


def read_text(path: str | Path) -> str:
    """Return the content of a UTF-8 text file."""
    return Path(path).read_text(encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Return the content of a JSON file as plain data."""
    return json.loads(read_text(path))


def read_yaml(path: str | Path) -> Any:
    """Return the content of a YAML file as plain data."""
    return yaml.safe_load(read_text(path))


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's content."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(paths: Iterable[str | Path], root: str | Path) -> str:
    """Return one SHA-256 over the names (relative to `root`) and contents of files, in sorted order."""
    total = hashlib.sha256()
    for path in sorted(Path(path) for path in paths):
        total.update(path.relative_to(root).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def open_to_others(paths: Iterable[str | Path]) -> None:
    """Let everybody read released files and enter the folders they are in, up to ``release``."""
    for path in map(Path, paths):
        path.chmod(0o644)
        for folder in path.parents:
            folder.chmod(0o755)
            if folder.name == "release":
                break
