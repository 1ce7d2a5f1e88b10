"""The figure of a kind of event, worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from marketflows_pipeline.queries.events.cross_asset import VOLATILITY_SHOCK
from marketflows_pipeline.queries.events.market_caps import RANGE_MIGRATION
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.queries.events.stores import empty_file, private, tmp_path, warehouse
from marketflows_pipeline_tests.warehouse.frames import frame

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]

CLOSE = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)
LOW, HIGH = "100", "1000"


def test_a_coin_takes_out_of_a_range_what_it_brings_into_the_next(warehouse: Warehouse) -> None:
    """The brief told of 5.1 % that left a range, and `migration` of 4.9 %: a coin's own move had left with it."""
    levels = [
        {"series": series, "ts": ts, "level_usd": level, "n_members": 1, "n_kept": 0}
        for series, level in ((LOW, 1000.0), (HIGH, 4000.0))
        for ts in (CLOSE - DAY, CLOSE)
    ]
    warehouse.replace("mart.range_chain", frame("mart.range_chain", *levels))
    moves: list[tuple[str, str | None, str | None, float | None, float | None]] = [
        ("rising", LOW, HIGH, 900.0, 1200.0),
        ("gone", HIGH, None, 1100.0, None),
        ("new", None, LOW, None, 150.0),
    ]
    rows = [
        {
            "period_days": 1,
            "ts_from": CLOSE - DAY,
            "ts": CLOSE,
            "coin_id": coin,
            "from_range": left,
            "to_range": entered,
            "cap_before_usd": before,
            "cap_after_usd": after,
            "kind": "moved",
        }
        for coin, left, entered, before, after in moves
    ]
    warehouse.replace("mart.range_migration", frame("mart.range_migration", *rows))

    found = warehouse.query(f"select subject, value from ({RANGE_MIGRATION.sql}) order by value")

    # Low: 150 came and 1,200 went, of 1,000. High: 1,200 came and 1,100 went, of 4,000.
    assert found.rows() == [(f"Ranges/{LOW}", pytest.approx(-105)), (f"Ranges/{HIGH}", pytest.approx(2.5))]


def test_a_change_over_a_session_without_a_vix_is_none_of_a_session(warehouse: Warehouse) -> None:
    """A holiday of the index made two sessions' change that of one."""
    levels = [20.0, 25.0, None, 50.0, 40.0]
    rows = [{"session": date(2026, 11, 16) + n * DAY, "vix": vix} for n, vix in enumerate(levels)]
    warehouse.replace("mart.regimes", frame("mart.regimes", *rows))

    found = warehouse.query(f"select ts, value from ({VOLATILITY_SHOCK.sql}) order by ts")

    # 100 ln(25 / 20) and 100 ln(40 / 50).
    assert found["ts"].dt.day().to_list() == [17, 20]
    assert found["value"].to_list() == pytest.approx([22.314355, -22.314355])
