from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest

from marketflows_pipeline.providers.protocols.cross_asset import BAR_SCHEMA
from marketflows_pipeline.transforms.cross_asset.session_bars import (
    is_no_new_york_day,
    is_outside,
    one_bar_a_session,
    with_open_sessions,
)

FRIDAY = date(2026, 10, 9)
Figures = tuple[float | None, float | None, float | None, float, float | None]


def bars_of(*figures: Figures, session: date = FRIDAY, basis: float = 1.0, unit: str = "shares") -> pl.DataFrame:
    """Rows of one session: open, high, low, close, volume; `basis` is what later splits multiply to."""
    rows = [
        ("SPY", session, opened, high, low, close, close / 2, close * basis, volume, unit, "folder:bars")
        for opened, high, low, close, volume in figures
    ]
    return pl.DataFrame(rows, schema=BAR_SCHEMA, orient="row")


def figures_of(bars: pl.DataFrame) -> list[tuple[object, ...]]:
    return bars.select("open_usd", "high_usd", "low_usd", "close_usd", "volume").rows()


def test_rows_of_one_session_are_one_bar_whose_volume_is_not_undone() -> None:
    """A later row with volume 0 took the place of 90 million shares."""
    bars = one_bar_a_session(bars_of((10, 12, 9, 11, 9e7), (11.5, 11.5, 11.5, 11.5, 0)))

    assert figures_of(bars) == [(10, 12, 9, 11.5, 9e7)]
    assert bars.select("adjusted_close_usd", "as_traded_close_usd").rows() == [(5.75, 11.5)], "of the last close"


def test_a_missing_figure_leaves_what_was_told_before() -> None:
    """Null is no figure, so neither the highest nor the last."""
    bars = one_bar_a_session(bars_of((None, None, 9, 11, 5), (10, 13, None, 12, None)))

    assert figures_of(bars) == [(10, 13, 9, 12, 5)]


def test_between_answers_before_the_close_nothing_is_lowered() -> None:
    """The second answer of an open session told a narrower range, and volume 0."""
    stored = bars_of((10, 12, 9, 11, 9e7))
    bars = with_open_sessions(bars_of((10.5, 11, 10, 10.2, 0)), stored, last_complete=date(2026, 10, 8))

    assert figures_of(bars) == [(10, 12, 9, 10.2, 9e7)]


def test_an_answer_after_the_close_replaces_what_was_told_before() -> None:
    """An erroneous high of an open session would stay for good."""
    bars = with_open_sessions(bars_of((10.5, 11, 10, 10.2, 8e7)), bars_of((10, 99, 9, 11, 9e7)), last_complete=FRIDAY)

    assert figures_of(bars) == [(10.5, 11, 10, 10.2, 8e7)]


@pytest.mark.parametrize(("basis", "unit"), [(4.0, "shares"), (1.0, "usd")])
def test_bars_of_another_split_basis_or_unit_are_not_put_together(basis: float, unit: str) -> None:
    """A high of before a 4:1 split is no high of after it, nor are dollars shares."""
    stored = bars_of((40, 48, 36, 44, 9e7), basis=1.0)
    bars = with_open_sessions(
        bars_of((10.5, 11, 10, 10.2, 1e6), basis=basis, unit=unit), stored, last_complete=date(2026, 10, 8)
    )

    assert figures_of(bars) == [(10.5, 11, 10, 10.2, 1e6)]


def test_stored_sessions_that_an_answer_does_not_hold_are_not_added() -> None:
    """An answer is put together with what it tells of alone."""
    stored = bars_of((10, 12, 9, 11, 9e7), session=date(2026, 10, 10))
    bars = with_open_sessions(bars_of((1, 1, 1, 1, 1)), stored, last_complete=date(2026, 10, 8))

    assert bars["session"].to_list() == [FRIDAY]


@pytest.mark.parametrize(
    ("close", "outside"), [(12.0, False), (12.001, False), (12.01, True), (9.0, False), (8.9995, False), (8.98, True)]
)
def test_a_close_outside_its_range_is_seen_beyond_rounding(close: float, outside: bool) -> None:
    """A close outside low to high gave a money-flow multiplier of -3."""
    bars = bars_of((10, 12, 9, close, 1), (10, None, None, close, 1))

    assert bars.select(is_outside("close_usd")).to_series().to_list() == [outside, False]


@pytest.mark.parametrize(
    ("day", "idle"),
    [("2026-10-09", False), ("2026-10-10", True), ("2026-10-11", True), ("1952-09-27", False), ("1952-10-04", True),
     ("1952-09-28", True)],
)  # fmt: skip
def test_new_york_trades_on_no_weekend_but_did_on_saturdays_until_1952(day: str, idle: bool) -> None:
    """A Saturday row of a fund doubled Friday's volume in a window of sessions."""
    frame = pl.DataFrame({"session": [datetime.fromisoformat(day).date()]})

    assert frame.select(is_no_new_york_day(pl.col("session"))).item() is idle
