"""What the models write is what the picture and the card read."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

import numpy as np
import polars as pl
import pytest

from marketflows_pipeline.charts.cross_asset.catalog import CrossAssetChartContext, model_jobs
from marketflows_pipeline.charts.cross_asset.model_card import model_card_html
from marketflows_pipeline.charts.cross_asset.model_figures import auc_of_assets, figure
from marketflows_pipeline.charts.cross_asset.model_quality import model_chart, reliability_points
from marketflows_pipeline.models.artifact import Metadata
from marketflows_pipeline.models.evaluation import EvaluationResult, evaluate, evaluation_frame
from marketflows_pipeline.models.out_of_sample import Forecasts
from marketflows_pipeline.models.panel import FEATURES, FEATURES_VERSION
from marketflows_pipeline.models.walk_forward import WalkForward
from marketflows_pipeline_tests.charts.cross_asset.frames import TRAINED
from marketflows_pipeline_tests.charts.exchanges.frames import page_size

SYMBOLS = ("GLD", "IWM", "SPY", "TLT")
MODEL_ID = f"direction_5_logistic_{TRAINED:%Y%m%dT%H%M%SZ}"


@pytest.fixture(scope="module")
def judged() -> EvaluationResult:
    dates, assets = 200, len(SYMBOLS)
    draw = np.random.default_rng(3)
    n = dates * assets
    said = np.clip(0.55 + draw.normal(0, 0.05, n), 0.01, 0.99)
    return evaluate(
        Forecasts(
            symbols=SYMBOLS,
            session=np.repeat(np.arange(dates), assets),
            symbol=np.tile(np.arange(assets), dates),
            y=(draw.random(n) < said).astype(np.float64),
            probabilities={
                "with_flows": said,
                "without_flows": np.clip(said + draw.normal(0, 0.02, n), 0.01, 0.99),
                "base_rate": np.full(n, 0.55),
                "always_up": np.ones(n),
                "momentum": np.full(n, 0.55),
            },
        ),
        horizon=5,
        seed=3,
        resamples=40,
    )


@pytest.fixture(scope="module")
def evaluation(judged: EvaluationResult) -> pl.DataFrame:
    return evaluation_frame(judged.figures, model_id=MODEL_ID, trained_at=TRAINED, is_synthetic=True)


def test_every_figure_that_is_shown_is_found(evaluation: pl.DataFrame) -> None:
    bins = reliability_points(evaluation)

    assert len(bins) == 10
    assert [each["predicted"] for each in bins] == sorted(each["predicted"] for each in bins)
    assert tuple(auc_of_assets(evaluation)) == SYMBOLS
    assert figure(evaluation, "ablation_auc", "mean of assets") is not None
    assert figure(evaluation, "ablation_date_auc", "all") is not None


@pytest.mark.slow
def test_a_judged_model_is_drawn(evaluation: pl.DataFrame) -> None:
    context = CrossAssetChartContext(
        assets=tuple((symbol, symbol) for symbol in SYMBOLS), windows=(1,), correlation_window=63, benchmark="SPY"
    )
    (job,) = model_jobs(evaluation, context)

    assert job.file_name == "CrossAsset_model_5_direction.png"
    assert page_size(model_chart(job.frame, job.spec).to_dict(validate=True)) == (960, 720)  # type: ignore[arg-type]


def test_a_stored_models_metadata_fill_the_card(evaluation: pl.DataFrame, judged: EvaluationResult) -> None:
    metadata = Metadata(
        model_id=MODEL_ID,
        target="direction",
        horizon=5,
        kind="logistic",
        seed=3,
        trained_at=TRAINED,
        is_synthetic=True,
        first_session=date(2010, 1, 4),
        last_session=date(2026, 2, 27),
        rows=5000,
        symbols=SYMBOLS,
        features=FEATURES,
        features_version=FEATURES_VERSION,
        features_sha256="ab" * 32,
        versions={"python": "3.11.9"},
        walk_forward=asdict(WalkForward(horizon=5)) | {"resamples": 40},
        configurations_tried=1,
        test_rows=800,
        base_rates={},
        brier_skill=0.0,
        bins=judged.bins,
    )
    page = model_card_html(asdict(metadata), evaluation, b"picture")

    for name in ("Model with flows", "Same model without flows", "Base rate of each asset", "Always up", "Momentum"):
        assert name in page
    assert "4 Jan 2010 to 27 Feb 2026, 5,000 labelled rows of 4 assets: GLD, IWM, SPY, TLT" in page
    assert "1 configuration on this data" in page
    # Always up has no log loss, and no calibration error has an interval.
    assert page.count("<td>\u2013</td>") == 1
