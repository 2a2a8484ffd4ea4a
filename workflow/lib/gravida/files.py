"""The only place (with ``tables`` for frames) that opens, writes or renames a file.

A file appears under its final name only when it is complete: it is written beside that name and renamed.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml


def write_beside(path: str | Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary neighbour of `path`, then rename it.

    Parameters
    ----------
    path : str or Path
        Final name; missing parent folders are made.
    write : callable
        Receives the temporary name, whose ending is that of `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{os.getpid()}.partial.{path.name}")
    try:
        write(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write `content` under `path`, all or nothing."""
    write_beside(path, lambda partial: partial.write_bytes(content))


def write_text(path: str | Path, content: str) -> None:
    """Write `content` as UTF-8 with Unix line ends, all or nothing."""
    write_bytes(path, content.encode("utf-8"))


def write_secret(path: str | Path, content: str) -> None:
    """Write text that only its owner may read, all or nothing."""

    def write(partial: Path) -> None:
        partial.touch(mode=0o600)
        partial.write_text(content, encoding="utf-8")

    write_beside(path, write)


def write_json(path: str | Path, content: Any) -> None:
    """Write plain data as indented JSON; nan and infinity are refused by the encoder."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


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
