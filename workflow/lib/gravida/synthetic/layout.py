"""The tables of the contract, laid out from the drawn arrays."""

import numpy as np
import pandas as pd

from gravida.periods import COUNT_COLUMNS, YEAR, Window, count_onsets, period_windows
from gravida.synthetic.covariates import draw_covariates
from gravida.synthetic.design import RegistryDesign, SiteDesign
from gravida.synthetic.timeline import NEVER, Observation, Timeline, calendar_year
from gravida.synthetic.treatment import draw_adverse_events, draw_infusions
from schemas.submission import TABLES

COLUMNS = {
    name: {column: spec.dtype.type for column, spec in schema.columns.items()}
    for name, schema in TABLES.items()
}
SEVERITY = (("mild", 0.35), ("moderate", 0.52), ("severe", 0.13))
TREATED_WITH_STEROIDS = 0.65
EXAMINED = 0.85

Tables = dict[str, pd.DataFrame]


def assemble(
    design: RegistryDesign,
    site: SiteDesign,
    timeline: Timeline,
    observation: Observation,
    ivig: np.ndarray,
    onsets: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> Tables:
    """Draw everything else that a site records, and lay it out as its tables."""
    position, day = onsets
    infusions = draw_infusions(ivig, observation.end, rng)
    columns = {
        **_identity(timeline),
        **_observed(design, timeline, observation),
        **_counts(timeline, observation, position, day),
        **draw_covariates(timeline, observation, rng),
        "ivig": ivig,
    }
    relapses = {"position": position, "onset_day": day, **_describe(position.size, rng)}
    frames = {
        "pregnancies": pd.DataFrame(columns),
        "relapses": pd.DataFrame(relapses if site.dated else {}),
        "infusions": infusions,
        "adverse_events": draw_adverse_events(infusions, observation.end, rng),
    }
    ids = frames["pregnancies"]["pregnancy_id"].to_numpy()
    sent = {"pregnancies", "relapses"} if site.dated else {"pregnancies"}
    return {
        name: _submitted(name, _with_ids(frame, ids), design, rng)
        for name, frame in frames.items()
        if len(frame) or name in sent
    }


def _identity(timeline: Timeline) -> dict[str, np.ndarray | pd.Series]:
    pregnancy, woman = pd.Series(np.arange(timeline.woman.size)), pd.Series(timeline.woman)
    width = max(4, len(str(pregnancy.size)))
    return {
        "pregnancy_id": "P" + (pregnancy + 1).astype(str).str.zfill(width),
        "woman_id": "W" + (woman + 1).astype(str).str.zfill(width),
        "delivery_year": timeline.delivery_year,
        "age_at_delivery": timeline.age,
        "ms_diagnosis_year": calendar_year(timeline.diagnosed),
        "gestation_days": np.where(timeline.gestation_stated, timeline.gestation, np.nan),
        "onset_after_lmp": timeline.diagnosed > timeline.delivery - timeline.gestation,
    }


def _observed(design: RegistryDesign, timeline: Timeline, observation: Observation) -> dict[str, np.ndarray]:
    """State a day of observation only where it is not the contract's default, or must be stated."""
    recent = timeline.delivery_year >= design.data_cut.year - 1
    usual_start = observation.start == -timeline.gestation - YEAR
    following = timeline.next_conception
    return {
        "observed_from_day": np.where(usual_start, np.nan, observation.start),
        "observed_to_day": np.where(
            (observation.observed_to < YEAR) | recent, observation.observed_to, np.nan
        ),
        "next_conception_day": np.where(following == NEVER, np.nan, following),
    }


def _counts(
    timeline: Timeline, observation: Observation, position: np.ndarray, day: np.ndarray
) -> dict[str, np.ndarray]:
    """Count the onsets of each whole period; empty, not 0, before delivery where no day was observed."""
    windows = period_windows(timeline.gestation)
    seen = Window(observation.start, observation.end)
    counts = {}
    for period, column in COUNT_COLUMNS.items():
        count = count_onsets(position, day, windows[period])
        unseen = (windows[period].days_within(seen) == 0) & (period != "postpartum_year")
        counts[column] = np.where(unseen, np.nan, count)
    return counts


def _describe(relapses: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    severity, share = zip(*SEVERITY, strict=True)
    return {
        "steroids": rng.random(relapses) < TREATED_WITH_STEROIDS,
        "confirmed": np.where(rng.random(relapses) < EXAMINED, "examined", "reported").astype(object),
        "severity": np.array(severity, dtype=object)[rng.choice(len(share), relapses, p=share)],
    }


def _with_ids(frame: pd.DataFrame, ids: np.ndarray) -> pd.DataFrame:
    return frame.assign(pregnancy_id=ids[frame["position"]]) if "position" in frame else frame


def _submitted(
    name: str, frame: pd.DataFrame, design: RegistryDesign, rng: np.random.Generator
) -> pd.DataFrame:
    """Give a table the contract's columns, order and types, and empty the cells that are not known."""
    table = frame[list(COLUMNS[name])].astype(COLUMNS[name])
    for column, share in design.missing.items():
        if column in table and column != "gestation_days":
            table[column] = table[column].mask(rng.random(len(table)) < share)
    return table
