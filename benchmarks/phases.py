"""gravida's phases, each timed, with the numbers they end in: everything that calls the library is here.

`python phases.py STUDY WORK GROUP,GROUP` prints one JSON object. A group that begins after `read` takes up
what `read` left in WORK, as a step of the workflow does.
"""

import argparse
import cProfile
import json
import os
import pstats
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache
from itertools import starmap
from multiprocessing import get_context
from pathlib import Path
from typing import Any

# As every step of the workflow does.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
ROOT = Path(__file__).resolve().parents[1]
COVARIATES = ("age_at_delivery", "disease_duration_years", "edss_before", "dmt_before", "relapses_pre_year")
PERIOD, CONFIDENCE, SEPARATION = "postpartum_year", 0.95, 30
ARMS = ("untreated", "treated")
COHORT = ("pregnancies", "person_time", "onsets")
# The share of a phase's time that a function must have to be named.
NAMED = 0.03
# Bytes of submissions from which on another process is worth its start.
LARGE_FILES = 10_000_000
Numbers = dict[str, Any]


class Laps:
    """Wall and CPU seconds by phase; those of one name add up."""

    def __init__(self) -> None:
        self.seconds: dict[str, dict[str, float]] = {}

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        """Add what happens inside to a phase."""
        wall, cpu = time.perf_counter(), _cpu()
        yield
        so_far = self.seconds.setdefault(name, {"wall": 0.0, "cpu": 0.0})
        so_far["wall"] += time.perf_counter() - wall
        so_far["cpu"] += _cpu() - cpu


def _cpu() -> float:
    """Return the CPU seconds of this process and of those that it has started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def read(study: Path, work: Path, laps: Laps) -> Numbers:
    """Read and validate what each site sent, answer it, and count relapses and person-time."""
    from gravida.admission import COLUMNS, gather
    from gravida.cohort import CohortSettings, build_cohort
    from gravida.tables import read_rows, read_table, row_files

    work.mkdir(parents=True, exist_ok=True)
    codes, policies = read_table(ROOT / "resources/dmt_codes.csv"), policies_of(study)
    with laps.lap("read"):
        verdicts = take_in(study, work, policies)
    if refused := [verdict["site"] for verdict in verdicts if verdict["verdict"] != "accepted"]:
        raise ValueError(f"refused: {', '.join(refused)}")
    with laps.lap("cohort"):
        tables = {table: [work / f"{name}_{table}.parquet" for name in policies] for table in COLUMNS}
        classes = codes.set_index("code")["efficacy"].to_dict()
        sites = gather(verdicts, policies, tables, read_rows)
        with row_files({table: work / f"{table}.parquet" for table in COHORT}) as add:
            for part in build_cohort(sites, classes, CohortSettings("received", SEPARATION)):
                add({table: getattr(part, table) for table in COHORT})
                del part
    rows = read_rows(work / "person_time.parquet", (PERIOD,), ("woman", "relapses", "person_years"))
    return {
        "pregnancies": len(rows),
        "women": rows["woman"].nunique(),
        "relapses": int(rows["relapses"].sum()),
        "person_years": float(rows["person_years"].sum()),
    }


def take_in(study: Path, work: Path, policies: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """Return each site's verdict; large sites side by side, each in its own process, as in the workflow."""
    folder = study / "submissions"
    sites = [(folder / name, work, policy) for name, policy in policies.items()]
    if sum(file.stat().st_size for file in folder.rglob("*.csv")) < LARGE_FILES:
        return list(starmap(take_in_site, sites))
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), max_tasks_per_child=1) as processes:
        return list(processes.map(take_in_site, *zip(*sites, strict=True)))


def take_in_site(folder: Path, work: Path, policy: str) -> Mapping[str, Any]:
    """Read, validate and write the rows of one site, and return the verdict on it."""
    from gravida.intake.submission import Site, intake_site
    from gravida.tables import read_table, write_rows

    codes = read_table(ROOT / "resources/dmt_codes.csv")
    files = sorted(folder.iterdir())
    result = intake_site(Site(folder.name, policy, "2019-06-30"), files, codes, SEPARATION)
    for table, rows in result.accepted.items():
        write_rows(work / f"{folder.name}_{table}.parquet", rows)
    return result.verdict


def rates(study: Path, work: Path, laps: Laps) -> Numbers:
    """Estimate the rate of each arm and site in the year after delivery, with exact and clustered limits."""
    from gravida.statistics.rates import estimate_rates

    person_time = contrasts_of(study, work).person_time
    with laps.lap("rates"):
        table = estimate_rates(person_time[person_time["period"] == PERIOD], CONFIDENCE)
    rows = table[table["period"] == PERIOD]
    columns = ["rate", "lower", "upper", "robust_lower", "robust_upper"]
    labels = rows["group"] + " " + rows["arm"] + " " + rows["site"]
    return dict(zip(labels, rows[columns].to_numpy(float).tolist(), strict=True))


def poisson(study: Path, work: Path, laps: Laps) -> Numbers:
    """Fit the Poisson models, with errors clustered by woman."""
    from gravida.models.counts import fit_poisson

    return _count_models("poisson", fit_poisson, contrasts_of(study, work), laps)


def negative_binomial(study: Path, work: Path, laps: Laps) -> Numbers:
    """Fit the negative binomial models, with errors clustered by woman."""
    from gravida.models.counts import fit_negative_binomial

    return _count_models("negative_binomial", fit_negative_binomial, contrasts_of(study, work), laps)


def _count_models(name: str, fit: Callable[[Any], Any], contrasts: Any, laps: Laps) -> Numbers:
    import numpy as np

    numbers = {}
    for analysis in ("unadjusted", "adjusted"):
        with laps.lap(name):
            model = fit(_comparison(contrasts, analysis).sample)
        with laps.lap(f"{name}_clustered"):
            covariance = model.clustered_covariance()
        numbers[analysis] = {
            "beta": model.beta.tolist(),
            "errors": np.sqrt(np.diag(covariance)).tolist(),
            "log_likelihood": model.fit.sums.log_likelihood,
            "alpha": model.alpha,
        }
    return numbers


def gee(study: Path, work: Path, laps: Laps) -> Numbers:
    """Solve the estimating equations with one correlation between a woman's pregnancies."""
    import numpy as np
    from gravida.models.counts import fit_poisson
    from gravida.models.gee import fit_exchangeable

    contrasts, numbers = contrasts_of(study, work), {}
    for analysis in ("unadjusted", "adjusted"):
        with laps.lap("gee"):
            sample = _comparison(contrasts, analysis).sample
            found = fit_exchangeable(sample, fit_poisson(sample).beta)
        numbers[analysis] = {
            "beta": found.beta.tolist(),
            "errors": np.sqrt(np.diag(found.covariance)).tolist(),
            "correlation": found.correlation,
        }
    return numbers


def cox(study: Path, work: Path, laps: Laps) -> Numbers:
    """Follow each pregnancy to its first relapse and fit Cox's model, with errors clustered by woman."""
    import numpy as np
    from gravida.statistics.survival import follow_up
    from gravida.statistics.time_to_relapse import TimesComparison
    from gravida.tables import read_rows

    pregnancies, onsets = (read_rows(work / f"{name}.parquet") for name in ("pregnancies", "onsets"))
    with laps.lap("cox"):
        model = TimesComparison(follow_up(pregnancies, onsets), *ARMS, CONFIDENCE).cox
        covariance = model.clustered_covariance()
    errors = np.sqrt(np.diag(covariance)).tolist()
    return {
        "beta": model.beta.tolist(),
        "errors": errors,
        "log_likelihood": model.fit.sums.log_likelihood,
    }


@cache
def contrasts_of(study: Path, work: Path) -> Any:
    """Return the contrasts of the plan, over the rows that `read` left."""
    from gravida.statistics.contrasts import Contrasts
    from gravida.statistics.design import sources_of
    from gravida.tables import read_rows

    plan = {
        "numerator": ARMS[0],
        "denominator": ARMS[1],
        "period": PERIOD,
        "confidence": CONFIDENCE,
        "covariates": COVARIATES,
        "policies": policies_of(study),
    }
    compared = read_rows(work / "person_time.parquet", (PERIOD,))
    covariates = read_rows(work / "pregnancies.parquet", columns=sources_of(COVARIATES))
    return Contrasts.of_plan(covariates, compared, plan)


def policies_of(study: Path) -> dict[str, str]:
    """Return the policy of each site of the sheet."""
    lines = (study / "sites.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return {cells[0]: cells[3] for cells in (line.split("\t") for line in lines)}


def _comparison(contrasts: Any, analysis: str) -> Any:
    """Return the rows of a model: all for the arms alone, complete cases for site and the five covariates."""
    return contrasts.crude() if analysis == "unadjusted" else contrasts.adjusted(COVARIATES)[0]


GROUPS = {group.__name__: group for group in (read, rates, poisson, negative_binomial, gee, cox)}


def main() -> None:
    """Run some groups of phases one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("groups", type=lambda text: text.split(","))
    parser.add_argument("--profile", action="store_true", help="say which functions the time goes to")
    options = parser.parse_args()
    laps, numbers = Laps(), {}
    profile = cProfile.Profile() if options.profile else None
    with profile or nullcontext():
        for group in options.groups:
            numbers[group] = GROUPS[group](options.study, options.work, laps)
    found = {"seconds": laps.seconds, "numbers": numbers, "functions": _functions(profile) if profile else []}
    print(json.dumps(found))


def _functions(profile: cProfile.Profile) -> list[tuple[str, float]]:
    """Return the functions with the most time of their own, and the share of all time that they have."""
    stats = pstats.Stats(profile)
    own = sorted(((times[2], key) for key, times in stats.stats.items()), reverse=True)
    return [
        (f"{Path(path).stem}.{name}" if path != "~" else name.strip("<>"), seconds / stats.total_tt)
        for seconds, (path, _, name) in own[:8]
        if seconds / stats.total_tt >= NAMED
    ]


if __name__ == "__main__":
    main()
