"""Opt-in (`-m real`): on real daily bars no model may look good, or something knows the future."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.models.estimators import Kind
from marketflows_pipeline.models.labels import Target, labels
from marketflows_pipeline.models.panel import features
from marketflows_pipeline.models.training import TrainedModel, train
from marketflows_pipeline_tests.models.alarms import leakage_alarm
from marketflows_pipeline_tests.models.made_up import TRAINED_AT
from marketflows_pipeline_tests.models.real_bars import SYMBOLS, frames

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]

FROM = date(2010, 1, 4)


@pytest.fixture(scope="module")
def folder() -> Path:
    given = os.environ.get("MARKETFLOWS_REAL_DATA")
    if given is None or not (bars := Path(given) / "data" / "daily_bars").is_dir():
        pytest.skip("MARKETFLOWS_REAL_DATA names no folder that holds data/daily_bars")
    return bars


def trained(folder: Path, horizon: int, target: Target, kind: Kind) -> TrainedModel:
    given = frames(folder, FROM)
    return train(
        features(*given, symbols=SYMBOLS),
        labels(given.flows, horizon=horizon, target=target),
        horizon=horizon,
        target=target,
        model=kind,
        seed=1,
        trained_at=TRAINED_AT,
        is_synthetic=False,
    )


@pytest.mark.parametrize("horizon", [5, 20])
@pytest.mark.parametrize("target", ["direction", "rank"])
def test_real_prices_are_hardly_forecast_at_all(folder: Path, horizon: int, target: Target) -> None:
    found = trained(folder, horizon, target, "logistic").evaluation
    figures = {
        (row["variant"], row["metric"]): row
        for row in found.filter(pl.col("scope").is_in(["all", "mean of assets"])).iter_rows(named=True)
    }

    auc, skill = figures["with_flows", "auc"], figures["with_flows", "brier_skill"]

    print(f"{target} {horizon}: AUC {auc['value']:.3f} [{auc['lower_95']:.3f}, {auc['upper_95']:.3f}], "  # noqa: T201
          f"Brier skill {skill['value']:+.4f}")  # fmt: skip
    assert 0.45 <= auc["value"] <= 0.57
    assert skill["value"] <= 0.01
    assert leakage_alarm(found) is None
    # these bars bring no flow, so there is nothing to leave out
    assert ("with_flows", "ablation_auc") not in figures


def test_no_flow_is_made_up_from_bars(folder: Path) -> None:
    given = frames(folder, FROM)

    panel = features(*given, symbols=SYMBOLS)

    assert panel.select(pl.col("^.*flow.*$").is_null().all()).row(0) == (True,) * 6
