from __future__ import annotations

import math
import random
from datetime import date

import numpy as np
import polars as pl
import pytest

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.correlations import correlations
from marketflows_pipeline_tests.transforms.cross_asset.frames import assert_in_shape, rows_of, weekdays

Returns = dict[str, list[float | None]]


def correlations_of(returns: Returns, window: int, days: list[date] | None = None) -> pl.DataFrame:
    """Symbol to log returns, one a weekday from a Monday; a None is a row without a return."""
    rows = [
        {
            "symbol": symbol,
            "session": session,
            "previous_session": before,
            "price_return": None if each is None else math.expm1(each),
        }
        for symbol, values in returns.items()
        for before, session, each in zip(
            [None, *(days or weekdays(len(values)))[:-1]], days or weekdays(len(values)), values, strict=True
        )
    ]
    frame = correlations(rows_of("core.asset_flows", *rows), window)
    assert_in_shape(frame, "mart.correlations")
    return frame


def random_returns(n: int, seed: int) -> list[float | None]:
    walk = random.Random(seed)
    return [walk.gauss(0.001, 0.01) for _ in range(n)]


def test_it_is_pearson_s_over_the_window_at_the_last_session_of_each_week() -> None:
    a, b = random_returns(15, 1), random_returns(15, 2)

    frame = correlations_of({"B": b, "A": a}, 10)

    expected = [None, *(np.corrcoef(np.array([a[k - 10 : k], b[k - 10 : k]], float))[0, 1] for k in (10, 15))]
    assert frame.select("symbol_a", "symbol_b", "window_sessions").unique().rows() == [("A", "B", 10)]
    assert frame["session"].to_list() == [weekdays(15)[k] for k in (4, 9, 14)]
    assert frame["correlation"].to_list() == pytest.approx(expected)


def test_each_pair_is_there_once() -> None:
    frame = correlations_of({each: random_returns(5, ord(each)) for each in "DBCA"}, 5)

    assert frame.select("symbol_a", "symbol_b").rows() == [
        ("A", "B"), ("A", "C"), ("A", "D"), ("B", "C"), ("B", "D"), ("C", "D"),
    ]  # fmt: skip


def test_a_week_without_its_friday_ends_where_it_ends() -> None:
    # Good Friday of 2026 is 3 April; the Monday after it is a session, and the newest of the week under way
    days = [date(2026, 3, 31), date(2026, 4, 1), date(2026, 4, 2), date(2026, 4, 6)]
    frame = correlations_of({"A": [1.0, 2.0, 3.0, 4.0], "B": [1.0, 2.0, 3.0, 4.0]}, 3, days)

    assert frame.select("session", "correlation").rows() == [
        (date(2026, 4, 2), pytest.approx(1)),
        (date(2026, 4, 6), pytest.approx(1)),
    ]


def test_the_turn_of_the_year_does_not_cut_a_week() -> None:
    # 29 December 2025 to 2 January 2026 is one ISO week
    days = [date(2025, 12, 29), date(2025, 12, 31), date(2026, 1, 2)]

    assert correlations_of({"A": [0.1, 0.2, 0.4], "B": [0.3, 0.1, 0.0]}, 3, days)["session"].to_list() == [days[2]]


@pytest.mark.parametrize(("n_missing", "is_known"), [(1, True), (2, False)])
def test_four_fifths_of_the_window_must_be_known_to_both(n_missing: int, is_known: bool) -> None:
    # five sessions: with one hole four fifths are left
    a, b = random_returns(5, 3), random_returns(5, 4)
    a_with_holes = [None] * n_missing + a[n_missing:]

    value = correlations_of({"A": a_with_holes, "B": b}, 5)["correlation"].item()

    expected = np.corrcoef(np.array([a[1:], b[1:]], float))[0, 1]
    assert value == (pytest.approx(expected) if is_known else None)


def test_holes_of_both_count_together() -> None:
    a, b = random_returns(10, 5), random_returns(10, 6)
    a[2] = b[7] = None
    kept = [k for k in range(10) if k not in (2, 7)]

    value = correlations_of({"A": a, "B": b}, 10)["correlation"].to_list()[-1]

    assert value == pytest.approx(np.corrcoef(np.array([[s[k] for k in kept] for s in (a, b)], float))[0, 1])


def test_a_session_that_an_asset_lacks_is_a_hole() -> None:
    days = weekdays(5)
    full = [{"symbol": "A", "session": each, "price_return": 0.01 * n} for n, each in enumerate(days)]
    short = [{"symbol": "B", "session": each, "price_return": 0.02 * n} for n, each in enumerate(days) if n > 1]

    assert correlations(rows_of("core.asset_flows", *full, *short), 5)["correlation"].to_list() == [None]


def test_a_return_over_two_sessions_is_none_of_a_session() -> None:
    """A fund whose bar of a day was missing had its two days' return set beside one day's of all others."""
    days = weekdays(10)
    a, b = random_returns(10, 11), random_returns(10, 12)
    rows = [
        {"symbol": symbol, "session": day, "previous_session": before, "price_return": each}
        for symbol, returns in (("A", a), ("B", b))
        for before, day, each in zip([None, *days[:-1]], days, returns, strict=True)
    ]
    with_gap = [row for row in rows if (row["symbol"], row["session"]) != ("B", days[6])]
    for row in with_gap:
        if (row["symbol"], row["session"]) == ("B", days[7]):
            row |= {"previous_session": days[5], "price_return": 0.5}

    value = correlations(rows_of("core.asset_flows", *with_gap), 10)["correlation"].to_list()[-1]

    kept = [k for k in range(10) if k not in (6, 7)]
    expected = np.corrcoef(np.log1p(np.array([[s[k] for k in kept] for s in (a, b)], float)))[0, 1]
    assert value == pytest.approx(expected)


def test_what_does_not_vary_correlates_with_nothing() -> None:
    assert correlations_of({"A": [0.01] * 5, "B": random_returns(5, 1)}, 5)["correlation"].to_list() == [None]


def test_perfect_correlation_is_one_and_no_more() -> None:
    a = random_returns(5, 8)
    frame = correlations_of({"A": a, "B": a, "C": [-each for each in a if each is not None]}, 5)

    values = frame["correlation"].to_list()
    assert values == [pytest.approx(1), pytest.approx(-1), pytest.approx(-1)]
    assert max(values) <= 1
    assert min(values) >= -1


def test_many_weeks_are_worked_on_in_batches() -> None:
    n = 5 * 130
    a, b = random_returns(n, 9), random_returns(n, 10)

    values = correlations_of({"A": a, "B": b}, 20)["correlation"].to_list()

    assert len(values) == 130
    assert values[3:] == pytest.approx(
        [np.corrcoef(np.array([a[k - 20 : k], b[k - 20 : k]], float))[0, 1] for k in range(20, n + 1, 5)]
    )


@pytest.mark.parametrize("returns", [{}, {"A": [0.1] * 10}])
def test_without_a_pair_there_is_nothing(returns: Returns) -> None:
    assert correlations_of(returns, 5).is_empty()


def test_no_flows_make_an_empty_table() -> None:
    assert correlations(table("core.asset_flows").empty(), 63).is_empty()
