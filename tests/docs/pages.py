"""Pages of the documentation as stories: blocks that are run in order, in a copy of the project.

A comment before a block says what is done with it: ``<!-- run -->`` runs it (sh or python);
``<!-- fails -->`` runs it and expects an exit code above 0; ``<!-- prints -->`` is what the block before it
printed, where ``...`` stands for anything; ``<!-- writes NAME -->`` is a file. Others are not run.
"""

import doctest
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"^<!-- (?P<kind>run|fails|prints|writes)(?: (?P<name>\S+))? -->\n+"
    r"```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
COPIED = ("Snakefile", "Makefile", "environment.yml", "requirements.lock", "pyproject.toml", "README.md")
FOLDERS = ("workflow", "schemas", "config", "profiles", "resources")


@dataclass(frozen=True, slots=True)
class Block:
    """A marked block of a page, and the line on which it begins."""

    kind: str
    name: str
    language: str
    text: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    """Yield the marked blocks of a page."""
    for found in BLOCK.finditer(text):
        line = text[: found.start()].count("\n") + 1
        yield Block(found["kind"], found["name"] or "", found["language"], found["text"], line)


def copy_project(folder: Path) -> dict[str, str]:
    """Copy the project, with this Python as its .venv, and return the environment of its commands."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in COPIED:
        shutil.copy(ROOT / name, folder / name)
    programs = folder / ".venv/bin"
    programs.mkdir(parents=True)
    for name, arguments in {"python": "", "snakemake": " -m snakemake", "ruff": " -m ruff"}.items():
        path = programs / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n', encoding="utf-8")
        path.chmod(0o755)
    # Newer than the lock: nothing is installed.
    (folder / ".venv/ready").touch()
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("GRAVIDA", "MAKE"))
    }
    library = f"{folder / 'workflow/lib'}{os.pathsep}{folder}"
    return inherited | {"PYTHONPATH": library, "PYTHONDONTWRITEBYTECODE": "", "CORES": "2"}


def run_block(block: Block, folder: Path, environment: dict[str, str]) -> str:
    """Run a block and return what it printed.

    Raises
    ------
    AssertionError
        If it ended otherwise than the page says.
    """
    shell = ["bash", "-euo", "pipefail", "-c", block.text]
    command = shell if block.language == "sh" else [sys.executable, "-c", block.text]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert (done.returncode > 0) == (block.kind == "fails"), f"line {block.line}:\n{done.stdout}"
    return done.stdout


def tell(page: Path, folder: Path) -> int:
    """Run a page and return how many of its blocks were run.

    Raises
    ------
    AssertionError
        With the line of the first block that does not do what the page says.
    """
    project = folder / "gravida"
    project.mkdir()
    environment, printed, ran = copy_project(project), "", 0
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.kind == "writes":
            target = project / block.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        elif block.kind == "prints":
            assert agrees(block.text, printed), (
                f"line {block.line}: {page.name} shows other lines:\n{printed}"
            )
        else:
            printed = run_block(block, project, environment)
            ran += 1
    return ran


def agrees(shown: str, printed: str) -> bool:
    """Say whether what a page shows is what was printed: wrapped lines are one, ``...`` is anything."""
    flat = [" ".join(text.split()) for text in (shown, printed)]
    return doctest.OutputChecker().check_output(*flat, doctest.ELLIPSIS)
