"""Measure the largest response, 42 MB of one exchange's reserves, read, parsed and stored: time and memory.

    python -m benchmarks.reserves [--rounds 5] [--plain]

A stand-in of the service, in a process of its own, serves the answer over a socket, compressed as the service does
(``--plain``: as it is). Each round gives a fresh process to us and one to the plain way that a short script takes: the
whole answer in memory, parsed by the standard library, turned into rows by loops; both store the same frames in a new
warehouse. Prints medians as JSON. Memory is the peak of a process above what it needed with everything imported and the
warehouse open; the processor's seconds say more than the clock's where the machine has other work.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import polars as pl

from benchmarks.processes import ROOT, in_a_process, peak_mb
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.ingest.first_seen import BALANCES, with_first_seen
from marketflows_pipeline.providers.defillama.client import DefiLlama
from marketflows_pipeline.providers.protocols.exchanges import CEX_TVL_SCHEMA, TOKEN_BALANCE_SCHEMA, ReservesHistory
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

WORK = Path(__file__).resolve().parent / ".work" / "reserves"
NOW = datetime(2026, 11, 20, 18, 20, tzinfo=UTC)
SLUG = "binance-cex"


def ours(url: str) -> ReservesHistory:
    """The provider of the pipeline, by way of a file."""
    with DefiLlama(clock=FixedClock(NOW), ledger=MemoryLedger(), base_url=url) as provider:
        return provider.reserves_history(SLUG, WORK)


def plain(url: str) -> ReservesHistory:
    """What a short script would do, to the same frames."""
    body = json.loads(httpx.get(f"{url}/protocol/{SLUG}", timeout=180).content)
    newest = body["tvl"][-1]["date"]
    tvl = [
        {
            "slug": SLUG,
            "ts": datetime.fromtimestamp(point["date"], UTC),
            "tvl_usd": point["totalLiquidityUSD"],
            "is_now": point["date"] == newest,
        }
        for point in body["tvl"]
    ]
    values = {point["date"]: point["tokens"] for point in body["tokensInUsd"]}
    balances = [
        {
            "slug": SLUG,
            "ts": datetime.fromtimestamp(point["date"], UTC),
            "token": token,
            "quantity": quantity,
            "value_usd": values[point["date"]].get(token),
            "is_now": point["date"] == newest,
        }
        for point in body["tokens"]
        for token, quantity in point["tokens"].items()
    ]
    return ReservesHistory(
        pl.DataFrame(tvl, schema=CEX_TVL_SCHEMA).sort("ts"),
        pl.DataFrame(balances, schema=TOKEN_BALANCE_SCHEMA).sort("ts", "token"),
    )


WAYS: dict[str, Callable[[str], ReservesHistory]] = {"ours": ours, "plain": plain}


def measure(way: str, url: str) -> dict[str, Any]:
    """Read, parse and store once, in this process."""
    WORK.mkdir(parents=True, exist_ok=True)
    fetched_at = pl.lit(NOW).cast(pl.Datetime("us", "UTC")).alias("fetched_at")
    file = WORK / f"{way}.duckdb"
    with Warehouse(file) as warehouse:
        idle = peak_mb()
        cpu, begun = time.process_time(), time.perf_counter()
        history = WAYS[way](url)
        parsed = time.perf_counter()
        parsed_mb = peak_mb()
        warehouse.merge("raw.cex_tvl", history.tvl.with_columns(fetched_at))
        balances = with_first_seen(history.balances.with_columns(fetched_at), BALANCES)
        warehouse.merge("raw.cex_token_balances", balances)
        stored = time.perf_counter()
        found = {
            "read_and_parsed_s": parsed - begun,
            "stored_s": stored - parsed,
            "seconds": stored - begun,
            "cpu_s": time.process_time() - cpu,
            "idle_mb": idle,
            "parsed_mb_above_idle": parsed_mb - idle,
            "peak_mb_above_idle": peak_mb() - idle,
            "rows": history.balances.height,
            "fingerprint": str(history.balances.hash_rows(seed=1).sum()),
        }
        again = time.perf_counter()
        warehouse.merge("raw.cex_token_balances", balances)
        found["stored_again_s"] = time.perf_counter() - again
    for left in WORK.glob(f"{way}.duckdb*"):
        left.unlink()
    return found


@contextmanager
def running_service(*, is_compressed: bool) -> Iterator[str]:
    """Address of a stand-in whose one answer is as large as the service's largest."""
    command = [
        sys.executable,
        "-m",
        "marketflows_pipeline_tests.fakes.defillama.service",
        "--port",
        "0",
        "--grown",
        SLUG,
    ]
    options = ["--now", NOW.isoformat(), "--protocols", "20", *(["--compressed"] if is_compressed else [])]
    with subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def compare(rounds: int, *, is_compressed: bool) -> dict[str, Any]:
    """Medians of both ways, taking turns."""
    taken: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    with running_service(is_compressed=is_compressed) as url:
        # The first answer takes seconds to make; later ones are only sent.
        answer = httpx.get(f"{url}/protocol/{SLUG}", timeout=180)
        for _ in range(rounds):
            for way, each in taken.items():
                each.append(in_a_process("-m", "benchmarks.reserves", "--way", way, "--url", url))
    fingerprints = {each["fingerprint"] for runs in taken.values() for each in runs}
    assert len(fingerprints) == 1, "both ways must store the same rows"
    figures = [name for name in taken["ours"][0] if name != "fingerprint"]
    medians = {
        way: {name: round(statistics.median(each[name] for each in runs), 3) for name in figures}
        for way, runs in taken.items()
    }
    return {
        "answer_mb": round(len(answer.content) / 1e6, 1),
        "sent_mb": round(answer.num_bytes_downloaded / 1e6, 1),
        "rounds": rounds,
        **medians,
        "ratio": round(medians["plain"]["seconds"] / medians["ours"]["seconds"], 2),
        "cpu_ratio": round(medians["plain"]["cpu_s"] / medians["ours"]["cpu_s"], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--plain", action="store_true", help="the answer is sent as it is, not compressed")
    parser.add_argument("--way", choices=tuple(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options.way, options.url)))
        return
    shutil.rmtree(WORK, ignore_errors=True)
    found = compare(options.rounds, is_compressed=not options.plain)
    shutil.rmtree(WORK, ignore_errors=True)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
