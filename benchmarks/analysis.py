"""Measure the analysis, from cleaned histories to every table, beside the published package: time, scaling, memory.

    python -m benchmarks.analysis [--coins 300 3000] [--memory-coins 5000] [--repeats 7] [--reference-repeats 3]

Both programs get the same hourly histories in memory (90 days, 2,161 grid times, stamps a little off the hour) and the
default configuration with two portfolios; every coin is in the cohort. Each measurement runs in a fresh process; ours
warms up for a round, the published one is not repeated once it has taken two minutes. Prints medians as JSON; on a
machine with other work to do, trust the processor's seconds (``cpu_ratio``) over the clock's.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.processes import in_a_process
from marketflows_pipeline.queries.coin_blocks import ROWS_A_BLOCK
from marketflows_pipeline.transforms.market_caps.grid import GridSpec, market_cap_grid
from marketflows_pipeline.transforms.market_caps.groups import group_members, group_totals
from marketflows_pipeline.transforms.market_caps.metrics import derivatives, ema, normalize, unit_normalize
from marketflows_pipeline.transforms.market_caps.observations import clean_observations
from marketflows_pipeline.transforms.market_caps.ranges import (
    assign_buckets,
    bucket_totals,
    range_derivatives,
    select_cohort,
)

WORK = Path(__file__).parent / ".work"
END = datetime(2026, 9, 18, 4, tzinfo=UTC)
DAYS = 90
SPEC = GridSpec.from_window(END, DAYS)
STEP_MS = 3_600_000
COINS_A_BLOCK = ROWS_A_BLOCK // SPEC.n_times

BASES = ["us-dollar", "bitcoin"]
NARRATIVES = ["made-in-usa", "ai"]
PORTFOLIOS = {"MyPortfolio": ["bitcoin", "ethereum"], "AltBag": ["solana", "ripple"]}
LIMITS = [1e9, 1e10]
EMA_PERIODS = [1, 20]
DIFF_ORDERS = [0, 1, 2]
SMOOTHING_EMA = 10
NAMED_COINS = ["bitcoin", "ethereum", "solana", "ripple"]


def members() -> dict[str, list[str]]:
    """Ten coins for each narrative, three of them in both."""
    return {"made-in-usa": [coin_name(n) for n in range(2, 12)], "ai": [coin_name(n) for n in range(9, 19)]}


def coin_name(number: int) -> str:
    return NAMED_COINS[number] if number < len(NAMED_COINS) else f"coin-{number:05d}"


def write_histories(n_coins: int) -> Path:
    """Random walks above the lowest limit, as both programs read them."""
    path = WORK / f"histories-{n_coins}.npz"
    if path.exists():
        return path
    WORK.mkdir(exist_ok=True)
    rng = np.random.default_rng(n_coins)
    on_the_hour = int(SPEC.start.timestamp() * 1000) + np.arange(SPEC.n_times) * STEP_MS
    stamps = on_the_hour + rng.integers(-30_000, 90_000, (n_coins, SPEC.n_times))
    walks = np.exp(np.cumsum(rng.normal(0, 0.004, (n_coins, SPEC.n_times)), axis=1))
    ends = 10 ** rng.uniform(9.05, 12, (n_coins, 1))
    np.savez(
        path,
        coins=np.array([coin_name(n) for n in range(n_coins)]),
        starts=np.arange(n_coins) * SPEC.n_times,
        ts_ms=stamps.ravel(),
        cap=(walks / walks[:, -1:] * ends).ravel(),
        first_ms=on_the_hour[0],
        last_ms=on_the_hour[-1],
        members=json.dumps(members()),
    )
    return path


@dataclass(frozen=True)
class Histories:
    """Stored observations, each coin's together: ids, milliseconds since 1970 and market caps."""

    coins: list[str]
    ts_ms: np.ndarray
    cap: np.ndarray

    @classmethod
    def read(cls, path: Path) -> Histories:
        with np.load(path) as stored:
            return cls(stored["coins"].tolist(), stored["ts_ms"], stored["cap"])

    def blocks(self) -> Iterator[pl.DataFrame]:
        """Some coins at a time, as a run reads them from its file."""
        for first in range(0, len(self.coins), COINS_A_BLOCK):
            coins = pl.Series("coin_id", self.coins[first : first + COINS_A_BLOCK])
            rows = slice(first * SPEC.n_times, (first + len(coins)) * SPEC.n_times)
            yield pl.DataFrame({"ts": self.ts_ms[rows], "market_cap_usd": self.cap[rows]}).select(
                coin_id=coins.gather(pl.int_range(rows.stop - rows.start, eager=True) // SPEC.n_times),
                ts=pl.col("ts").cast(pl.Datetime("ms", "UTC")).dt.cast_time_unit("us"),
                market_cap_usd="market_cap_usd",
            )


def analyse(histories: Histories) -> int:
    """Everything from observations to unit-scaled measures; returns how many values the marts hold.

    A run makes the grid once and reads it from its file for each step that needs all of it. Here nothing is stored, so
    it is made twice.
    """
    listed = pl.DataFrame([(name, coin) for name, coins in members().items() for coin in coins], orient="row")
    listed.columns = ["narrative", "coin_id"]
    groups = group_members(listed, NARRATIVES, PORTFOLIOS)
    kept: dict[str, pl.DataFrame] = {}

    def buckets() -> Iterator[pl.DataFrame]:
        for block in histories.blocks():
            observations, _ = clean_observations(block)
            grid = market_cap_grid(observations, SPEC)
            kept[grid.item(0, "coin_id")] = grid.filter(pl.col("coin_id").is_in([*groups["coin_id"], *BASES]))
            yield assign_buckets(grid, select_cohort(grid, LIMITS), LIMITS)

    of_ranges = bucket_totals(buckets(), LIMITS, SPEC)
    grid = pl.concat(kept.values())
    totals = pl.concat([group_totals(grid, groups), of_ranges])
    base_caps = grid.filter(pl.col("coin_id").is_in(BASES))
    normalized = normalize(totals, base_caps, BASES)
    smooth = ema(normalized, EMA_PERIODS)
    changes_of_ranges = range_derivatives(
        buckets(),
        base_caps=base_caps,
        base_assets=BASES,
        limits=LIMITS,
        ema_periods=EMA_PERIODS,
        diff_orders=DIFF_ORDERS,
    )
    derived = pl.concat([derivatives(normalized, smooth, DIFF_ORDERS, SMOOTHING_EMA), changes_of_ranges])
    unit = unit_normalize(normalized, smooth, derived)
    return normalized.height + smooth.height + derived.height + unit.height


def measure(path: Path, repeats: int) -> dict[str, object]:
    """Seconds of each repetition in this process, and its peak memory; one round warms up."""
    histories = Histories.read(path)
    analyse(histories)
    seconds, cpu_seconds = [], []
    for _ in range(repeats):
        begun, cpu_begun = time.perf_counter(), time.process_time()
        analyse(histories)
        seconds.append(time.perf_counter() - begun)
        cpu_seconds.append(time.process_time() - cpu_begun)
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak_rss_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
    }


def measured_apart(n_coins: int, repeats: int) -> dict[str, float]:
    histories = str(write_histories(n_coins))
    found = in_a_process("-m", "benchmarks.analysis", "--measure", histories, "--repeats", str(repeats))
    median = statistics.median(found["seconds"])
    return {
        "seconds": median,
        "cpu_seconds": statistics.median(found["cpu_seconds"]),
        "nanoseconds_per_row": 1e9 * median / (n_coins * SPEC.n_times),
        "peak_rss_gb": found["peak_rss_gb"],
    }


def published(n_coins: int, repeats: int) -> dict[str, float]:
    # Imported here, so that our own measurements need nothing of the tests.
    from marketflows_pipeline_tests.reference.environment import run_published_program  # noqa: PLC0415

    provider = {
        "days": DAYS,
        "flow_types": ["narratives", "market_cap_ranges", "individual_assets"],
        "base_assets": BASES[1:],
        "narratives": NARRATIVES,
        "range_lower_limits": LIMITS,
        "asset_groups": PORTFOLIOS,
    }
    analysis = {
        "ema_periods": EMA_PERIODS,
        "diff_orders": DIFF_ORDERS,
        "smoothing_ema": SMOOTHING_EMA,
        "is_unit_normalize": True,
    }
    config = WORK / "config.json"
    config.write_text(json.dumps({"provider": provider, "analysis": analysis}), encoding="utf-8")
    printed = run_published_program("timing", write_histories(n_coins), config, str(repeats))
    found = json.loads(printed)
    return {f"published_{name}": statistics.median(values) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coins", type=int, nargs="*", default=[300, 3000])
    parser.add_argument("--memory-coins", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--reference-repeats", type=int, default=3)
    parser.add_argument("--measure", type=Path, help="measure ours on these histories, in this process")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.repeats)))
        return
    results: dict[str, dict[str, float]] = {}
    for n_coins in options.coins:
        ours = measured_apart(n_coins, options.repeats)
        theirs = published(n_coins, options.reference_repeats)
        ratios = {
            "ratio": theirs["published_seconds"] / ours["seconds"],
            "cpu_ratio": theirs["published_cpu_seconds"] / ours["cpu_seconds"],
        }
        results[f"{n_coins} coins"] = ours | theirs | ratios
    results[f"{options.memory_coins} coins"] = measured_apart(options.memory_coins, 1)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
