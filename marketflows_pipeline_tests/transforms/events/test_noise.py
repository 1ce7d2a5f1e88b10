"""A market without any event: figures by chance, with fat tails, and changes by chance."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from marketflows_pipeline.transforms.events.discrete import discrete_events
from marketflows_pipeline.transforms.events.measured import measured_events
from marketflows_pipeline_tests.transforms.events.frames import TIME, on_day

N_DAYS = 250
# Of each kind: how many subjects, how much of their variance they share, on which share of days they move at all.
MEASURED: dict[str, tuple[int, float, float]] = {
    "coins": (300, 0.4, 1.0),
    "narratives": (20, 0.7, 1.0),
    "breadth": (15, 0.7, 1.0),
    "ranges": (4, 0.0, 0.2),
    "dominance": (2, 0.3, 1.0),
    "net flows": (40, 0.1, 1.0),
    "volumes": (40, 0.4, 1.0),
    "concentration": (8, 0.2, 1.0),
    "funds": (11, 0.2, 1.0),
    "classes": (4, 0.2, 1.0),
    "volatility": (1, 0.0, 1.0),
}
# How many subjects, between which rates a day they change (evenly by their logarithm), every how many days they may.
DISCRETE: dict[str, tuple[int, float, float, int]] = {
    "leader": (10, 0.002, 0.1, 1),
    "quadrants": (10, 0.1, 0.35, 1),
    "quadrants of assets": (11, 0.1, 0.35, 7),
    "supply steps": (300, 1e-4, 0.02, 1),
    "members": (10, 0.2, 0.9, 30),
    "new narratives": (1, 0.05, 0.05, 1),
    "coverage": (20, 0.001, 0.03, 1),
    "places": (20, 0.003, 0.3, 1),
    "leading exchange": (8, 0.002, 0.1, 1),
    "regime": (1, 0.025, 0.025, 1),
    "share steps": (11, 0.001, 0.02, 1),
    **{f"stale in {part}": (n, 1e-4, 0.01, 1) for part, n in (("caps", 300), ("exchanges", 20), ("assets", 11))},
    **{f"checks of {part}": (n, 0.001, 0.05, 1) for part, n in (("caps", 60), ("exchanges", 40), ("assets", 40))},
}


def noise(random: np.random.Generator, n: int, shared: float, moving: float) -> pl.DataFrame:
    """Figures of Student's t with 3 degrees of freedom, of each subject and of all together."""
    own, common = random.standard_t(3, (N_DAYS, n)), random.standard_t(3, (N_DAYS, 1))
    values = (np.sqrt(1 - shared) * own + np.sqrt(shared) * common) * (random.random((N_DAYS, n)) < moving)
    return everyone(n).with_columns(label=pl.lit(""), value=values.ravel(), coverage_pct=pl.lit(None, pl.Float64))


def everyone(n: int) -> pl.DataFrame:
    days = pl.Series("ts", [on_day(day) for day in range(N_DAYS)], TIME).to_frame()
    return days.join(pl.DataFrame({"subject": [f"subject-{place}" for place in range(n)]}), how="cross")


def chance_changes(
    random: np.random.Generator, n: int, low: float, high: float, every: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    rates = np.exp(random.uniform(np.log(low), np.log(high), n))
    is_change = (random.random((N_DAYS, n)) < rates) & (np.arange(N_DAYS) % every == 0)[:, None]
    none = {name: pl.lit(None, pl.Float64) for name in ("value", "reference", "coverage_pct")}
    texts = {name: pl.lit("") for name in ("label", "was", "became")}
    watched = everyone(n)
    return watched.filter(pl.Series(is_change.ravel())).with_columns(**texts, **none), watched


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_noise_gives_at_most_one_event_a_day_over_all_kinds(seed: int) -> None:
    """From the first day on, when thresholds rest on little."""
    random = np.random.default_rng(seed)
    found = {name: measured_events(noise(random, *kind)).height for name, kind in MEASURED.items()}
    found |= {name: discrete_events(*chance_changes(random, *kind)).height for name, kind in DISCRETE.items()}
    assert 0 < sum(found.values()) <= N_DAYS, found


def test_what_is_planted_into_noise_is_found() -> None:
    random = np.random.default_rng(3)
    is_planted = (pl.col("subject") == "subject-7") & (pl.col("ts") == on_day(200))
    rows = noise(random, 20, 0.3, 1.0).with_columns(value=pl.when(is_planted).then(60.0).otherwise("value"))
    assert measured_events(rows).filter(is_planted)["severity"].to_list() == ["extreme"]
    changed, watched = chance_changes(random, 10, 0.1, 0.35, 1)
    rare = changed.head(1).with_columns(subject=pl.lit("rare"), ts=pl.lit(on_day(200)))
    also = watched.select(pl.lit("rare").alias("subject"), "ts").unique()
    found = discrete_events(pl.concat([changed, rare]), pl.concat([watched.select("subject", "ts"), also]))
    assert "rare" in found["subject"].to_list()
