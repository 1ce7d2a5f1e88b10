"""Measure how long an answering command takes, from the shell, beside ``python -c "import duckdb"``.

    python -m benchmarks.answers [--rounds 15]

publishes an exchange part as large as it gets: 500 exchanges with 400 days of volumes and shares, 20 of them with 400
days of net flows, and 400 days of what is observed every hour. Each round starts a fresh process for the import and for
each command in turn, and for ``sql`` with a small question; prints medians as JSON. The target is one and a half times
the import plus 0.3 s.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.processes import ROOT
from marketflows_pipeline.schema import TABLES, DType
from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.store import Warehouse

WORK = Path(__file__).resolve().parent / ".work" / "answers"
NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
EXCHANGES, TRACKED, DAYS = 500, 20, 400
LISTED, MEASURED, COINS, PROTOCOLS = 250, 100, 600, 1_500
TOKENS, TOKEN_DAYS = 60, 30

COMMANDS = {
    "exchange-flows": ["exchange-flows"],
    "exchange-netflow": ["exchange-netflow", "exchange-7", "30"],
    "whale-movements": ["whale-movements"],
    "exchange-tvl": ["exchange-tvl"],
    "exchange-dominance": ["exchange-dominance"],
    "sql": ["sql", "select count(*) from mart.exchange_flows"],
}
PROGRAM = "from marketflows_pipeline.cli import main; main()"

_PLAIN: Mapping[DType, Any] = {
    DType.TEXT: "plain",
    DType.TIME: NOW,
    DType.FLOAT: 1.0,
    DType.INT: 1,
    DType.BIGINT: 1,
    DType.BOOL: True,
    DType.DATE: NOW.date(),
}


def numbered(name: str, count: int, prefix: str) -> pl.DataFrame:
    return pl.select(pl.format(f"{prefix}-{{}}", pl.int_range(count)).alias(name))


def days() -> pl.DataFrame:
    last = NOW.date()
    return pl.select(day=pl.date_range(last - timedelta(days=DAYS - 1), last))


def hours() -> pl.DataFrame:
    return pl.select(observed_at=pl.datetime_range(NOW - timedelta(days=DAYS), NOW, "1h", time_unit="us"))


def filled(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """A table's frame from some of its columns: numbers that differ, plain values for the rest."""
    entry = TABLES[table]
    wanted = {
        column.name: pl.int_range(pl.len()) * 0.37 % 100 + 1 if column.dtype is DType.FLOAT else _PLAIN[column.dtype]
        for column in entry.columns
        if column.name not in rows.columns
    }
    made = rows.with_columns(**{name: pl.lit(v) if not isinstance(v, pl.Expr) else v for name, v in wanted.items()})
    return made.select(entry.column_names).cast(entry.polars_schema)  # type: ignore[arg-type]


def tables() -> dict[str, pl.DataFrame]:
    exchange = numbered("exchange_id", EXCHANGES, "exchange").with_columns(rank=pl.int_range(1, EXCHANGES + 1))
    key = pl.col("exchange_id").alias("exchange_key")
    slug = numbered("slug", TRACKED, "slug")
    key_of_slug = pl.format("exchange-{}", pl.int_range(pl.len()))
    day = days()
    netflow = slug.with_columns(exchange_key=key_of_slug).join(day, how="cross")
    shares = exchange.select(key, "rank").join(day, how="cross")
    per_measure = pl.DataFrame(
        {
            "measure": ["spot_volume"] * 4 + ["reserves"],
            "segment": ["all", "centralised", "decentralised", "tracked", "centralised"],
        }
    )
    concentration = {"market_concentration": pl.lit("competitive"), "systemic_risk": pl.lit("low")}
    token = numbered("token", TOKENS, "token").with_columns(reason=pl.lit(None, pl.String))
    kinds = pl.concat(
        [
            numbered("slug", count, kind).with_columns(kind=pl.lit(kind), rank=pl.int_range(1, count + 1))
            for kind, count in (("cex", MEASURED), ("dex", PROTOCOLS))
        ]
    )
    return {
        "raw.exchanges": exchange.head(LISTED).select("exchange_id", position="rank").join(hours(), how="cross"),
        "raw.cex_snapshots": numbered("slug", MEASURED, "slug").with_columns(name="slug").join(hours(), how="cross"),
        "raw.trending_coins": numbered("coin_id", 15, "coin").join(hours(), how="cross"),
        "core.exchanges": exchange.select(
            key, "exchange_id", defillama_slug=pl.col("exchange_id").str.replace("exchange", "slug")
        ),
        "core.exchange_volumes": exchange.select("exchange_id").join(day, how="cross"),
        "mart.exchange_flows": exchange,
        "mart.exchange_netflow": netflow,
        "mart.exchange_token_flows": slug.join(token, how="cross").join(day.tail(TOKEN_DAYS), how="cross"),
        "mart.whale_signals": numbered("coin_id", COINS, "coin").with_columns(rank=pl.int_range(1, COINS + 1)),
        "mart.exchange_tvl": kinds,
        "mart.exchange_shares": per_measure.join(shares, how="cross"),
        "mart.exchange_dominance": per_measure.join(day, how="cross").with_columns(**concentration),
        "mart.exchange_coverage": exchange.select(key, aspect=pl.lit("reserves")),
        "meta.fetches": slug.select(dataset=pl.lit("protocol"), target="slug", outcome=pl.lit("complete")),
    }


def publish_all() -> dict[str, Any]:
    link = WORK / "warehouse" / "marketflows.duckdb"
    rows = 0
    with Warehouse(WORK / "private.duckdb") as warehouse:
        begin_part(warehouse, "exchanges", "run-1", NOW)
        for table, known in tables().items():
            frame = filled(table, known)
            rows += frame.height
            write = warehouse.replace if TABLES[table].replaces == "replace" else warehouse.append
            write(table, frame)
        report = publish(warehouse, part="exchanges", run_id="run-1", now=NOW, published_path=link)
    (WORK / "config.toml").write_text("[exchanges]\n", encoding="utf-8")
    return {"rows": rows, "size_mb": round(report.size_bytes / 1e6, 1)}


def seconds(program: str, *arguments: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    shutil.rmtree(WORK, ignore_errors=True)
    file = publish_all()
    config = str(WORK / "config.toml")
    took: dict[str, list[float]] = {name: [] for name in ("import duckdb", *COMMANDS)}
    # The round before the first one brings the file and the compiled modules into memory.
    for number in range(rounds + 1):
        for name, found in took.items():
            arguments = ["--config", config, *COMMANDS[name]] if name in COMMANDS else []
            duration = seconds(PROGRAM, *arguments) if arguments else seconds("import duckdb")
            if number:
                found.append(duration)
    shutil.rmtree(WORK)
    medians = {name: round(statistics.median(found), 3) for name, found in took.items()}
    import_s = medians.pop("import duckdb")
    target_s = round(1.5 * import_s + 0.3, 3)
    print(
        json.dumps({"file": file, "import_duckdb_s": import_s, "target_s": target_s, "commands_s": medians}, indent=2)
    )


if __name__ == "__main__":
    main()
