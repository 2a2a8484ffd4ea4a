"""What a run says of its steps: the records are those that Snakemake logs."""

import io
import logging
import threading
from pathlib import Path

import pytest
from gravida.provenance import logs, progress
from gravida.provenance.progress import Progress, duration

NAMES = {"intake_site": "submission of {site}", "build_cohort": "cohort", "pool": "pool"}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the clock out: what is held back is said when the next comes."""
    monkeypatch.setattr(progress, "TOGETHER", 3600.0)


class Snakemake:
    """Logs what Snakemake would of a run."""

    def __init__(self, stats: dict[str, int]) -> None:
        self.seconds, self.done, self.stream = 0.0, 0, io.StringIO()
        plain = logging.StreamHandler(self.stream)
        self.progress = Progress(plain, NAMES, lambda: ["Report: there"], lambda: self.seconds)
        self.log(event="run_info", stats=stats | {"all": 1, "total": sum(stats.values()) + 1})

    def log(
        self, text: str = "Snakemake's words", level: int = logging.INFO, where: str = "", **extra
    ) -> None:
        record = logging.LogRecord("snakemake", level, where, 1, text, None, None)
        vars(record).update(extra)
        self.progress.handle(record)

    def begin(self, job: int, rule: str, **wildcards: str) -> None:
        self.log(event="job_info", jobid=job, rule_name=rule, wildcards=wildcards)

    def end(self, job: int, after: float) -> None:
        self.seconds += after
        self.done += 1
        self.log(event="job_finished", job_id=job)
        self.log(event="progress", done=self.done, total=99)

    def fail(self, job: int, why: str | None = None) -> None:
        self.log(level=logging.ERROR, event="job_error", jobid=job, rule_msg=why)

    def said(self) -> list[str]:
        self.progress.flush()
        return self.stream.getvalue().splitlines()


def test_a_line_a_step_with_its_time_and_what_is_at_work() -> None:
    run = Snakemake({"intake_site": 2, "build_cohort": 1})
    run.begin(1, "intake_site", site="north")
    run.begin(2, "intake_site", site="south")
    run.end(2, 3)
    run.end(1, 60)
    run.log("Select jobs to execute...")
    run.begin(3, "build_cohort")
    run.end(3, 0.2)
    run.begin(0, "all")
    run.end(0, 0)
    assert run.said() == [
        "3 steps to do; the log of all details is in .snakemake/log",
        "1 of 3         3 s  submission of south; now submission of north",
        "2 of 3  1 min 03 s  submission of north; now cohort",
        "3 of 3        <1 s  cohort; 1 min 03 s in all",
    ]


def test_many_sites_are_ten_lines() -> None:
    run = Snakemake({"intake_site": 300})
    for job in range(300):
        run.begin(job, "intake_site", site=f"s{job}")
    for job in range(300):
        run.end(job, 1)
    first, *lines = run.said()[1:]
    assert first.startswith(" 30 of 300        30 s  submission of s29 (30 of 300); now submission of s30, ")
    assert first.endswith(" and 268 more")
    assert [line.split()[0] for line in lines] == [str(number) for number in range(60, 301, 30)]


def test_a_line_does_not_wait_for_another_step_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "TOGETHER", 0.01)
    run = Snakemake({"pool": 1, "build_cohort": 1})
    run.begin(1, "build_cohort")
    run.begin(2, "pool")
    run.end(1, 5)
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer) and thread.interval == 0.01:
            thread.join()
    assert run.stream.getvalue().endswith("1 of 2         5 s  cohort; now pool\n")


def test_what_was_done_is_said_before_the_words_at_the_end() -> None:
    run = Snakemake({"pool": 1, "build_cohort": 1})
    run.begin(1, "pool")
    run.end(1, 5)
    run.log("Select jobs to execute...")
    assert "pool" not in run.stream.getvalue()
    run.log("Exiting because a job execution failed. Look above for error messages", logging.ERROR)
    assert run.stream.getvalue().endswith("1 of 2         5 s  pool\n")


def test_what_failed_and_why_and_what_goes_on() -> None:
    run = Snakemake({"pool": 1, "build_cohort": 1})
    run.begin(1, "build_cohort")
    run.begin(2, "pool")
    run.seconds = 5
    run.fail(1, "SLURM-job '7' failed,\nSLURM status is: 'CANCELLED'. ")
    run.log("Trying to restart job 1.")
    run.begin(1, "build_cohort")
    run.end(1, 2)
    run.end(2, 0)
    assert run.said()[1:] == [
        "failed         5 s  cohort (SLURM-job '7' failed, SLURM status is: 'CANCELLED'.)",
        "Trying to restart job 1.",
        "1 of 2         2 s  cohort; now pool",
        "2 of 2         7 s  pool; 7 s in all",
    ]


@pytest.mark.parametrize(
    ("text", "level", "where", "shown"),
    [
        ("Conda environments: ignored", logging.INFO, "workflow.py", False),
        (
            "Job 1 has been submitted with SLURM jobid 7",
            logging.INFO,
            "snakemake_executor_plugin_slurm/__init__.py",
            False,
        ),
        ("No job accounting", logging.WARNING, "snakemake_executor_plugin_slurm/__init__.py", True),
        ("MissingOutputException in rule pool", logging.ERROR, "exceptions.py", True),
        ("Something that nobody has seen yet", logging.INFO, "workflow.py", True),
    ],
)
def test_what_else_is_said(text: str, level: int, where: str, shown: bool) -> None:
    run = Snakemake({"pool": 1})
    run.log(text, level, where)
    assert run.said()[1:] == [text] * shown


def test_a_run_that_was_stopped_has_not_failed() -> None:
    run = Snakemake({"pool": 1})
    run.begin(1, "pool")
    run.log("Terminating processes on user request, this might take some time.")
    run.fail(1)
    assert run.progress.stopped
    assert run.said()[-1] == "stopped        <1 s  pool"


def test_where_to_look_when_nothing_is_to_be_done() -> None:
    run = Snakemake({})
    run.log("Nothing to be done (all requested files are present and up to date).")
    assert run.said()[-1] == "Report: there"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "<1 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"), (7260, "2 h 01 min")],
)
def test_times(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_the_steps_that_were_stopped_are_no_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, line in (("one", "Defect: Killed in one; memory"), ("two", "Defect: OSError in two")):
        Path("results/logs").mkdir(parents=True, exist_ok=True)
        Path(f"results/logs/{name}.log").write_text(f"{line}\n", encoding="utf-8")
    assert logs.failures({}, stopped=True).split("\n")[1:-1] == ["Defect: OSError in two", logs.STOPPED]
    assert "Killed in one" in logs.failures({})


def test_the_answers_to_many_refused_sites_are_named_by_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("results/logs", "results/internal/intake"):
        Path(folder).mkdir(parents=True)
    Path("results/logs/build_cohort.log").write_text("SubmissionRefused: site s0: x\n", encoding="utf-8")
    names = [f"s{number}" for number in range(8)]
    for number, name in enumerate(names[:7]):
        verdict = "accepted" if number == 6 else "refused"
        Path(f"results/internal/intake/{name}.json").write_text(
            f'{{"verdict": "{verdict}"}}', encoding="utf-8"
        )
    told = logs.failures({}, names).split("\n")
    assert told[2] == f"Answers to the 6 sites: {tmp_path / 'results/internal/quality'}"
    few = logs.failures({}, names[4:]).split("\n")
    pages = [tmp_path / f"results/internal/quality/{name}.html" for name in ("s4", "s5")]
    assert few[2:-1] == [f"Answer to site {page.stem}: {page}" for page in pages]
