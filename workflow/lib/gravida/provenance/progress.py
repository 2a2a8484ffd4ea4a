"""What a run says while it lasts: which step of how many is done, how long it took, and what is at work."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

# Of these lines Snakemake's own log in .snakemake/log has every one; who runs a study need not read them.
UNSAID = (
    "Building DAG of jobs",
    "Adding ",
    "Creating report",
    "Loading script code for rule ",
    "Using shell: ",
    "Conda environments: ignored",
    "Select jobs to execute",
    "Complete log(s): ",
    "Elapsed time: ",
    "Shutting down, this might take some time",
    "Exiting because a job execution failed",
    "WorkflowError:\nAt least one job did not complete successfully",
    "RuleException:\nCalledProcessError in file ",
)
NOTHING = "Nothing to be done"
STOPPING = "Terminating processes on user request"
NOT_OURS = {"job_started", "resources_info", "job_info", "shellcmd"}
# Where there are more jobs of a kind, each site's for example, a line stands for a tenth of them.
SINGLY = 10
# What begins when a step ends begins within this time, in seconds, and stands on the same line.
TOGETHER = 0.3


class Progress(logging.Handler):
    """Says in words what Snakemake logs of its jobs, and hands on the rest.

    Parameters
    ----------
    plain : logging.StreamHandler
        Snakemake's own handler, to which goes what is not said here, and to whose stream what is.
    names : mapping of str to str
        What each rule does, by its name; `{site}` stands for a wildcard. A rule without one is a mere target.
    places : callable
        Returns where to look, a line each.
    clock : callable
        Returns seconds.
    """

    def __init__(
        self,
        plain: logging.StreamHandler,
        names: Mapping[str, str],
        places: Callable[[], list[str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.plain, self.names, self.places, self.clock = plain, names, places, clock
        self.begun, self.stopped = clock(), False
        self.planned: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.at_work: dict[int, tuple[str, str, float]] = {}
        self.held = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Say what a record of Snakemake's means."""
        event = getattr(record, "event", None)
        if event == "run_info":
            self._plan(record.stats)
        elif event == "job_info":
            self._begin(record.jobid, record.rule_name, record.wildcards)
        elif event == "job_finished":
            self._end(record.job_id)
        elif event == "job_error":
            self._fail(record.jobid, record.rule_msg)
        elif event == "progress":
            if self.ended.total() == self.planned.total():
                self.flush()
        elif event not in NOT_OURS and not _unsaid(record):
            self._hand_on(record)
        elif record.levelno > logging.INFO:
            # The run comes to its end, which has words of its own.
            self.flush()

    def flush(self) -> None:
        """Say what is held back until it is known what comes next."""
        with self.lock:
            if self.held:
                now = _together([name for _, name, _ in self.at_work.values() if name])
                self._say(self.held + (f"; now {now}" if now else ""))
                self.held = ""
            self.plain.flush()

    def close(self) -> None:
        """Close Snakemake's handler too."""
        self.flush()
        self.plain.close()
        super().close()

    def _hand_on(self, record: logging.LogRecord) -> None:
        self.flush()
        self.plain.handle(record)
        self.stopped |= record.getMessage().startswith(STOPPING)
        if record.getMessage().startswith(NOTHING):
            for line in self.places():
                self._say(line)

    def _plan(self, stats: Mapping[str, int]) -> None:
        self.planned = Counter({rule: count for rule, count in stats.items() if self.names.get(rule)})
        if total := self.planned.total():
            self._say(f"{total} step{'s' * (total > 1)} to do; the log of all details is in .snakemake/log")

    def _begin(self, job: int, rule: str, wildcards: Mapping[str, Any]) -> None:
        self.at_work[job] = rule, self.names.get(rule, "").format_map(dict(wildcards)), self.clock()

    def _end(self, job: int) -> None:
        self.flush()
        rule, name, begun = self.at_work.pop(job, ("", "", 0.0))
        if not name:
            return
        self.ended[rule] += 1
        done, count = self.ended[rule], self.planned[rule]
        if count > SINGLY:
            if done * SINGLY // count == (done - 1) * SINGLY // count:
                return
            name = f"{name} ({done} of {count})"
        total = str(self.planned.total())
        self.held = f"{self.ended.total():>{len(total)}} of {total}{_taken(self.clock() - begun)}  {name}"
        if self.ended.total() == self.planned.total():
            self.held += f"; {duration(self.clock() - self.begun)} in all"
        timer = threading.Timer(TOGETHER, self.flush)
        timer.daemon = True
        timer.start()

    def _fail(self, job: int, why: str | None) -> None:
        self.flush()
        _, name, begun = self.at_work.pop(job, ("", "", self.clock()))
        said = f" ({' '.join(str(why).split())})" if why else ""
        width = len(f"{self.planned.total()} of {self.planned.total()}")
        how = "stopped" if self.stopped else "failed"
        self._say(f"{how:<{width}}{_taken(self.clock() - begun)}  {name}{said}")

    def _say(self, line: str) -> None:
        self.plain.stream.write(f"{line}\n")
        self.plain.flush()


def duration(seconds: float) -> str:
    """Return a time as one reads it."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if whole else "<1 s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def _taken(seconds: float) -> str:
    return f"{duration(seconds):>12}"


def _together(names: list[str]) -> str:
    """Return what is at work: two of many by name."""
    more = len(names) - 2
    return ", ".join(names) if more < 1 else f"{', '.join(names[:2])} and {more} more"


def _unsaid(record: logging.LogRecord) -> bool:
    """Say whether a line is Snakemake's about itself; a warning of what runs the jobs never is."""
    of_executor = "snakemake_executor_plugin" in record.pathname and record.levelno <= logging.INFO
    return of_executor or record.getMessage().startswith(UNSAID)
