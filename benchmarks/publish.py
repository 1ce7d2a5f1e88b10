"""Measure a publish: time per GB, whether readers wait, and the cost of an hour's merge.

    python -m benchmarks.publish [--rows 38000000] [--rounds 5]

makes a private file of about 1 GB in benchmarks/.work and prints JSON: the median publish beside its target (1 s per GB
plus 0.3 s) and beside a plain copy of the same file; the slowest of the queries that another process kept asking of
the published file meanwhile; the merge of 5,000 rows (new, known, revised) into all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.store import Warehouse

WORK = Path(__file__).resolve().parent / ".work" / "publish"
COINS = 5_000
START = datetime(2025, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)

KEEP_ASKING = """
import json, sys, time
from pathlib import Path
from marketflows_pipeline.warehouse.published import read_published
link, stop = Path(sys.argv[1]), Path(sys.argv[2])
slowest, asked = 0.0, 0
print("asking", flush=True)
while not stop.exists():
    start = time.perf_counter()
    with read_published(link) as reading:
        reading.rows("select max(ts), count(*) from raw.market_caps where coin_id = 'coin-7'")
    slowest, asked = max(slowest, time.perf_counter() - start), asked + 1
print(json.dumps({"queries": asked, "slowest_s": round(slowest, 3)}))
"""


def make_history(warehouse: Warehouse, rows: int) -> None:
    """Hourly observations of 5,000 coins, with figures that do not compress."""
    warehouse.execute(
        "insert into raw.market_caps select 'coin-' || (i % $coins), $start + interval (i // $coins) hour, "
        "random() * 1e9, random() * 1e3, random() * 1e8, 'coingecko:markets', $start + interval (i // $coins) hour "
        "from range($rows) r(i)".replace("$coins", str(COINS))
        .replace("$rows", str(rows))
        .replace("$start", f"timestamptz '{START.isoformat()}'")
    )
    warehouse.checkpoint()


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def cpu_seconds() -> float:
    """Processor time of this process and of its ended children: what contention with other programs hardly changes."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def plain_copy(source: Path) -> float:
    """Seconds to copy the file and have it on the disk: what no publish by copy can beat."""
    target = source.with_suffix(".copy")

    def copy() -> None:
        shutil.copyfile(source, target)
        with target.open("rb") as file:
            os.fsync(file.fileno())

    took = seconds(copy)
    target.unlink()
    return took


def measure_publish(warehouse: Warehouse, rounds: int) -> dict[str, Any]:
    link = WORK / "published" / "marketflows.duckdb"

    def run(number: int) -> float:
        begin_part(warehouse, "market_caps", f"run-{number}", NOW)
        now = NOW + number * timedelta(hours=1)
        return seconds(
            lambda: publish(warehouse, part="market_caps", run_id=f"run-{number}", now=now, published_path=link)
        )

    run(0)
    copies = [plain_copy(warehouse.path) for _ in range(rounds)]
    cpu_before = cpu_seconds()
    alone = [run(number) for number in range(1, rounds + 1)]
    cpu_each = (cpu_seconds() - cpu_before) / rounds
    stop = WORK / "stop"
    command = [sys.executable, "-c", KEEP_ASKING, str(link), str(stop)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        asked = [run(number) for number in range(rounds + 1, 2 * rounds + 1)]
        stop.touch()
        # DuckDB shows its progress before it, where a query takes long.
        answers = json.loads(reader.stdout.read().splitlines()[-1])
    warehouse.checkpoint()
    size_gb = warehouse.path.stat().st_size / 1e9
    return {
        "size_gb": round(size_gb, 3),
        "publish_s": round(statistics.median(alone), 3),
        "publish_s_all": [round(took, 3) for took in alone],
        "publish_cpu_s": round(cpu_each, 3),
        "target_s": round(size_gb + 0.3, 3),
        "plain_copy_s": round(statistics.median(copies), 3),
        "while_a_reader_asks": {"publish_s": round(statistics.median(asked), 3), **answers},
    }


def measure_merge(warehouse: Warehouse, rounds: int) -> dict[str, Any]:
    newest = warehouse.query("select max(ts) as ts from raw.market_caps")["ts"].item()

    def hour(ts: datetime, cap: float) -> pl.DataFrame:
        coins = pl.DataFrame({"coin_id": [f"coin-{number}" for number in range(COINS)]})
        return coins.with_columns(
            ts=pl.lit(ts),
            market_cap_usd=pl.lit(cap),
            price_usd=pl.lit(1.0),
            volume_usd=pl.lit(1.0),
            source=pl.lit("coingecko:markets"),
            fetched_at=pl.lit(ts),
        ).cast(TABLES["raw.market_caps"].polars_schema)  # type: ignore[arg-type]

    took: dict[str, list[float]] = {"inserted": [], "unchanged": [], "revised": []}
    for number in range(1, rounds + 1):
        ts = newest + number * timedelta(hours=1)
        for kind, cap in (("inserted", 1.0), ("unchanged", 1.0), ("revised", 2.0)):
            start = time.perf_counter()
            result = warehouse.merge("raw.market_caps", hour(ts, cap))
            took[kind].append(time.perf_counter() - start)
            assert getattr(result, kind) == COINS
    rows = warehouse.row_counts()["raw.market_caps"]
    return {"rows_stored": rows, **{f"{kind}_s": round(statistics.median(each), 4) for kind, each in took.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=38_000_000, help="observations in the private file")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    with Warehouse(WORK / "private.duckdb") as warehouse:
        fixed = measure_publish(warehouse, options.rounds)
        shutil.rmtree(WORK / "published")
        (WORK / "stop").unlink()
        make_history(warehouse, options.rows)
        whole = measure_publish(warehouse, options.rounds)
        merge = measure_merge(warehouse, options.rounds)
    shutil.rmtree(WORK)
    print(json.dumps({"empty_file": fixed, "large_file": whole, "merge_5000_rows": merge}, indent=2))


if __name__ == "__main__":
    main()
