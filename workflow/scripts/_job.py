"""What every script does around its work: a fault becomes one line, and nothing of a row leaves with it."""

import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Ahead of whatever the environment knows: the library that runs is the one beside this script.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from gravida.errors import GravidaError
from gravida.files import write_text

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def job(log: str) -> Iterator[list[str]]:
    """Run a script's work; on a fault write one line to `log` and end with it.

    Yields the lines that are logged as warnings, to which a script may add its own.

    An error of ours says what to do. Any other exception is a defect: its text may quote a row and is never
    shown, only its type and where it came from. The same goes for warnings.
    """
    notes: list[str] = []

    def note(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object) -> None:
        notes.append(f"Warning: {category.__name__} in {Path(filename).name} line {lineno}")

    warnings.showwarning = note
    line = ""
    try:
        yield notes
    except GravidaError as error:
        line = error.line()
    except Exception as error:
        line = defect(error)
    finally:
        write_text(log, "\n".join([*dict.fromkeys(notes), line]).strip() + "\n" * bool(notes or line))
    if line:
        sys.exit(line)


def defect(error: Exception) -> str:
    """Return what is said of an exception that should not have happened."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(ROOT / "workflow")]
    frame = (ours or list(frames))[-1]
    place = f"{Path(frame.filename).name} line {frame.lineno}"
    return f"Defect: {type(error).__name__} in {place}; a fault of the software: report this line"
