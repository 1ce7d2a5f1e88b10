"""Which stored values cannot be true."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import inf, nan
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.schema import TABLES, DType, table
from marketflows_pipeline.transforms.plausibility import BOUNDS, implausible
from marketflows_pipeline_tests.warehouse.frames import frame

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)


def at_fault(name: str, **values: Any) -> list[str]:
    """Columns at fault of one row, which is otherwise as good as it gets."""
    entry = table(name)
    times = {column.name: NOW for column in entry.columns if column.dtype is DType.TIME}
    return implausible(name, frame(name, times | values), NOW)["column_name"].to_list()


def test_every_raw_table_but_the_names_of_coins_has_bounds() -> None:
    raw = {name for name, entry in TABLES.items() if entry.schema_name == "raw"}
    assert set(BOUNDS) == raw - {"raw.coins"}


@pytest.mark.parametrize("name", BOUNDS)
def test_every_bound_is_of_a_column_that_is_there_and_a_plain_row_is_within_all(name: str) -> None:
    bounds, columns = BOUNDS[name], set(table(name).column_names)
    assert {bound.column for bound in bounds.values} | {bound.column for bound in bounds.times} <= columns
    assert at_fault(name) == []


@pytest.mark.parametrize(
    ("name", "column"), [(name, bound.column) for name, bounds in BOUNDS.items() for bound in bounds.values]
)
def test_no_measured_value_may_be_other_than_finite(name: str, column: str) -> None:
    for value in (nan, inf, -inf):
        assert at_fault(name, **{column: value}) == [column], value


@pytest.mark.parametrize(
    ("name", "column", "good", "bad"),
    [
        ("raw.market_caps", "market_cap_usd", [1e-3, 5e12, 1e15], [0.0, -1.0, 1.001e15, 1e30]),
        ("raw.market_caps", "price_usd", [0.0, 1e5, None], [-1.0, 1e30]),
        ("raw.market_caps", "volume_usd", [0.0, None], [-1.0, 1e30]),
        ("raw.narrative_members", "market_cap_usd", [0.0, None], [-1.0, 1e30]),
        ("raw.cohort_members", "market_cap_usd", [1e8], [0.0, 1e30]),
        ("raw.exchanges", "volume_24h_btc", [0.0, None, 1e6], [-1.0, 1e30]),
        ("raw.exchange_volumes", "volume_24h_btc", [0.0, 2.1e12], [-1.0, 2.1e12 + 0.5]),
        ("raw.trending_coins", "price_btc", [0.0, 2.1e12], [-1.0, 2.1e12 + 0.5]),
        ("raw.trending_coins", "price_change_24h_pct", [-99.0, 1e30], []),
        ("raw.bitcoin_prices", "price_usd", [1e-3], [0.0, 1e30]),
        ("raw.protocols", "change_1d_pct", [-99.0, 1e30], []),
        ("raw.protocols", "change_7d_pct", [-99.0, 1e30], []),
        ("raw.cex_snapshots", "current_tvl_usd", [0.0, None, 2e11], [-1.0, 1e30]),
        ("raw.cex_snapshots", "inflows_24h_usd", [-1e9, 0.0, None], [-1e30, 1e30]),
        ("raw.cex_tvl", "tvl_usd", [0.0], [-1.0, 1e30]),
        ("raw.cex_token_balances", "quantity", [0.0, 1e24, None], [-1.0]),
        ("raw.cex_token_balances", "value_usd", [0.0, None], [-1.0, 1e30]),
        ("raw.protocols", "tvl_usd", [None, 1e9], [-1.0, 1e30]),
        ("raw.daily_bars", "close_usd", [0.01, 7e5], [0.0, -1.0, 1e30]),
        ("raw.corporate_actions", "value", [0.05, 4.0], [0.0, -4.0, 1e30]),
        ("raw.shares_outstanding", "shares", [None, 1e9], [-1.0, 1e30]),
        ("raw.volatility_index", "close", [9.14, 1e4], [0.0, -1.0, 1e4 + 0.5]),
    ],
)
def test_a_value_must_lie_between_what_it_can_be(
    name: str, column: str, good: list[float | None], bad: list[float]
) -> None:
    """A cap of 1e30 once broke every sum of a window until it had left it."""
    for value in good:
        assert at_fault(name, **{column: value}) == [], value
    for value in bad:
        assert at_fault(name, **{column: value}) == [column], value


@pytest.mark.parametrize("name", [name for name, bounds in BOUNDS.items() if bounds.times[0].earliest.year == 2009])
def test_nothing_of_coins_is_older_than_they_are_or_newer_than_now(name: str) -> None:
    """Seconds taken for milliseconds were stored as January 1970, and drew a month of a coin as a straight line."""
    for moment, is_good in (
        (datetime(2009, 1, 1, tzinfo=UTC), True),
        (datetime(2008, 12, 31, 23, 59, 59, tzinfo=UTC), False),
        (datetime(1970, 1, 21, tzinfo=UTC), False),
        (NOW + timedelta(minutes=5), True),
        (NOW + timedelta(minutes=5, seconds=1), False),
        (NOW + timedelta(days=3), False),
    ):
        for bound in BOUNDS[name].times:
            assert at_fault(name, **{bound.column: moment}) == ([] if is_good else [bound.column]), moment


def test_a_row_is_older_than_its_answer_even_when_its_time_has_come() -> None:
    """A volume dated ahead would otherwise pass for an observation once that day is there."""
    fetched = NOW - timedelta(days=4)
    assert at_fault("raw.exchange_volumes", ts=fetched + timedelta(minutes=4), fetched_at=fetched) == []
    assert at_fault("raw.exchange_volumes", ts=fetched + timedelta(minutes=6), fetched_at=fetched) == ["ts"]


def test_a_history_fetched_late_in_a_long_run_is_not_ahead_of_it() -> None:
    """Market caps bear the start of their run, and a first one asks for 1,500 histories in an hour."""
    start = NOW - timedelta(days=4)
    assert at_fault("raw.market_caps", ts=start + timedelta(hours=2), fetched_at=start) == []
    assert at_fault("raw.market_caps", ts=start + timedelta(days=1), fetched_at=start) == []
    assert at_fault("raw.market_caps", ts=start + timedelta(days=1, seconds=1), fetched_at=start) == ["ts"]


@pytest.mark.parametrize("name", ["raw.daily_bars", "raw.shares_outstanding", "raw.volatility_index"])
def test_a_session_lies_between_1990_and_the_day_it_was_fetched_wherever_that_day_is(name: str) -> None:
    assert at_fault(name, session=date(1990, 1, 1)) == []
    assert at_fault(name, session=date(1989, 12, 31)) == ["session"]
    # At 18:00 UTC it is tomorrow already in Tokyo, and nowhere the day after.
    assert at_fault(name, session=date(2026, 11, 21)) == []
    assert at_fault(name, session=date(2026, 11, 22)) == ["session"]


def test_the_first_place_to_have_a_new_day_is_fourteen_hours_ahead() -> None:
    """On Kiritimati it is 21 November from 10:00 UTC of the 20th on."""
    tomorrow, ten = date(2026, 11, 21), NOW.replace(hour=10)

    assert at_fault("raw.daily_bars", session=tomorrow, fetched_at=ten) == []
    assert at_fault("raw.daily_bars", session=tomorrow, fetched_at=ten - timedelta(seconds=1)) == ["session"]


@pytest.mark.parametrize("name", ["raw.daily_bars", "raw.shares_outstanding", "raw.corporate_actions"])
def test_the_users_own_files_reach_back_to_1900(name: str) -> None:
    assert at_fault(name, session=date(1929, 10, 29), source="folder:bars") == []
    assert at_fault(name, session=date(1900, 1, 1), source="folder:bars") == []
    assert at_fault(name, session=date(1899, 12, 31), source="folder:bars") == ["session"]
    assert at_fault(name, session=date(1929, 10, 29), source="yahoo:chart") == ["session"]


def test_a_split_may_be_announced() -> None:
    assert at_fault("raw.corporate_actions", session=date(2027, 1, 4)) == []


def test_every_fault_of_a_row_is_told_with_what_was_expected() -> None:
    row = {"coin_id": "bitcoin", "ts": datetime(1970, 1, 21, tzinfo=UTC), "market_cap_usd": 1e30, "fetched_at": NOW}
    told = implausible("raw.market_caps", frame("raw.market_caps", row), NOW)
    assert told.columns == ["coin_id", "ts", "column_name", "reason"]
    assert told["reason"].to_list() == [
        "market_cap_usd is 1e+30: expected more than 0 and at most 1e+15",
        "ts is 1970-01-21T00:00:00Z: expected 2009-01-01 or later",
    ]


def test_a_column_without_limits_is_told_to_be_finite_and_one_with_both_has_two() -> None:
    row = {"id": "aave", "observed_at": NOW, "tvl_usd": -1.0, "change_1d_pct": nan}
    reasons = implausible("raw.protocols", frame("raw.protocols", row), NOW)["reason"].to_list()

    assert sorted(reasons) == [
        "change_1d_pct is NaN: expected a finite number",
        "tvl_usd is -1.0: expected at least 0 and at most 1e+15",
    ]


def test_a_time_ahead_is_told_with_the_latest_that_could_be() -> None:
    row = {"exchange_id": "kraken", "ts": NOW + timedelta(days=3), "fetched_at": NOW}
    (reason,) = implausible("raw.exchange_volumes", frame("raw.exchange_volumes", row), NOW)["reason"]
    assert reason == "ts is 2026-11-23T18:00:00Z: expected 2026-11-20T18:05:00Z or earlier"


def test_no_rows_have_no_faults() -> None:
    for name in BOUNDS:
        assert implausible(name, table(name).empty(), NOW).is_empty()
        assert isinstance(implausible(name, table(name).empty(), NOW), pl.DataFrame)
