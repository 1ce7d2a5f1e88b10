"""Histories that land shard by shard and are merged once, against the same histories stored one after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import (
    CreditsExhaustedError,
    NotFoundError,
    PermanentProviderError,
    TransientProviderError,
)
from marketflows_pipeline.ingest.budget import Budget
from marketflows_pipeline.ingest.market_caps.history import HistoryIngest
from marketflows_pipeline.ingest.market_caps.shards import Shard, land_shard, merge_landings, shards_of
from marketflows_pipeline.ingest.raw_writer import MarketCapWriter
from marketflows_pipeline.progress import LogReporter
from marketflows_pipeline.providers.protocols.market_caps import HISTORY_SCHEMA
from marketflows_pipeline.warehouse.landings import landings, take
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.conftest import empty_file, private, tmp_path, warehouse
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]

COINS = ("bitcoin", "ethereum", "solana", "dogecoin", "gone", "barred", "young", "flawed", "shaky")
STORED = "select * exclude fetched_at from raw.market_caps order by coin_id, ts"
RECORD = "select * exclude attempted_at from meta.backfills order by coin_id"
UNLIMITED = Budget(limit=None, spent=0, reserved=0)


@dataclass
class Service:
    """Answers of each kind; what was asked is on record.

    Attributes:
        faults: what a coin's request raises.
        asked: coins in the order of the requests.
    """

    faults: dict[str, Exception] = field(
        default_factory=lambda: {
            "gone": NotFoundError("no such coin", provider="made up"),
            "barred": PermanentProviderError("not for you", provider="made up"),
            "shaky": TransientProviderError("not now", provider="made up"),
        }
    )
    asked: list[str] = field(default_factory=list)

    def history_limit_days(self, _grain: object) -> int:
        return 365

    def history(self, coin: str, days: int) -> pl.DataFrame:
        self.asked.append(coin)
        if coin in self.faults:
            raise self.faults[coin]
        n_points = 0 if coin == "young" else 24 * days
        caps: list[float | None] = [1e9 + len(coin) * 1e6 + hour for hour in range(n_points)]
        if coin == "flawed":
            caps[3:6] = [None, 0.0, 1e30]
        times = [NOW - HOUR * (n_points - hour) for hour in range(n_points)]
        rows = {"coin_id": [coin] * n_points, "ts": times, "market_cap_usd": caps, "source": ["history"] * n_points}
        return pl.DataFrame(rows, schema_overrides={name: HISTORY_SCHEMA[name] for name in rows}).select(
            pl.col(name) if name in rows else pl.lit(None, kind).alias(name) for name, kind in HISTORY_SCHEMA.items()
        )


def ingest(warehouse: Warehouse, service: Service) -> HistoryIngest:
    return HistoryIngest(
        cast("Any", service),
        MarketCapWriter(warehouse, FixedClock(NOW + HOUR), NOW),
        cast("Any", SimpleNamespace(days=7)),
        LogReporter(),
        budget_now=lambda: UNLIMITED,
        waits=cast("Any", SimpleNamespace(is_used_up=False, is_run_over=False)),
    )


def tracked(coins: tuple[str, ...] = COINS) -> pl.DataFrame:
    return pl.DataFrame({"coin_id": coins})


def answers(warehouse: Warehouse) -> tuple[list[Any], list[Any]]:
    return warehouse.query(STORED).rows(), warehouse.query(RECORD).rows()


@contextmanager
def another(warehouse: Warehouse) -> Iterator[Warehouse]:
    with Warehouse(warehouse.path.with_name("another.duckdb")) as opened:
        yield opened


@given(coin=st.text(max_size=20), count=st.integers(1, 64))
def test_each_coin_is_of_exactly_one_shard(coin: str, count: int) -> None:
    assert sum(shard.holds(coin) for shard in shards_of(count)) == 1


def test_a_coins_shard_is_the_same_in_every_process_and_version() -> None:
    """Otherwise two hosts would fetch one coin, and none another."""
    found = {coin: [shard.number for shard in shards_of(4) if shard.holds(coin)] for coin in COINS[:4]}
    assert found == {"bitcoin": [3], "ethereum": [3], "solana": [4], "dogecoin": [3]}


@pytest.mark.slow
@pytest.mark.parametrize(("count", "answers_per_commit"), [(1, 1), (1, 50), (3, 2), (8, 50)])
def test_what_shards_land_and_one_step_merges_is_what_one_process_stores(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, count: int, answers_per_commit: int
) -> None:
    """A file stores answer by answer, a lake some at a time."""
    monkeypatch.setattr(warehouse.store, "answers_per_commit", answers_per_commit)
    service, alone = Service(), Service()
    reports = [land_shard(ingest(warehouse, service), tracked(), shard) for shard in shards_of(count)]
    assert warehouse.query("select count(*) from raw.market_caps").item() == 0
    merged = merge_landings(warehouse, LogReporter())
    with another(warehouse) as other:
        direct = ingest(other, alone)
        report = direct.backfill(tracked())
        assert answers(warehouse) == answers(other)
    assert sorted(service.asked) == sorted(alone.asked) == sorted(COINS)
    assert sum(each.fetched for each in reports) == report.fetched == merged.histories == len(COINS)
    assert sorted(merged.failed) == sorted(report.failed) == ["barred", "gone", "shaky"]
    tally = direct.writer.tally
    assert merged.tally == tally
    assert (tally.rows_new, tally.rows_revised, tally.rejected.total()) == (5 * 168 - 3, 0, 3)
    assert landings(warehouse) == []


def test_a_merged_row_is_of_the_time_at_which_it_came(warehouse: Warehouse) -> None:
    land_shard(ingest(warehouse, Service()), tracked(("bitcoin",)), Shard(1, 1))
    merge_landings(warehouse, LogReporter())
    times = "select distinct fetched_at from raw.market_caps union select attempted_at from meta.backfills"
    assert warehouse.query(times).rows() == [(NOW + HOUR,)]


@pytest.mark.slow
def test_a_step_that_is_repeated_requests_only_what_has_not_landed(warehouse: Warehouse) -> None:
    """Also where there are as many shards as never before. A failed request is made again."""
    service = Service()
    land_shard(ingest(warehouse, service), tracked(COINS[:3]), Shard(1, 1))
    service.asked.clear()
    for shard in shards_of(5):
        land_shard(ingest(warehouse, service), tracked(), shard)
    assert sorted(service.asked) == sorted(COINS[3:])
    service.asked.clear()
    land_shard(ingest(warehouse, service), tracked(), Shard(1, 1))
    assert service.asked == ["shaky"]


@pytest.mark.slow
def test_a_merge_that_is_repeated_changes_nothing(warehouse: Warehouse) -> None:
    land_shard(ingest(warehouse, Service()), tracked(), Shard(1, 1))
    merge_landings(warehouse, LogReporter())
    before = answers(warehouse)
    assert merge_landings(warehouse, LogReporter()).histories == 0
    assert answers(warehouse) == before
    service = Service()
    land_shard(ingest(warehouse, service), tracked(), Shard(1, 1))
    assert set(service.asked) <= {"barred", "shaky"}, "what is complete, or unknown, is not requested again"


@pytest.mark.slow
def test_a_merge_that_is_ended_between_two_transactions_goes_on_where_it_was(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories = ingest(warehouse, Service())
    clock = cast("FixedClock", histories.writer.clock)
    for coin in COINS[:4]:
        land_shard(histories, tracked((coin,)), Shard(1, 1))
        clock.set(clock.now() + timedelta(minutes=1))
    taken: list[object] = []

    def take_once(*arguments: Any) -> None:
        if taken:
            raise KeyboardInterrupt
        taken.append(arguments)
        take(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr("marketflows_pipeline.ingest.market_caps.shards.take", take_once)
        with pytest.raises(KeyboardInterrupt):
            merge_landings(warehouse, LogReporter())
    assert warehouse.query("select coin_id from meta.backfills").rows() == [(COINS[0],)]
    assert warehouse.query("select count(distinct coin_id) from raw.market_caps").item() == 1
    assert merge_landings(warehouse, LogReporter()).histories == 3
    assert warehouse.query("select count(*), count(distinct coin_id) from meta.backfills").rows() == [(4, 4)]


def test_where_credits_run_out_what_came_before_has_landed(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    faults: Mapping[str, Exception] = {"solana": CreditsExhaustedError("the credits are used up.")}
    report = land_shard(ingest(warehouse, Service(dict(faults))), tracked(COINS[:4]), Shard(1, 1))
    assert report.waiting == 2
    assert "shard 1 of 1: the credits are used up. The rest waits for a later run" in caplog.text
    assert merge_landings(warehouse, LogReporter()).histories == 2
