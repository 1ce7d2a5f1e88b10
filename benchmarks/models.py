"""Measure a full walk-forward of 15 assets from 2010 to 2026, both horizons, logistic: time and memory.

    python -m benchmarks.models [--kind logistic] [--rounds 3]

Made-up prices, volumes and flows. Each round is a process of its own and takes everything: features, labels, the
walk-forward with and without flows, baselines, 300 resamples of every interval, the final model. Prints medians as
JSON. Memory is the peak of the whole process; the processor's seconds say more than the clock's where the machine has
other work.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any

import numpy as np
import polars as pl

from benchmarks.processes import in_a_process, peak_mb
from marketflows_pipeline.models.labels import labels
from marketflows_pipeline.models.panel import features
from marketflows_pipeline.models.training import train
from marketflows_pipeline.schema import table

ASSETS, FIRST, LAST = 15, date(2010, 1, 4), date(2026, 8, 21)
HORIZONS = (5, 20)
NOW = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
# Share of weekdays without a session, which leaves some 4,180.
HOLIDAYS = 0.035
UNKNOWN_FLOWS = 5


def sessions() -> list[date]:
    rng = np.random.default_rng(1)
    days = (FIRST + timedelta(days=offset) for offset in range((LAST - FIRST).days + 1))
    return [day for day in days if day.weekday() < 5 and rng.random() >= HOLIDAYS]


def market() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """What `features` takes; the first 5 assets have no known flow."""
    rng, days = np.random.default_rng(2), sessions()
    n, entry = len(days), table("core.asset_flows")
    known_at = [*(datetime.combine(day, clock_time(14, 30), UTC) for day in days[1:]), None]
    parts = []
    for place in range(ASSETS):
        close = 100 * np.exp(np.cumsum(rng.normal(0.0003, 0.01, n)))
        flow = rng.normal(0, 1e8, n)
        known = {
            "symbol": [f"A{place:02d}"] * n,
            "session": days,
            "asset_class": [("equity", "bond", "metal")[place % 3]] * n,
            "close_usd": close,
            "market_cap_usd": 1e9 * close,
            "flow_usd": flow,
            "flow_method": ["price_only" if place < UNKNOWN_FLOWS else "shares"] * n,
            "flow_pct_of_market_cap": flow / 1e9 / close * 100,
            "flow_zscore": flow / 1e8,
            "notional_usd": np.exp(rng.normal(20, 0.3, n)),
            "notional_share": rng.uniform(0.01, 0.1, n),
            "notional_zscore": rng.normal(size=n),
            "known_at": known_at,
        }
        parts.append(pl.DataFrame(known))
    flows = pl.concat(parts)
    missing = [pl.lit(None, kind).alias(name) for name, kind in entry.polars_schema.items() if name not in flows]
    flows = flows.with_columns(missing).select(entry.column_names).cast(pl.Schema(entry.polars_schema))
    pressure = flows.select(
        "symbol",
        "session",
        **{name: rng.uniform(0.1, 1, flows.height) for name in ("cmf_20", "relative_volume", "signed_notional_ratio")},
    )
    vix = 20 * np.exp(rng.normal(0, 0.2, n))
    regimes = pl.DataFrame({"session": days, "vix_percentile": rng.random(n), "term_structure": vix / 20})
    return flows, pressure, regimes, pl.DataFrame({"index_name": ["VIX"] * n, "session": days, "close": vix})


def measure(kind: str) -> dict[str, Any]:
    """Both horizons once, in this process."""
    given = market()
    cpu, begun = time.process_time(), time.perf_counter()
    panel = features(*given, symbols=given[0].get_column("symbol").unique().to_list())
    with_features = time.perf_counter()
    blocks = 0
    for horizon in HORIZONS:
        told: list[int] = []
        result = train(
            panel,
            labels(given[0], horizon=horizon, target="direction"),
            horizon=horizon,
            target="direction",
            model=kind,  # type: ignore[arg-type]
            seed=7,
            trained_at=NOW,
            is_synthetic=True,
            on_progress=lambda done, _, told=told: told.append(done),
        )
        blocks += len(told)
        assert result.evaluation.height > 100
    return {
        "seconds": time.perf_counter() - begun,
        "cpu_s": time.process_time() - cpu,
        "features_s": with_features - begun,
        "peak_mb": peak_mb(),
        "rows": panel.height,
        "sessions": panel.get_column("session").n_unique(),
        "blocks": blocks,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=("logistic", "gradient_boosting"), default="logistic")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(measure(options.kind)))
        return
    once = ("-m", "benchmarks.models", "--once", "--kind", options.kind)
    rounds = [in_a_process(*once) for _ in range(options.rounds)]
    medians = {name: round(statistics.median(each[name] for each in rounds), 3) for name in rounds[0]}
    print(json.dumps({"assets": ASSETS, "horizons": list(HORIZONS), "rounds": options.rounds, **medians}, indent=2))


if __name__ == "__main__":
    main()
