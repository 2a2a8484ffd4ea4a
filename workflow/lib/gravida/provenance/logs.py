"""What the steps of a run had to say, and what is said at its end. All paths are relative to the study."""

from collections.abc import Mapping
from pathlib import Path

from gravida.files import read_text

SILENT = "Defect: a step ended before it could say why, killed perhaps; run again: what was finished is kept"
LOGS = "results/logs"
# What the steps print on a cluster (profiles/slurm): Snakemake's words, not theirs.
OF_SLURM = Path(LOGS, "slurm")
RELEASE = "results/release"


def log_times() -> dict[Path, int]:
    """Return when each log was written."""
    found = Path(LOGS).glob("**/*.log")
    return {path: path.stat().st_mtime_ns for path in found if OF_SLURM not in path.parents}


def failures(earlier: Mapping[Path, int]) -> str:
    """Return a run's failures, one line each.

    Parameters
    ----------
    earlier : mapping of Path to int
        What `log_times` returned before the run: a log that is as it was then tells of another run.
    """
    return "\n".join(["", *(_told(earlier, warnings=False) or [SILENT]), ""])


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
        return f"\n{told}{read_text(release / 'headline.txt')}\nReport: {release / 'report.html'}\n"
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
