"""The shipped registry: what its files print, and that its seed still makes them."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from contract_rules import broken_rules
from gravida.synthetic import published_registry, write_registry
from statsmodels.discrete.discrete_model import NegativeBinomial

DEMO = Path(__file__).parents[2] / "resources/demo"


def read_demo() -> pd.DataFrame:
    sites = ("treats_all", "treats_none")
    return pd.concat([pd.read_csv(DEMO / site / "pregnancies.csv").assign(site=site) for site in sites])


def test_the_shipped_files_are_what_the_seed_gives(tmp_path):
    write_registry(published_registry(), tmp_path)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.csv")}
    shipped = {path.relative_to(DEMO): path.read_bytes() for path in DEMO.rglob("*.csv")}
    assert made.keys() == shipped.keys()
    assert [name for name in made if made[name] != shipped[name]] == []


def test_the_shipped_registry_keeps_the_rules_of_the_contract():
    for tables in published_registry().values():
        assert broken_rules(tables, date(2019, 6, 30)) == set()


def test_the_shipped_registry_prints_the_published_summary():
    rows = read_demo()
    duration = rows["delivery_year"] - rows["ms_diagnosis_year"]
    assert len(rows) == 132
    assert len(rows[["site", "woman_id"]].drop_duplicates()) == 112
    assert [f"{rows['age_at_delivery'].mean():.2f}", f"{rows['age_at_delivery'].std():.2f}"] == [
        "31.70",
        "4.10",
    ]
    assert [f"{duration.mean():.2f}", f"{duration.std():.2f}"] == ["6.34", "4.33"]
    assert rows.groupby("ivig")["relapses_post_year"].agg(["size", "sum"]).to_dict("index") == {
        0: {"size": 61, "sum": 23},
        1: {"size": 71, "sum": 19},
    }
    assert rows["relapses_post_year"].value_counts().to_dict() == {0: 100, 1: 24, 2: 6, 3: 2}
    assert rows["next_conception_day"].fillna(730).min() > 364
    assert rows["observed_to_day"].fillna(365).min() >= 365


def test_the_shipped_registry_prints_the_published_rate_ratio():
    """Refereed by statsmodels: NB2 by maximum likelihood, clustered by woman, k counting alpha."""
    rows = read_demo()
    women = pd.factorize(rows["site"] + " " + rows["woman_id"])[0]
    design = np.column_stack([np.ones(132), 1 - rows["ivig"].to_numpy(float)])
    model = NegativeBinomial(
        rows["relapses_post_year"].to_numpy(float), design, offset=np.full(132, np.log(365 / 365.25))
    )
    fit = model.fit(disp=0, maxiter=200, gtol=1e-10, cov_type="cluster", cov_kwds={"groups": women})
    low, high = fit.conf_int()[1]
    printed = [
        f"{number:.3f}" for number in (np.exp(fit.params[1]), np.exp(low), np.exp(high), fit.pvalues[1])
    ]
    assert printed == ["1.409", "0.764", "2.598", "0.272"]
    assert 0.5 < fit.params[2] < 1.2


def test_the_shipped_registry_has_the_published_course():
    registry = published_registry()
    rows = pd.concat([tables["pregnancies"] for tables in registry.values()])
    onsets = pd.concat([tables["relapses"] for tables in registry.values()])["onset_day"]
    quarters = [
        onsets.between(start, stop - 1).sum() for start, stop in ((0, 91), (91, 182), (182, 273), (273, 365))
    ]
    assert sum(quarters) == 42
    assert quarters[0] > quarters[1] > quarters[2]
    assert quarters[0] > 1.8 * quarters[3]
    assert 0.45 < rows["relapses_pre_year"].mean() < 0.6
    assert rows["relapses_pregnancy"].mean() * 365 / 275 < rows["relapses_pre_year"].mean()
