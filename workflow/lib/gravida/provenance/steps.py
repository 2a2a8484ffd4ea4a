"""Who made what: the files that each step of the workflow reads and makes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gravida.provenance.kept import KEPT
from gravida.provenance.places import place

# Stands for the name of a site.
SITE = "{site}"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the workflow.

    Parameters
    ----------
    name, script : str
    reads : sequence of str
        Files, with {site} where there is one for each site. Of what a site has for itself it is only said how
        that is called: ``submission files of {site}``.
    makes : sequence of str
        Files, with {site} likewise.
    """

    name: str
    script: str
    reads: Sequence[str]
    makes: Sequence[str]


def files_made(steps: Iterable[Step], sites: Iterable[str]) -> list[str]:
    """Return every file that the steps make."""
    return list(_pattern_of(steps, sites))


def files_not_made(steps: Sequence[Step], sites: Iterable[str]) -> list[str]:
    """Return the files that steps read and that no step makes, sorted; those of single sites left out."""
    made = _pattern_of(steps, sites)
    return sorted({path for step in steps for path in step.reads if SITE not in path and path not in made})


def who_made_what(steps: Sequence[Step], sites: Sequence[str], base: str | Path) -> dict[str, dict[str, Any]]:
    """Return by the name of each step its ``script``, ``inputs``, ``outputs`` and how often it ``runs``.

    Parameters
    ----------
    steps : sequence of Step
    sites : sequence of str
        Their names; where there is none, a step for each site is not run and not told of.
    base : str or Path
        Folder of the workflow.
    """
    pattern_of = _pattern_of(steps, sites)

    def name(path: str) -> str:
        if SITE in path or path in pattern_of:
            return pattern_of.get(path, path)
        # Which record of an earlier release it was is the record's own to say.
        return f"{KEPT}/" if Path(path).parent == Path(KEPT) else place(path, base)

    return {
        step.name: {
            "script": step.script,
            "runs": len(sites) if SITE in step.makes[0] else 1,
            "inputs": list(dict.fromkeys(map(name, step.reads))),
            "outputs": list(step.makes),
        }
        for step in steps
        if sites or SITE not in step.makes[0]
    }


def _pattern_of(steps: Iterable[Step], sites: Iterable[str]) -> dict[str, str]:
    """Return every file that is made, with how it is called of any site."""
    names = list(sites)
    return {
        pattern.replace(SITE, name): pattern
        for step in steps
        for pattern in step.makes
        for name in (names if SITE in pattern else [""])
    }
