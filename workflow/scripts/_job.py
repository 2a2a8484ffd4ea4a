"""What every script does around its work: a fault becomes one line, and nothing of a row leaves with it."""

import errno
import fcntl
import gc
import logging
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path

# The library has its own threads, and sums must not depend on how many processors there are.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# What a file was read into is then free for what is made of it.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
# Ahead of whatever the environment knows: the library that runs is the one beside this script.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from gravida.errors import GravidaError
from gravida.files import STEPS_LOCK, is_of_another_run, write_text

# Whoever stops the run knows it: a step that is at work, or still imports, says nothing.
signal.signal(signal.SIGINT, lambda *_: os._exit(130))
# Imports alone make a hundred thousand objects, of which none is garbage: looked through less often.
gc.set_threshold(20_000)

ROOT = Path(__file__).resolve().parents[2]
AGAIN = "then run again: what was finished is kept"
MEMORY = f"give it more memory or run fewer steps at once (make CORES=1), {AGAIN}"
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NO_WRITING = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}


@contextmanager
def job(log: str) -> Iterator[list[str]]:
    """Run a script's work; on a fault write one line to `log` and end with it.

    Yields the lines that are logged as warnings, to which a script may add its own.

    An error of ours says what to do. Any other exception is a defect: its text may quote a row and is never
    shown, only its type and where it came from. The same goes for warnings, and for whatever else a library
    would print. A step that is killed can say nothing any more, so that line is written first. When the work
    is done the process ends here.
    """
    notes: list[str] = []

    def note(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object) -> None:
        notes.append(f"Warning: {category.__name__} in {Path(filename).name} line {lineno}")

    warnings.showwarning = note
    sys.unraisablehook = lambda unraisable: None
    logging.disable()
    line = ""
    with at_work():
        record(log, [], killed(log))
        try:
            with unheard():
                yield notes
        except GravidaError as error:
            line = error.line()
        except BaseException as error:
            line = defect(error)
        line = record(log, notes, line)
    if line:
        sys.exit(line)
    # To take down what was imported costs a tenth of a small step's time, and nothing waits for it.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


@contextmanager
def unheard() -> Iterator[None]:
    """Drop what is printed."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


@contextmanager
def at_work() -> Iterator[None]:
    """Hold the lock that the next run waits for, should this step outlive its own run.

    One that comes to this point when the next run has already begun ends, without a word.
    """
    lock = -1
    # Not every file system of a cluster can lock; there the scheduler ends the steps of a run.
    with suppress(OSError):
        lock = os.open(STEPS_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_SH)
    if is_of_another_run():
        os._exit(1)
    try:
        yield
    finally:
        if lock >= 0:
            os.close(lock)


def record(log: str, notes: list[str], line: str) -> str:
    """Write what a step has to say, and return its last line; where that cannot be written, it says so."""
    try:
        write_text(log, log_text(notes, line))
    except OSError as error:
        line = line or defect(error)
        # Where there is no room beside it: what it says of a step that is killed is so no more.
        with suppress(OSError):
            Path(log).write_text(log_text(notes, line), encoding="utf-8")
    return line


def log_text(notes: list[str], line: str) -> str:
    """Return the text of a log: each warning once, and the line of the fault."""
    return "\n".join([*dict.fromkeys(notes), line]).strip() + "\n" * bool(notes or line)


def killed(log: str) -> str:
    """Return what the log says of a step until it comes to its end."""
    step = Path(log).with_suffix("").relative_to("results/logs")
    return f"Defect: Killed in {step}; it was ended from outside, often for want of memory: {MEMORY}"


def defect(error: BaseException) -> str:
    """Return what is said of an exception that should not have happened."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(ROOT / "workflow")]
    frame = (ours or list(frames))[-1]
    place = f"{Path(frame.filename).name} line {frame.lineno}"
    return f"Defect: {type(error).__name__} in {place}; {next_step(error)}"


def next_step(error: BaseException) -> str:
    """Return what a person can do about it, by the kind of exception and never by its text."""
    if isinstance(error, MemoryError):
        return f"memory ran short: {MEMORY}"
    number = error.errno if isinstance(error, OSError) else None
    if number in NO_ROOM:
        return f"no room is left for the files in results/: make room, {AGAIN}"
    if number in NO_WRITING:
        return f"a file in results/ cannot be written or one of the study read: see who may, {AGAIN}"
    if number is not None and number != errno.ENOENT:
        return f"the disk or the system failed ({os.strerror(number)}): see to it, {AGAIN}"
    return "a fault of the software: report this line"
