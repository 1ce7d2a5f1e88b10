"""Measure the market-cap part at size: peak memory and processor's time of each step, and the published file.

    python -m benchmarks.size [--coins 300 5000 15000 20000] [--days 90]

A private file of made-up hourly histories (random walks, every coin in the cohort), then the job `market_cap_refresh`
without its requests and pictures, in a process of its own: what a run holds in memory, Dagster and DuckDB among it.
Prints JSON. 20,000 coins take 6 GB in benchmarks/.work for the time being.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import resource
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl

from benchmarks.processes import in_a_process
from marketflows_pipeline.assets.tables import asset_key
from marketflows_pipeline.build import build_definitions
from marketflows_pipeline.cli.run import QUIET
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.jobs import MARKET_CAPS, market_cap_refresh
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.schema import tables_of
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.transforms.market_caps.grid import GridSpec
from marketflows_pipeline.warehouse.store import Warehouse

WORK = Path(__file__).resolve().parent / ".work" / "size"
NOW = datetime(2026, 11, 20, 18, 10, tzinfo=UTC)
COINS_A_BLOCK = 500
SAMPLE_S = 0.02
NARRATIVES = ("made-up-a", "made-up-b")
PAGE = os.sysconf("SC_PAGE_SIZE")


def coin_names(first: int, count: int) -> list[str]:
    """Ids of the lengths that real ones have."""
    return [f"made-up-coin-{number:05d}" for number in range(first, first + count)]


def settings(days: int) -> Settings:
    """Two narratives, two portfolios, ranges that every coin is in, dollars and a coin as bases."""
    coins = coin_names(0, 4)
    source = {
        "days": days,
        "narratives": list(NARRATIVES),
        "asset_groups": {"Pair": coins[:2], "Other": coins[2:]},
        "base_assets": ["us-dollar", coins[0]],
        "range_lower_limits": [1e9, 1e10],
        "exclude_categories": [],
        "narrative_top_n": 10,
    }
    warehouse = {"path": str(WORK / "private.duckdb"), "published_path": str(WORK / "published" / "marketflows.duckdb")}
    return Settings.model_validate(
        {"providers": {"coingecko": source}, "plots": {"set": "none"}, "warehouse": warehouse}
    )


def make(path: Path, coins: int, days: int) -> None:
    """Histories, the newest lists of members, and the record that every history is complete."""
    rng = np.random.default_rng(coins)
    with Warehouse(path) as warehouse:
        for first in range(0, coins, COINS_A_BLOCK):
            names = coin_names(first, min(COINS_A_BLOCK, coins - first))
            warehouse.append("raw.market_caps", histories(rng, names, days))
        at = f"timestamptz '{NOW.isoformat()}'"
        for statement in (
            "insert into raw.cohort_members by name select ts as observed_at, coin_id, rank() over (order by"
            " market_cap_usd desc, coin_id) as rank, market_cap_usd, price_usd, market_cap_usd / price_usd as"
            " circulating_supply, false as is_excluded from raw.market_caps where ts ="
            " (select max(ts) from raw.market_caps)",
            "insert into raw.narrative_members by name select observed_at, name as narrative, coin_id, rank,"
            " market_cap_usd, price_usd, false as is_reserve, false as is_excluded, false as is_full_page"
            f" from raw.cohort_members, (select unnest({list(NARRATIVES)}) as name) where rank between 3 and 40",
            "insert into raw.coins by name select distinct coin_id, coin_id as symbol, coin_id as name,"
            f" {at} - interval {days} day as first_seen_at, {at} as last_seen_at, true as is_active"
            " from raw.cohort_members",
            "insert into meta.backfills by name select coin_id, 'hourly' as granularity, first_seen_at as window_start,"
            f" {at} as window_end, {at} as attempted_at, 'complete' as outcome, 1 as rows_served, 1 as rows_new,"
            " 0 as rows_rejected from raw.coins",
        ):
            warehouse.execute(statement)


def histories(rng: np.random.Generator, names: list[str], days: int) -> pl.DataFrame:
    """Hourly random walks of some coins, with stamps a little off the hour but for the newest."""
    spec = GridSpec.from_window(NOW, days)
    shape = (len(names), spec.n_times)
    on_the_hour = int(spec.start.timestamp() * 1e6) + np.arange(spec.n_times) * 3_600_000_000
    stamps = on_the_hour + rng.integers(-30_000_000, 90_000_000, shape)
    stamps[:, -1] = on_the_hour[-1]
    walks = np.exp(np.cumsum(rng.normal(0, 0.004, shape), axis=1))
    caps = walks / walks[:, -1:] * 10 ** rng.uniform(9.05, 12, (len(names), 1))
    coin = pl.Series(names).gather(pl.int_range(caps.size, eager=True) // spec.n_times)
    ts = pl.Series(stamps.ravel()).cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame({"coin_id": coin, "ts": ts, "market_cap_usd": caps.ravel()}).with_columns(
        price_usd=pl.col("market_cap_usd") / 1e7,
        volume_usd=pl.lit(1e6),
        source=pl.lit("made up"),
        fetched_at=pl.col("ts"),
    )


class Sampled:
    """What this process held in memory, moment by moment."""

    def __init__(self) -> None:
        faulthandler.register(signal.SIGUSR1)  # kill -USR1 says where a long run is
        self.moments: list[tuple[float, float, int]] = []

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Look again and again while the block lasts."""
        done = threading.Event()

        def look() -> None:
            while not done.wait(SAMPLE_S):
                resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE
                self.moments.append((time.time(), time.process_time(), resident))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def between(self, start: float, end: float) -> tuple[float, float]:
        """The peak in MB, and the processor's seconds."""
        inside = [(cpu, held) for at, cpu, held in self.moments if start <= at <= end] or [(0.0, 0)]
        return max(held for _, held in inside) / 1e6, inside[-1][0] - inside[0][0]


def worker(days: int) -> None:
    """Derive, check and publish what is stored, in this process; prints what it cost."""
    chosen = settings(days)
    definitions = build_definitions(RunOptions(), settings=chosen, clock=FixedClock(NOW))
    raw = {asset_key(entry.name) for entry in tables_of("market_caps") if entry.schema_name == "raw"}
    left_out = {*raw, *(dg.AssetKey([kind, "market_caps"]) for kind in ("report",))}
    keys = MARKET_CAPS.resolve(definitions.resolve_asset_graph()) - left_out
    job = definitions.resolve_job_def(market_cap_refresh.name)
    sampled = Sampled()
    with dg.DagsterInstance.ephemeral() as instance, sampled.sampling():
        idle = resource.getrusage(resource.RUSAGE_SELF)
        result = job.execute_in_process(instance=instance, run_config=QUIET, asset_selection=list(keys))
        records = instance.all_logs(result.run_id)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    begun: dict[str, float] = {}
    steps: dict[str, dict[str, float]] = {}
    for record in records:
        if record.step_key is None or record.dagster_event is None:
            continue
        if record.dagster_event.event_type is dg.DagsterEventType.STEP_START:
            begun[record.step_key] = record.timestamp
        if record.step_key not in begun:
            continue
        peak_mb, cpu_s = sampled.between(begun[record.step_key], record.timestamp)
        steps[record.step_key] = {"peak_mb": round(peak_mb), "cpu_s": round(cpu_s, 2)}
    found = {
        "success": result.success,
        "idle_mb": idle.ru_maxrss // 1024,
        "peak_mb": round(usage.ru_maxrss * 1024 / 1e6),
        "cpu_s": round(usage.ru_utime + usage.ru_stime - idle.ru_utime - idle.ru_stime, 1),
        "steps": dict(sorted(steps.items(), key=lambda step: -step[1]["peak_mb"])[:14]),
    }
    print(json.dumps(found))


def measure(coins: int, days: int) -> dict[str, Any]:
    """A file of so many coins and days, and the job over it."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    path = WORK / "private.duckdb"
    begun = time.process_time()
    make(path, coins, days)
    print(f"{coins} coins made in {time.process_time() - begun:.0f} s", file=sys.stderr, flush=True)
    return again(coins, days)


def again(coins: int, days: int) -> dict[str, Any]:
    """The job over the file that is there."""
    found = in_a_process("-m", "benchmarks.size", "--worker", "--days", str(days))
    rows = coins * GridSpec.from_window(NOW, days).n_times
    files = {"private": WORK / "private.duckdb", "published": WORK / "published" / "marketflows.duckdb"}
    sizes = {f"{name}_mb": round(path.stat().st_size / 1e6) for name, path in files.items() if path.exists()}
    return {"rows": rows, **sizes, "cpu_ns_a_row": round(1e9 * found["cpu_s"] / rows), **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coins", type=int, nargs="+", default=[300, 5_000, 15_000, 20_000])
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--again", action="store_true", help="keep the file of the last measurement")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.days)
        return
    of_one = again if options.again else measure
    print(json.dumps({f"{coins} coins": of_one(coins, options.days) for coins in options.coins}, indent=1))


if __name__ == "__main__":
    main()
