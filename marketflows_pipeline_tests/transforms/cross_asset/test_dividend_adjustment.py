"""Closes adjusted for dividends drift against the net asset value by a dividend a quarter; others do not."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from marketflows_pipeline.transforms.cross_asset.dividend_adjustment import dividend_adjusted
from marketflows_pipeline_tests.transforms.cross_asset.frames import rows_of, weekdays

START = date(2024, 1, 1)
DAYS = weekdays(600, START)
# The 15th of the last month of each quarter, 0.3 % each.
PAID = [date(year, month, 15) for year in (2024, 2025, 2026) for month in (3, 6, 9, 12)]


def nav(day: date) -> float:
    return 100 + 10 * math.sin(DAYS.index(day) / 40)


def adjusted(day: date, dividend: float = 0.003) -> float:
    """Of the past, less by each dividend since."""
    return nav(day) * (1 - dividend) ** sum(paid > day for paid in PAID if paid <= DAYS[-1])


def premium(day: date) -> float:
    """Up and down by a tenth of a percent over half a year."""
    return nav(day) * (1 + 0.001 * math.sin(DAYS.index(day) / 20))


def found(close: Callable[[date], float], days: list[date] = DAYS, **bar: float | None) -> pl.DataFrame:
    bars = rows_of(
        "raw.daily_bars",
        *({"symbol": "A", "session": day, "close_usd": close(day), "as_traded_close_usd": close(day)} for day in days),
    )
    shares = rows_of(
        "raw.shares_outstanding",
        *(
            {"symbol": "A", "session": day, "vintage": 1, "nav_usd": nav(day), "convention": "as_traded"}
            for day in days
        ),
    )
    return dividend_adjusted(bars, shares, rows_of("raw.corporate_actions"))


def test_closes_that_drift_by_quarterly_dividends_are_found() -> None:
    row = found(adjusted).row(0, named=True)

    assert (row["symbol"], row["evidence"], row["quarters"]) == ("A", "net asset value", 8)
    assert row["drift_pct"] == pytest.approx(100 * (1 - 0.997**8), abs=0.05)


@pytest.mark.parametrize("close", [nav, premium, lambda day: nav(day) * 1.004])
def test_closes_that_follow_the_net_asset_value_are_not_doubted(close: Callable[[date], float]) -> None:
    assert found(close).is_empty()


def test_a_discount_that_narrows_for_years_is_no_dividend() -> None:
    """A trust's closes rose from 40 % below its net asset value to the value itself, by far more than any dividend."""
    assert found(lambda day: nav(day) * (0.6 + 0.4 * DAYS.index(day) / len(DAYS))).is_empty()


def test_a_dividend_below_the_least_and_a_short_history_tell_nothing() -> None:
    assert found(lambda day: adjusted(day, 0.0002)).is_empty()
    assert found(adjusted, DAYS[-380:]).is_empty(), "five changes between quarters"


def test_the_newest_vintage_counts_and_a_split_is_no_drift() -> None:
    """Closes as traded, and net asset values of their day, fall by the split together."""
    traded = {day: nav(day) / (1 if day < DAYS[300] else 4) for day in DAYS}
    bars = rows_of(
        "raw.daily_bars",
        *(
            {"symbol": "A", "session": day, "close_usd": nav(day) / 4, "as_traded_close_usd": traded[day]}
            for day in DAYS
        ),
    )
    # As first said they drift, as restated they do not.
    said: dict[int, Callable[[date], float]] = {1: lambda day: 1 + DAYS.index(day) / 9000, 2: lambda _: 1}
    shares = rows_of(
        "raw.shares_outstanding",
        *(
            {
                "symbol": "A",
                "session": day,
                "vintage": vintage,
                "nav_usd": traded[day] * factor(day),
                "convention": "as_traded",
            }
            for day in DAYS
            for vintage, factor in said.items()
        ),
    )

    assert dividend_adjusted(bars, shares, rows_of("raw.corporate_actions")).is_empty()


def paying(close: float, adjusted_close: float | None) -> pl.DataFrame:
    """Two sessions before a dividend of 1 % and one after, without net asset values."""
    bars = [
        {"symbol": "A", "session": day, "close_usd": close, "adjusted_close_usd": adjusted_close} for day in DAYS[:2]
    ]
    after = {"symbol": "A", "session": DAYS[2], "close_usd": 100.0, "adjusted_close_usd": 100.0}
    dividend = {"symbol": "A", "session": DAYS[2], "action": "dividend", "value": 1.0}
    return dividend_adjusted(
        rows_of("raw.daily_bars", *bars, after),
        rows_of("raw.shares_outstanding"),
        rows_of("raw.corporate_actions", dividend),
    )


def test_closes_equal_to_adjusted_ones_before_a_dividend_are_found_without_net_asset_values() -> None:
    assert paying(99.0, 99.0)["evidence"].to_list() == ["adjusted_close"]
    assert paying(100.0, 99.0).is_empty()
    assert paying(100.0, None).is_empty(), "nothing to compare with"
