"""What the steps of a run had to say, and what is said at its end. All paths are relative to the study."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from gravida.files import read_json, read_text

SILENT = "Defect: a step ended before it could say why, killed perhaps; run again: what was finished is kept"
KILLED = "Defect: Killed in "
STOPPED = "Stopped: run again to go on; what was finished is kept."
LOGS = "results/logs"
# What the steps print on a cluster (profiles/slurm): Snakemake's words, not theirs.
OF_SLURM = Path(LOGS, "slurm")
RELEASE = "results/release"
PAGES = Path("results/internal/quality")
# What a person opens after a run, by what it is called.
PLACES = {
    "Report": "results/release/report.html",
    "Manuscript": "results/release/manuscript.docx",
    "Before it leaves": "results/internal/release_review.html",
}
# More pages than these are named by their folder.
NAMED_SINGLY = 5


def log_times() -> dict[Path, int]:
    """Return when each log was written."""
    found = Path(LOGS).glob("**/*.log")
    return {path: path.stat().st_mtime_ns for path in found if OF_SLURM not in path.parents}


def failures(earlier: Mapping[Path, int], sites: Sequence[str] = (), stopped: bool = False) -> str:
    """Return a run's failures, one line each, and where the answers to refused sites are.

    Parameters
    ----------
    earlier : mapping of Path to int
        What `log_times` returned before the run: a log that is as it was then tells of another run.
    sites : sequence of str
        The sites that send rows.
    stopped : bool
        Whether somebody has stopped the run: the steps that were ended with it did not fail.
    """
    told = _told(earlier, warnings=False)
    if stopped:
        told = [*(line for line in told if not line.startswith(KILLED)), STOPPED]
    refused = any(line.startswith("SubmissionRefused: site ") for line in told)
    return "\n".join(["", *(told or [SILENT]), *(_answers(sites) if refused else []), ""])


def places() -> list[str]:
    """Return where to look, a line each: what a finished run has left, by its whole path."""
    found = {name: Path(path).resolve() for name, path in PLACES.items()}
    lines = [f"{name}: {path}" for name, path in found.items() if path.exists()]
    return [*lines, f"Answers to sites: {PAGES.resolve()}"] if lines and PAGES.exists() else lines


def _answers(sites: Sequence[str]) -> list[str]:
    """Return where the page of each refused site is."""
    refused = []
    for site in sites:
        # A site whose intake did not come to its end has no page yet.
        with suppress(OSError, ValueError):
            if read_json(f"results/internal/intake/{site}.json")["verdict"] == "refused":
                refused.append(site)
    if len(refused) > NAMED_SINGLY:
        return [f"Answers to the {len(refused)} sites: {PAGES.resolve()}"]
    return [f"Answer to site {site}: {PAGES.resolve() / f'{site}.html'}" for site in refused]


def closing_words(earlier: Mapping[Path, int], has_registry: bool) -> str:
    """Return a run's warnings, the headline sentence if the run came to it, and where to look.

    Parameters
    ----------
    earlier : mapping of Path to int
        What `log_times` returned before the run.
    has_registry : bool
        Whether a registry is among the evidence.
    """
    told = "".join(f"{line}\n" for line in [*_told(earlier, warnings=True), *_summaries(earlier)])
    ended = {path.stem for path in _written(earlier)}
    # Snakemake has changed into the study's folder; the reader has not, so the paths are whole ones.
    release = Path(RELEASE).resolve()
    if "write_report" in ended:
        return "\n".join(["", f"{told}{read_text(release / 'headline.txt')}", *places(), ""])
    if "release_evidence" not in ended:
        return told
    if not has_registry:
        told += "No registry is among the evidence: this study has no sheet of sites.\n"
    if (release / "report.html").exists():
        told += "The report is older than these tables: run without a target to write it again.\n"
    return f"\n{told}Evidence: {release / 'tables/evidence_pooled.csv'}\n"


def _summaries(earlier: Mapping[Path, int]) -> list[str]:
    """Return what to do with the answers of a site that keeps its rows."""
    names = [path.stem.rpartition("_") for path in _written(earlier) if path.parent.name == "summarise_site"]
    return [
        f"Look at exchange/round_{number}/{site}.html, which shows all that leaves; then send {site}.json, "
        "beside it, to the coordinating centre."
        for site, _, number in names
    ]


def _written(earlier: Mapping[Path, int]) -> list[Path]:
    """Return the logs that this run has written."""
    return sorted(path for path, time in log_times().items() if earlier.get(path) != time)


def _told(earlier: Mapping[Path, int], warnings: bool) -> list[str]:
    """Return what this run's steps logged, each line once: their warnings, or their failures."""
    lines = dict.fromkeys(line for path in _written(earlier) for line in read_text(path).splitlines())
    return [line for line in lines if line.startswith("Warning: ") == warnings]
