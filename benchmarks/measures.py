"""Measure what the measures on daily closes cost a run: its first one, the next hour, and one on which a day closes.

    python -m benchmarks.measures [--coins 300 3000] [--narratives 20]

A warehouse of made-up coins holds 90 days of hourly or 366 days of daily observations and lists of members. The
functions of the assets are called as a run calls them, each in a process of its own for each case; prints seconds of
the clock and of the processor, and the peak of memory, as JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow  # noqa: F401 (a run has loaded it by then, to store observations)

from benchmarks.processes import in_a_process
from marketflows_pipeline.assets.market_caps_measures import market_cap_measures
from marketflows_pipeline.charts.rendering.render import Drawing
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.progress import LogReporter
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.store import Warehouse

WORK = Path(__file__).resolve().parent / ".work" / "measures"
NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
DAYS = {"hourly": 90, "daily": 366}


def settings(days: int, narratives: int) -> Settings:
    source = {
        "days": min(days, 365),
        "narratives": [f"narrative-{place}" for place in range(narratives)],
        "asset_groups": {"Pair": ["coin-0", "coin-1"]},
        "base_assets": ["us-dollar", "coin-0"],
        "range_lower_limits": [1e7, 1e8, 1e9],
        "exclude_categories": [],
        "narrative_top_n": 10,
    }
    return Settings.model_validate({"providers": {"coingecko": source}})


def make(path: Path, grid: str, coins: int, narratives: int) -> None:
    """Observations, lists of members and histories that are complete."""
    step = "hour" if grid == "hourly" else "day"
    n_steps = DAYS[grid] * (24 if grid == "hourly" else 1)
    start = f"timestamptz '{NOW.isoformat()}' - interval {n_steps} {step}"
    with Warehouse(path) as warehouse:
        warehouse.execute("select setseed(0.5)")
        warehouse.execute(
            "insert into raw.market_caps by name select 'coin-' || coin as coin_id, ts, price * 1e9 / (coin + 1) as"
            " market_cap_usd, price as price_usd, 1e6 as volume_usd, 'made up' as source, ts as fetched_at from"
            f" (select coin, {start} + interval 1 {step} * i as ts, 10 + sin(i / (20.0 + coin % 7)) + 0.1 * random() as"
            f" price from range({coins}) c(coin), range({n_steps + 1}) r(i))"
        )
        warehouse.execute(
            "insert into raw.cohort_members by name select ts as observed_at, coin_id, rank() over (partition by ts"
            " order by market_cap_usd desc, coin_id) as rank, market_cap_usd, price_usd, market_cap_usd / price_usd as"
            " circulating_supply, false as is_excluded from raw.market_caps"
        )
        warehouse.execute(
            "insert into raw.narrative_members by name select observed_at, 'narrative-' || n as narrative, coin_id,"
            " row_number() over (partition by observed_at, n order by rank) as rank, market_cap_usd, price_usd,"
            " false as is_reserve, false as is_excluded, false as is_full_page"
            f" from raw.cohort_members, range({narratives}) t(n)"
            f" where (cast(substr(coin_id, 6) as integer) + n) % {max(coins // 15, 1)} = 0"
        )
        warehouse.execute(
            "insert into raw.coins by name select distinct coin_id, coin_id as symbol, coin_id as name,"
            f" {start} as first_seen_at, timestamptz '{NOW.isoformat()}' as last_seen_at, true as is_active"
            " from raw.market_caps"
        )
        totals = pl.DataFrame(
            {"category": "Ranges", "series": "10000000", "ts": NOW, "market_cap_usd": 1e9, "n_assets": 1}
        )
        warehouse.replace("core.group_totals", totals.cast(pl.Schema(table("core.group_totals").polars_schema)))
        warehouse.execute(
            "insert into meta.backfills by name select coin_id, 'hourly' as granularity, first_seen_at as window_start,"
            " last_seen_at as window_end, last_seen_at as attempted_at, 'complete' as outcome, 1 as rows_served,"
            " 1 as rows_new, 0 as rows_rejected from raw.coins"
        )


def run_once(path: Path, grid: str, narratives: int, now: datetime) -> dict[str, float]:
    """Seconds of each table, in one run."""
    times: dict[str, float] = {}
    with Warehouse(path) as warehouse:
        chosen = settings(DAYS[grid], narratives)
        context = RunContext(
            "measured", RunOptions(), chosen, FixedClock(now), now, warehouse, LogReporter(), Drawing(WORK)
        )
        begin = time.perf_counter()
        for result in market_cap_measures.op.compute_fn.decorated_fn(context):  # type: ignore[union-attr]
            name = ".".join(result.asset_key.path)
            times[name] = round(time.perf_counter() - begin, 3)
            begin = time.perf_counter()
    return times


def worker(path: Path, grid: str, narratives: int, now: datetime) -> None:
    """One run in this process; prints what it cost."""
    before = time.process_time()
    times = run_once(path, grid, narratives, now)
    found = {
        "clock_s": round(sum(times.values()), 2),
        "processor_s": round(time.process_time() - before, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "each_s": times,
    }
    print(json.dumps(found))


def measure(grid: str, coins: int, narratives: int) -> dict[str, Any]:
    """What the first run costs, the next hour, and the hour after a day has closed."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    path = WORK / "warehouse.duckdb"
    make(path, grid, coins, narratives)
    found: dict[str, Any] = {}
    for case, hours in (("first_run", 0), ("next_hour", 1), ("day_closes", 7)):
        worker = ("-m", "benchmarks.measures", "--worker", str(path), grid, str(hours))
        found[case] = in_a_process(*worker, "--narratives", str(narratives))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coins", type=int, nargs="+", default=[300, 3000])
    parser.add_argument("--narratives", type=int, default=20)
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.worker:
        path, grid, hours = wanted.worker
        worker(Path(path), grid, wanted.narratives, NOW + timedelta(hours=int(hours)))
        return
    cases = {f"{coins} coins, {grid}": (grid, coins) for coins in wanted.coins for grid in DAYS}
    print(json.dumps({name: measure(*case, wanted.narratives) for name, case in cases.items()}, indent=1))


if __name__ == "__main__":
    main()
