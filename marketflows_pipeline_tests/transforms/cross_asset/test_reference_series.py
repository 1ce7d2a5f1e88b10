"""Reference series by hand: levels on the sessions of the funds, changes in their own unit, gaps that stay."""

from __future__ import annotations

import math
from typing import get_args

import polars as pl
import pytest

from marketflows_pipeline.settings.universe import ReferenceId
from marketflows_pipeline.transforms.cross_asset.correlations import correlations
from marketflows_pipeline.transforms.cross_asset.reference_series import (
    REFERENCE_SERIES,
    daily_changes,
    reference_series,
)
from marketflows_pipeline_tests.transforms.cross_asset.frames import assert_in_shape, day, rows_of


def values(series: str, **by_day: float) -> pl.DataFrame:
    """Values by number of the day, such as d3=4.5."""
    rows = [{"series_id": series, "session": day(int(at[1:])), "value": value} for at, value in by_day.items()]
    return rows_of("raw.reference_series", *rows)


def sessions(*numbers: int, symbol: str = "SPY", returns: dict[int, float] | None = None) -> pl.DataFrame:
    rows = [
        {
            "symbol": symbol,
            "session": day(number),
            "previous_session": None if before is None else day(before),
            "price_return": (returns or {}).get(number),
        }
        for before, number in zip([None, *numbers[:-1]], numbers, strict=True)
    ]
    return rows_of("core.asset_flows", *rows)


def shown(stored: pl.DataFrame, flows: pl.DataFrame, *series: str) -> pl.DataFrame:
    found = reference_series(stored, flows, series)
    assert_in_shape(found, "mart.reference_series")
    return found


def test_every_series_of_the_settings_is_known() -> None:
    assert set(get_args(ReferenceId)) == set(REFERENCE_SERIES)


def test_a_holiday_of_the_bond_market_stays_null_and_so_do_its_changes() -> None:
    """On Columbus Day stocks trade and bonds do not; the day after has no change of one session either."""
    found = shown(values("DGS10", d0=4.0, d2=4.5, d3=4.25), sessions(0, 1, 2, 3), "DGS10")

    assert found.select("value", "change_1_session").rows() == [(4, None), (None, None), (4.5, None), (4.25, -0.25)]
    assert found["change_unit"].unique().to_list() == ["percentage points"]


def test_an_index_changes_in_percent_and_a_spread_may_be_below_zero() -> None:
    stored = pl.concat([values("DTWEXBGS", d0=100.0, d1=110.0), values("T10Y2Y", d0=0.5, d1=-0.25)])
    found = shown(stored, sessions(0, 1), "DTWEXBGS", "T10Y2Y")

    assert found["change_1_session"].to_list() == [None, pytest.approx(10), None, -0.75]


def test_a_month_is_21_sessions_of_the_funds() -> None:
    stored = values("DGS2", **{f"d{number}": number / 4 for number in range(23)})

    assert shown(stored, sessions(*range(23)), "DGS2")["change_21_sessions"].drop_nulls().to_list() == [5.25, 5.25]


def test_days_without_a_session_and_series_that_are_not_shown_are_left_out() -> None:
    stored = pl.concat([values("DGS2", d0=1.0, d1=2.0, d2=3.0), values("DGS10", d0=4.0)])

    assert shown(stored, sessions(0, 2), "DGS2").select("session", "value").rows() == [(day(0), 1), (day(2), 3)]
    assert shown(stored, sessions(0)).is_empty()


def test_changes_enter_correlations_beside_returns_and_a_gap_takes_part_in_none() -> None:
    """The yield rises by as much as the fund returns in each session, but for the holiday."""
    moves = [0.01, -0.02, 0.03, 0.01, -0.01, 0.02, 0.04, -0.03, 0.02, 0.01]
    logs = [math.log1p(move) for move in moves]
    level = {f"d{number + 1}": 4 + 100 * sum(logs[: number + 1]) for number in range(10) if number != 4}
    stored = values("DGS10", d0=4.0, **level)
    flows = sessions(*range(11), returns={number + 1: move for number, move in enumerate(moves)})
    changes = daily_changes(shown(stored, flows, "DGS10"))

    assert changes["change"].null_count() == 3, "the first, the holiday and the day after"
    newest = correlations(flows, 10, changes).row(-1, named=True)
    assert (newest["symbol_a"], newest["symbol_b"]) == ("DGS10", "SPY")
    assert newest["correlation"] == pytest.approx(1)


def test_without_series_correlations_are_as_they_were() -> None:
    flows = pl.concat([sessions(*range(9), symbol=name, returns=dict.fromkeys(range(9), 0.01)) for name in "AB"])
    none = daily_changes(shown(values("DGS10"), flows))

    assert correlations(flows, 5, none).equals(correlations(flows, 5))
