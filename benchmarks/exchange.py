"""Centres that keep their rows: rounds, bytes, and what the exchange costs the coordinating centre.

`python exchange.py play FOLDER CENTRES` plays all centres and starts the coordinating one anew in each round
(`coordinate FOLDER`), as the workflow does. It prints one JSON object.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PREGNANCIES, MIN_WOMEN, SEED = 60, 5, 20191111
DATA_CUT, PLAN_DIGEST = "2019-06-30", "benchmark"
PLAN = {
    "numerator": "untreated",
    "denominator": "treated",
    "period": "postpartum_year",
    "confidence": 0.95,
    "covariates": (
        "age_at_delivery",
        "disease_duration_years",
        "edss_before",
        "dmt_before",
        "relapses_pre_year",
    ),
}
SHEET = Path("sites.json")


def play(folder: Path, centres: int) -> dict[str, Any]:
    """Play an exchange to its end in a folder of its own."""
    from gravida.federation.exchange import opening_request, summarise_site, text_of
    from gravida.federation.folder import read_asked
    from gravida.federation.mail import COORDINATOR, KEYS, MOST_ROUNDS, round_folder
    from gravida.federation.protection import Answered
    from gravida.federation.signing import new_keys

    shutil.rmtree(folder, ignore_errors=True)
    (folder / KEYS).mkdir(parents=True)
    os.chdir(folder)
    lines = [
        {"site": f"centre_{number:03}", "policy": "individual", "data_cut": DATA_CUT}
        for number in range(centres)
    ]
    SHEET.write_text(json.dumps(lines), encoding="utf-8")
    private = {}
    for name in (*(line["site"] for line in lines), COORDINATOR):
        private[name], public = new_keys()
        (KEYS / f"{name}.pub").write_text(public, encoding="utf-8")
    (KEYS / f"{COORDINATOR}.key").write_text(private[COORDINATOR], encoding="utf-8")
    theirs = {line["site"]: _held(line["site"]) for line in lines}
    answered = {line["site"]: Answered({}) for line in lines}
    opening, costs, centre_seconds = opening_request(PLAN_DIGEST, PLAN), [], 0.0
    for number in range(1, MOST_ROUNDS + 1):
        sent = (
            [] if number == 1 else [str(round_folder(number) / "request.json"), str(KEYS / "coordinator.pub")]
        )
        began = time.process_time()
        request = read_asked(sent, number, opening)
        round_folder(number).mkdir(exist_ok=True)
        for line in lines:
            site = line["site"]
            document, answered[site] = summarise_site(
                request, line, theirs[site], MIN_WOMEN, answered[site], private[site]
            )
            (round_folder(number) / f"{site}.json").write_text(text_of(document), encoding="utf-8")
        centre_seconds += time.process_time() - began
        command = [sys.executable, __file__, "coordinate", "."]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        costs.append(json.loads(told))
        if not (round_folder(number + 1) / "request.json").exists():
            break
    return {
        "centres": centres,
        "rounds": len(costs),
        "coordinator_cpu": sum(cost["cpu"] for cost in costs),
        "coordinator_peak": max(cost["peak"] for cost in costs),
        "centre_cpu": centre_seconds / centres,
        "bytes": sum(path.stat().st_size for path in Path("exchange").glob("round_*/*.json")),
    }


def _held(site: str) -> Any:
    """Return the rows of one centre, drawn at random."""
    import pandas as pd
    from gravida.cohort import CohortSettings, SiteRows, whole_cohort
    from gravida.federation.selection import holding_of
    from gravida.intake.table import CHECK_COLUMNS
    from gravida.synthetic import RegistryDesign, SiteDesign, generate
    from gravida.tables import read_table

    # Observed for two years before, for else one centre of a hundred has too few women there to answer.
    design = RegistryDesign((SiteDesign(site, "individual", PREGNANCIES),), seed=SEED, two_years_before=1.0)
    drawn = generate(design)[site]
    codes = read_table(Path(__file__).resolve().parents[1] / "resources/dmt_codes.csv")
    classes = codes.set_index("code")["efficacy"].to_dict()
    rows = SiteRows(site, "individual", drawn["pregnancies"], drawn["relapses"])
    cohort = whole_cohort([rows], classes, CohortSettings("received", 30))
    tables = {"attrition": cohort.attrition, "data_quality": pd.DataFrame(columns=list(CHECK_COLUMNS))}
    return holding_of(site, cohort.pregnancies, cohort.person_time, onsets=cohort.onsets, **tables)


def coordinate(folder: Path) -> dict[str, float]:
    """Gather the answers so far and ask what is still to be known; return what that cost."""
    os.chdir(folder)
    from gravida.cohort import CohortSettings, whole_cohort
    from gravida.federation.exchange import opening_request
    from gravida.federation.folder import ask_centres, gather_answers
    from gravida.federation.mail import send_request
    from gravida.federation.study import contrasts_of
    from gravida.files import write_json

    lines = json.loads(SHEET.read_text(encoding="utf-8"))
    exchange = gather_answers(opening_request(PLAN_DIGEST, PLAN), lines, MIN_WOMEN)
    state = {"round": len(exchange.requests), "awaited": exchange.awaited, "given": exchange.given}
    write_json("answers.json", state)
    nobody = whole_cohort([], {}, CohortSettings("received", 30))
    plan = PLAN | {"policies": {line["site"]: line["policy"] for line in lines}}
    contrasts = contrasts_of(nobody.pregnancies, nobody.person_time, plan, ["answers.json"])
    send_request(ask_centres(state, contrasts, PLAN_DIGEST))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu": usage.ru_utime + usage.ru_stime, "peak": _own_peak()}


def _own_peak() -> int:
    """Return the most memory that this program held, in bytes, without that of the one that started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def main() -> None:
    """Play all, or do the coordinating centre's part of a round."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["play", "coordinate"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("centres", type=int, nargs="?", default=2)
    options = parser.parse_args()
    found = play(options.folder, options.centres) if options.part == "play" else coordinate(options.folder)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
