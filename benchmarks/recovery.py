"""Measure how well training recovers the injected signal of simulated markets: bias and coverage over 20 seeds.

    python -m benchmarks.recovery [--markets 20] [--write]

Markets of the tutorial's law, seeds 1 to 20, through the package's own flows, features, labels and walk-forward
(logistic, with flows), at both horizons. The truth is the best possible mean AUC of assets, as the tutorial's files say
it; the interval is the one that `train` prints. Prints JSON; with ``--write`` it also goes where `train` reads it from.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.processes import ROOT
from marketflows_pipeline.models import metrics
from marketflows_pipeline.models.bootstrap import RESAMPLES, block_counts, block_length, interval
from marketflows_pipeline.models.dataset import Dataset, dataset
from marketflows_pipeline.models.labels import labels
from marketflows_pipeline.models.many_labels import forecast_each
from marketflows_pipeline.models.panel import FEATURES, features
from marketflows_pipeline.models.walk_forward import WalkForward
from marketflows_pipeline.settings.cross_asset import CrossAsset
from marketflows_pipeline.transforms.cross_asset.asset_flows import asset_flows
from marketflows_pipeline.transforms.cross_asset.pressure import pressure
from marketflows_pipeline.transforms.cross_asset.regimes import regimes
from marketflows_pipeline.tutorial.cross_asset_provider import TutorialMarket, planted_auc
from marketflows_pipeline.tutorial.files import data_as_of
from marketflows_pipeline.tutorial.recovery import RECOVERY_FILE

HORIZONS = (5, 20)
SEED = 7
SUPPLY = {"symbol": pl.String(), "session": pl.Date(), "supply": pl.Float64(), "price_usd": pl.Float64()}


def make_up(seed: int, last: date, folder: Path) -> None:
    """The market of a seed; its own truth, which takes 200 more markets, is left out."""
    sys.path.insert(0, str(ROOT / "tools"))
    import make_cross_asset_tutorial_data as maker  # noqa: PLC0415 (a script beside the package)

    maker.N_MARKETS = 1
    maker.make_up(seed, last, folder)


def panel_of(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Features and flows of a folder's market, by the package's transforms."""
    settings, market, now = CrossAsset(), TutorialMarket(folder), data_as_of()
    known = [each for each in settings.universe if each.share_source in market.issuers]
    histories = [
        market.daily_bars(asset.symbol, asset.provider_symbol, settings.start, now.date())
        for asset in settings.universe
    ]
    fetched = pl.lit(now).cast(pl.Datetime("us", "UTC")).alias("fetched_at")
    shares = pl.concat(market.shares_outstanding(asset.symbol, asset.share_id) for asset in known)
    universe = pl.DataFrame(
        [(asset.symbol, asset.name, asset.asset_class, asset.share_source) for asset in settings.universe],
        schema=["symbol", "name", "asset_class", "share_source"],
        orient="row",
    )
    bars = pl.concat(history.bars for history in histories)
    volatility = pl.concat(market.volatility_index(name) for name in ("VIX", "VIX3M"))
    flows = asset_flows(
        bars,
        shares.with_columns(fetched, vintage=pl.lit(1, pl.Int32)),
        pl.concat(history.actions for history in histories),
        pl.DataFrame(schema=SUPPLY | {"market_cap_usd": pl.Float64()}),
        universe,
    )
    states = regimes(
        volatility,
        flows,
        **settings.regime_rules,
    )
    return features(flows, pressure(bars, flows), states, volatility, symbols=settings.symbols), flows


def mean_auc(data: Dataset, horizon: int) -> tuple[float, float, float]:
    """The mean AUC of assets with its interval, as training gives them for the model with flows."""
    found = forecast_each(data, WalkForward(horizon=horizon), data.y[:, None], kind="logistic", seed=SEED)
    tested, p = data.take(found.rows), found.model[:, 0]
    sessions, dates = np.unique(tested.session, return_inverse=True)
    draws = block_counts(len(sessions), block_length(horizon), resamples=RESAMPLES, seed=SEED)
    counts = np.vstack([np.ones(len(sessions)), draws])
    own = [tested.symbol == place for place in range(len(data.symbols))]
    aucs = np.nanmean([metrics.auc(tested.y[rows], p[rows], counts, dates[rows]) for rows in own], axis=0)
    return float(aucs[0]), *interval(aucs[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--markets", type=int, default=20)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found: dict[int, list[tuple[float, float, float]]] = {horizon: [] for horizon in HORIZONS}
    last = TutorialMarket().volatility_index("VIX")["session"].max()
    assert isinstance(last, date)
    for seed in range(1, options.markets + 1):
        with tempfile.TemporaryDirectory() as folder:
            make_up(seed, last, Path(folder))
            panel, flows = panel_of(Path(folder))
        for horizon in HORIZONS:
            data = dataset(panel, labels(flows, horizon=horizon, target="direction"), features=FEATURES)
            found[horizon].append(mean_auc(data, horizon))
        shown = ", ".join(f"{h}: {f[-1][0]:.3f} ({f[-1][1]:.3f} to {f[-1][2]:.3f})" for h, f in found.items())
        print(f"seed {seed}: {shown}", file=sys.stderr, flush=True)
    record = {str(horizon): summary(figures, planted_auc(horizon)) for horizon, figures in found.items()}
    if options.write:
        RECOVERY_FILE.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record))


def summary(figures: list[tuple[float, float, float]], truth: float) -> dict[str, Any]:
    """Bias, its standard error, and how many intervals hold the truth."""
    aucs = np.array([auc for auc, _, _ in figures])
    return {
        "markets": len(figures),
        "planted_auc": truth,
        "mean_auc": round(float(aucs.mean()), 4),
        "bias": round(float(aucs.mean()) - truth, 4),
        "standard_error": round(float(aucs.std(ddof=1) / np.sqrt(len(aucs))), 4),
        "covered": sum(lower <= truth <= upper for _, lower, upper in figures),
        "above": sum(lower > truth for _, lower, _ in figures),
    }


if __name__ == "__main__":
    main()
