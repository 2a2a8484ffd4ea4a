"""Which commit of the workflow is at work."""

import os
import subprocess
from pathlib import Path

# What a run is made by; a study, a note or a result beside it changes no number.
PARTS = ("Snakefile", "requirements.lock", "config", "profiles", "resources", "schemas", "workflow")


def git_state(base: str | Path) -> dict[str, str | bool] | None:
    """Return the commit of the workflow's folder and whether it is changed since (``dirty``).

    None where the folder is no checkout of its own or git is not there: a copy of the files is as good a
    workflow, which the digest of its code tells.

    Parameters
    ----------
    base : str or Path
        Folder of the workflow.
    """
    place = _git(base, "rev-parse", "--show-prefix", "HEAD")
    prefix, _, commit = (place or "").partition("\n")
    # Below its top the folder belongs to something else, of which the commit would be.
    if prefix or not commit:
        return None
    changes = _git(base, "status", "--porcelain", "--", *PARTS)
    return None if changes is None else {"commit": commit.strip(), "dirty": bool(changes)}


def _git(base: str | Path, *arguments: str) -> str | None:
    """Return what git answers, None where it does not."""
    # Whoever calls may itself be at work in another checkout and say so in the environment.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-C", str(base), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout
