"""Measure all derived cross-asset tables, 30 symbols over 20 years, beside the same in plain pandas.

    python -m benchmarks.cross_asset [--rounds 5] [--repeats 3]

A made-up market of 26 funds with 5,040 sessions and 4 coins with all days between, shares, net asset values, a split,
holes and two volatility indices; windows as in the default settings. Each round gives a fresh process to us and one to
pandas, in turn; both read the same file, warm up once and compute all tables `repeats` times. That both find the same
is checked column by column, by the count and the sum of what is known. Prints medians as JSON; the processor's seconds
say more than the clock's where the machine has other work.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.processes import in_a_process, peak_mb
from marketflows_pipeline.transforms.cross_asset.asset_flows import asset_flows
from marketflows_pipeline.transforms.cross_asset.correlations import correlations
from marketflows_pipeline.transforms.cross_asset.flow_map import flow_map
from marketflows_pipeline.transforms.cross_asset.flow_rankings import flow_rankings
from marketflows_pipeline.transforms.cross_asset.pressure import pressure
from marketflows_pipeline.transforms.cross_asset.regimes import regimes
from marketflows_pipeline.transforms.cross_asset.rolling_stats import rolling_stats
from marketflows_pipeline.transforms.cross_asset.stablecoins import stablecoin_issuance

WORK = Path(__file__).resolve().parent / ".work" / "cross_asset"
PLAIN = Path(__file__).with_name("cross_asset_pandas.py")
FUNDS, COINS, STABLECOINS = [f"F{n:02d}" for n in range(26)], [f"C{n:02d}" for n in range(4)], ["usdt", "usdc"]
N_SESSIONS, SPLIT_AT, SPLIT = 5_040, 1_800, 10.0
WINDOWS, ROLLING, CORRELATION = (1, 5, 21, 63), (21, 63, 252), 63
PAIRS = (("F01", "F02"), ("F03", "F04"), ("C00", "F05"))


def write_market() -> Path:
    """Random walks, with what real histories have: a late listing, missing shares, a fund of net assets alone."""
    rng = np.random.default_rng(20)
    days = np.arange(np.datetime64("2005-01-03"), np.datetime64("2030-01-01"))
    sessions = days[np.is_busday(days)][:N_SESSIONS]
    days = days[days <= sessions[-1]]

    def walk(n: int, size: int, start: float, step: float) -> np.ndarray[Any, Any]:
        return start * np.exp(rng.normal(0, step, (n, size)).cumsum(axis=1))

    given: dict[str, Any] = {"days": days.astype(np.int64), "sessions": sessions.astype(np.int64)}
    for kind, n, size in (("fund", len(FUNDS), len(sessions)), ("coin", len(COINS), len(days))):
        close = walk(n, size, 100, 0.012)
        volume = rng.uniform(1e5, 1e7, (n, size))
        volume[rng.random((n, size)) < 0.0005] = np.nan
        spread = rng.uniform(0.001, 0.02, (2, n, size))
        given |= {
            f"{kind}_close_usd": close,
            f"{kind}_high_usd": close * (1 + spread[0]),
            f"{kind}_low_usd": close * (1 - spread[1]),
            f"{kind}_volume": volume,
        }
    shares, navs = walk(len(FUNDS), len(sessions), 1e7, 0.004), given["fund_close_usd"] * 1.0003
    shares[0, :SPLIT_AT] /= SPLIT
    navs[0, :SPLIT_AT] *= SPLIT
    shares[rng.random(shares.shape) < 0.002] = np.nan
    net_assets = np.full(shares.shape, np.nan)
    net_assets[1] = shares[1] * navs[1]
    shares[1], navs[2] = np.nan, np.nan
    supply = walk(len(COINS), len(days), 1e8, 0.0002)
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / "market.npz"
    np.savez(
        path,
        funds=np.array(FUNDS),
        coins=np.array(COINS),
        stablecoins=np.array(STABLECOINS),
        shares=shares,
        navs=navs,
        net_assets=net_assets,
        supply=supply,
        stable_supply=walk(2, len(days), 1e9, 0.003),
        volatility=walk(2, len(sessions), 18, 0.04),
        **given,
    )
    return path


def read_market(path: Path) -> dict[str, pl.DataFrame]:
    """The market as the warehouse would give it."""
    with np.load(path) as stored:
        given = {name: stored[name] for name in stored.files}
    days, sessions = (pl.Series(given[name]).cast(pl.Int32).cast(pl.Date) for name in ("days", "sessions"))

    def long(key: str, symbols: list[str], dates: pl.Series, **columns: str) -> pl.DataFrame:
        places = np.arange(len(symbols) * len(dates))
        frame = {key: pl.Series(symbols).gather(places // len(dates)), "session": dates.gather(places % len(dates))}
        figures = {name: pl.Series(given[stored].ravel()).fill_nan(None) for name, stored in columns.items()}
        return pl.DataFrame({**frame, **figures})

    prices = ("high_usd", "low_usd", "close_usd", "volume")
    bars = [
        long("symbol", symbols, dates, **{name: f"{kind}_{name}" for name in prices}).with_columns(
            volume_unit=pl.lit(unit)
        )
        for symbols, dates, kind, unit in ((FUNDS, sessions, "fund", "shares"), (COINS, days, "coin", "usd"))
    ]
    at = datetime(2026, 11, 20, tzinfo=UTC)
    shares = long("symbol", FUNDS, sessions, shares="shares", nav_usd="navs", net_assets_usd="net_assets")
    split = {"symbol": ["F00"], "session": [sessions[SPLIT_AT]], "action": ["split"], "value": [SPLIT]}
    stable = long("coin_id", STABLECOINS, days, market_cap_usd="stable_supply")
    return {
        "bars": pl.concat(bars).sort("symbol", "session"),
        "shares": shares.with_columns(
            vintage=pl.lit(1, pl.Int32),
            convention=pl.lit("as_traded"),
            published_at=pl.lit(None, pl.Datetime("us", "UTC")),
            fetched_at=pl.lit(at).cast(pl.Datetime("us", "UTC")),
        ),
        "actions": pl.DataFrame(split),
        "supply": long("symbol", COINS, days, supply="supply", price_usd="coin_close_usd"),
        "volatility": long("index_name", ["VIX", "VIX3M"], sessions, close="volatility"),
        "stable": stable.select(
            "coin_id", "market_cap_usd", ts=pl.col("session").cast(pl.Datetime("us", "UTC")), price_usd=pl.lit(1.0)
        ),
        "universe": pl.DataFrame(
            [(each, "equity", "folder") for each in FUNDS] + [(each, "crypto", "supply") for each in COINS],
            schema=["symbol", "asset_class", "share_source"],
            orient="row",
        ),
        "names": pl.DataFrame({"symbol": FUNDS, "name": FUNDS}),
    }


def derive(market: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Every derived table, by name."""
    bars = market["bars"]
    flows = asset_flows(bars, market["shares"], market["actions"], market["supply"], market["universe"])
    rankings = flow_rankings(flows, market["names"], WINDOWS)
    return {
        "core.asset_flows": flows,
        "core.stablecoin_issuance": stablecoin_issuance(market["stable"], STABLECOINS),
        "mart.flow_rankings": rankings,
        "mart.flow_map": pl.concat([flow_map(rankings, include_issuance=include) for include in (False, True)]),
        "mart.rolling_stats": rolling_stats(flows, ROLLING),
        "mart.correlations": correlations(flows, CORRELATION),
        "mart.regimes": regimes(
            market["volatility"],
            flows,
            risk_on_below=0.33,
            risk_off_above=0.8,
            hysteresis=0.05,
            confirm_sessions=3,
            ratio_pairs=PAIRS,
        ),
        "mart.pressure": pressure(bars, flows),
    }


def figures_of(tables: dict[str, pl.DataFrame]) -> dict[str, list[float]]:
    """Rows of each table, and of each column of numbers how many are known and the sum of their sizes."""
    found: dict[str, list[float]] = {}
    for name, frame in tables.items():
        found[f"{name}.rows"] = [frame.height, 0.0]
        for column in frame.select(pl.selectors.numeric()):
            found[f"{name}.{column.name}"] = [column.count(), float(column.abs().sum())]
    return found


def measure(path: Path, repeats: int) -> dict[str, Any]:
    """Seconds of each repetition in this process; one warms up, and says what was found."""
    market = read_market(path)
    idle = peak_mb()
    figures = figures_of(derive(market))
    seconds, cpu_seconds = [], []
    for _ in range(repeats):
        begun, cpu_begun = time.perf_counter(), time.process_time()
        derive(market)
        seconds.append(time.perf_counter() - begun)
        cpu_seconds.append(time.process_time() - cpu_begun)
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "mb_above_idle": peak_mb() - idle, "figures": figures}


def assert_same(ours: dict[str, list[float]], plain: dict[str, list[float]]) -> int:
    """Both must know as many figures of each column, of the same total size; returns how many columns were compared."""
    assert set(plain) <= set(ours), sorted(set(plain) - set(ours))
    for name, (count, total) in plain.items():
        assert ours[name][0] == count, (name, ours[name], plain[name])
        assert math.isclose(ours[name][1], total, rel_tol=1e-6), (name, ours[name], plain[name])
    return len(plain)


def compare(rounds: int, repeats: int) -> dict[str, Any]:
    """Medians of both ways, taking turns."""
    # Imported here, so that our own measurements need nothing of the tests.
    from marketflows_pipeline_tests.reference.environment import reference_python  # noqa: PLC0415

    market = str(write_market())
    commands = {
        "ours": [sys.executable, "-m", "benchmarks.cross_asset", "--measure", market, "--repeats", str(repeats)],
        "pandas": [str(reference_python()), "-I", str(PLAIN), market, str(repeats)],
    }
    taken: dict[str, list[dict[str, Any]]] = {way: [] for way in commands}
    for _ in range(rounds):
        for way, (python, *arguments) in commands.items():
            taken[way].append(in_a_process(*arguments, python=python))
    n_columns = assert_same(taken["ours"][0]["figures"], taken["pandas"][0]["figures"])
    medians = {
        way: {
            name: round(statistics.median(each for run in runs for each in run[name]), 3)
            for name in ("seconds", "cpu_seconds")
        }
        for way, runs in taken.items()
    }
    return {
        "symbols": len(FUNDS) + len(COINS),
        "sessions": N_SESSIONS,
        "rounds": rounds,
        "columns_compared": n_columns,
        **medians,
        "fastest_seconds": round(min(each for run in taken["ours"] for each in run["seconds"]), 3),
        "mb_above_idle": round(statistics.median(run["mb_above_idle"] for run in taken["ours"])),
        "ratio": round(medians["pandas"]["seconds"] / medians["ours"]["seconds"], 1),
        "cpu_ratio": round(medians["pandas"]["cpu_seconds"] / medians["ours"]["cpu_seconds"], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.repeats)))
        return
    found = compare(options.rounds, options.repeats)
    shutil.rmtree(WORK, ignore_errors=True)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
