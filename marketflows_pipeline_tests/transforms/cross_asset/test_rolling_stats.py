from __future__ import annotations

import itertools
import math
import statistics

import polars as pl
import pytest

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.rolling_stats import rolling_stats
from marketflows_pipeline_tests.transforms.cross_asset.frames import assert_in_shape, bars_of, column, day, flows_of


def stats_of(closes: dict[str, list[float]], *windows: int) -> pl.DataFrame:
    stats = rolling_stats(flows_of(bars_of(closes)), windows)
    assert_in_shape(stats, "mart.rolling_stats")
    return stats


def test_the_return_is_against_the_close_a_window_ago() -> None:
    stats = stats_of({"A": [100.0, 110.0, 121.0, 60.5]}, 2)

    assert column(stats, "total_return") == [None, None, pytest.approx(0.21), pytest.approx(-0.45)]


def test_the_drawdown_is_from_the_highest_close_of_the_window() -> None:
    stats = stats_of({"A": [100.0, 80.0, 90.0, 60.0, 75.0]}, 3)

    assert column(stats, "drawdown") == [None, None, pytest.approx(-0.1), pytest.approx(-1 / 3), pytest.approx(-1 / 6)]


def test_at_a_high_the_drawdown_is_zero() -> None:
    assert column(stats_of({"A": [1.0, 2.0, 3.0]}, 2), "drawdown") == [None, 0, 0]


def test_the_volatility_is_that_of_a_year_of_log_returns() -> None:
    closes = [100.0, 103.0, 101.0, 107.0, 90.0]
    returns = [math.log(now / before) for before, now in itertools.pairwise(closes)]

    stats = column(stats_of({"A": closes}, 3), "volatility")

    assert stats[:3] == [None] * 3
    assert stats[3] == pytest.approx(statistics.stdev(returns[:3]) * math.sqrt(252))
    assert stats[4] == pytest.approx(statistics.stdev(returns[1:]) * math.sqrt(252))


def test_each_asset_has_a_past_of_its_own_and_rows_go_by_asset_session_and_window() -> None:
    stats = stats_of({"A": [1.0, 2.0, 4.0], "B": [8.0, 4.0, 2.0]}, 1, 2)

    assert stats.select("symbol", "session", "window_sessions", "total_return").rows() == [
        ("A", day(0), 1, None),
        ("A", day(0), 2, None),
        ("A", day(1), 1, 1),
        ("A", day(1), 2, None),
        ("A", day(2), 1, 1),
        ("A", day(2), 2, 3),
        ("B", day(0), 1, None),
        ("B", day(0), 2, None),
        ("B", day(1), 1, -0.5),
        ("B", day(1), 2, None),
        ("B", day(2), 1, -0.5),
        ("B", day(2), 2, -0.75),
    ]


def test_no_flows_make_an_empty_table() -> None:
    assert rolling_stats(table("core.asset_flows").empty(), [5]).is_empty()
