"""People's own files: read as documented, or refused in one line that names file, line, column and value."""

from __future__ import annotations

import logging
import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.providers.local_files.folder import Folder
from marketflows_pipeline.providers.protocols.cross_asset import (
    ACTION_SCHEMA,
    BAR_SCHEMA,
    SHARES_SCHEMA,
    VOLATILITY_SCHEMA,
    PriceProvider,
    SharesProvider,
    VolatilityProvider,
)
from marketflows_pipeline_tests.examples import at_most
from marketflows_pipeline_tests.providers.local_files.conftest import BARS, CLOCK, EVER, write


def test_it_is_a_provider_of_all_three(folder: Folder) -> None:
    prices: PriceProvider = folder
    shares: SharesProvider = folder
    volatility: VolatilityProvider = folder

    assert prices.name == shares.name == volatility.name == "folder"


def test_bars_are_those_of_the_file_by_session(folder: Folder, tmp_path: Path) -> None:
    write(tmp_path, "bars/SPY.csv", BARS + "2026-01-06,2,4,1,3,50\n2026-01-05,1,2,0.5,1.5,1e6\n")

    history = folder.daily_bars("SPY", "spy.us", *EVER)

    assert history.bars.schema == BAR_SCHEMA
    assert history.actions.schema == ACTION_SCHEMA
    assert history.bars.rows() == [
        ("SPY", date(2026, 1, 5), 1.0, 2.0, 0.5, 1.5, None, 1.5, 1e6, "shares", "folder:bars"),
        ("SPY", date(2026, 1, 6), 2.0, 4.0, 1.0, 3.0, None, 3.0, 50.0, "shares", "folder:bars"),
    ]


def test_a_session_without_a_close_is_left_out_and_other_missing_figures_are_null(
    folder: Folder, tmp_path: Path
) -> None:
    write(tmp_path, "bars/SPY.csv", BARS + "2026-01-05,1,2,1,,5\n2026-01-06,,NaN,null,3,.\n")

    bars = folder.daily_bars("SPY", "", *EVER).bars

    assert bars.select("session", "open_usd", "high_usd", "low_usd", "close_usd", "volume").rows() == [
        (date(2026, 1, 6), None, None, None, 3.0, None)
    ]


def test_columns_may_be_in_any_order_and_case_and_dates_may_be_midnights(folder: Folder, tmp_path: Path) -> None:
    text = "Volume,Adjusted Close,CLOSE,Low,High,Open,Date,Volume Unit\n5,2.9,3,1,4,2,2026-01-05 00:00:00,usd\n"
    write(tmp_path, "bars/BTC.csv", text, encoding="utf-8-sig")

    bar = folder.daily_bars("BTC", "", *EVER).bars.row(0, named=True)

    assert bar["session"] == date(2026, 1, 5)
    assert (bar["adjusted_close_usd"], bar["volume_unit"], bar["close_usd"]) == (2.9, "usd", 3.0)


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [("2026-01-05", "2026-01-07", [5, 6, 7]), ("2026-01-06", "2026-01-06", [6]), ("2026-02-01", "2026-02-02", [])],
)
def test_only_the_sessions_asked_for_are_given(
    folder: Folder, tmp_path: Path, start: str, end: str, days: list[int]
) -> None:
    write(tmp_path, "bars/SPY.csv", BARS + "".join(f"2026-01-0{day},1,2,1,1,5\n" for day in (4, 5, 6, 7, 8)))

    bars = folder.daily_bars("SPY", "", date.fromisoformat(start), date.fromisoformat(end)).bars

    assert [session.day for session in bars["session"]] == days


def test_a_split_gives_prices_as_they_were_traded(folder: Folder, tmp_path: Path) -> None:
    # Closes 17.0, 17.1, 17.2 are adjusted for a 10:1 split on the 7th: those before it were traded at 170 and 171.
    rows = "2026-01-05,17,17,17,17.0,1000\n2026-01-06,17,18,17,17.1,1000\n2026-01-07,17,18,17,17.2,1000\n"
    write(tmp_path, "bars/SLV.csv", BARS + rows)
    write(tmp_path, "splits.csv", "symbol,date,ratio\nSLV,2026-01-07,10\nXLK,2026-01-06,2\n")
    write(tmp_path, "dividends.csv", "symbol,date,amount\nSLV,2026-01-06,0.25\n")

    history = folder.daily_bars("SLV", "", *EVER)

    assert history.bars["as_traded_close_usd"].to_list() == pytest.approx([170.0, 171.0, 17.2])
    assert history.actions.rows() == [
        ("SLV", date(2026, 1, 6), "dividend", 0.25, "folder:dividends"),
        ("SLV", date(2026, 1, 7), "split", 10.0, "folder:splits"),
    ]
    early = folder.daily_bars("SLV", "", date(2026, 1, 1), date(2026, 1, 5))
    assert early.bars["as_traded_close_usd"].to_list() == pytest.approx([170.0])
    assert early.actions.is_empty()


def test_a_spin_off_smaller_than_a_day_s_move_is_told_by_the_shares(folder: Folder, tmp_path: Path) -> None:
    write(tmp_path, "splits.csv", "symbol,date,ratio\nSPY,2026-01-07,1.02\n")
    write(tmp_path, "bars/SPY.csv", BARS + "2026-01-06,102,102,102,102,5\n2026-01-07,100,100,100,100,5\n")
    assert folder.daily_bars("SPY", "", *EVER).bars.height == 2

    write(tmp_path, "shares/SPY.csv", "date,shares,nav\n2026-01-06,1000,102\n2026-01-07,1020,100\n")
    with pytest.raises(UserInputError, match="expected prices adjusted for the split of 2026-01-07"):
        folder.daily_bars("SPY", "", *EVER)


def test_files_of_splits_may_have_no_rows(folder: Folder, tmp_path: Path) -> None:
    write(tmp_path, "bars/SPY.csv", BARS + "2026-01-05,1,2,1,1,5\n")
    write(tmp_path, "splits.csv", "symbol,date,ratio\n")

    assert folder.daily_bars("SPY", "", *EVER).actions.is_empty()


def test_shares_are_those_of_the_file(folder: Folder, tmp_path: Path) -> None:
    text = (
        "date,shares,nav,net_assets,published_at,convention\n"
        "2026-01-06,110,10,1100,2026-01-07T08:30:00-05:00,split_adjusted\n"
        "2026-01-05,100,10,,,\n"
    )
    write(tmp_path, "shares/SPY.csv", text)

    frame = folder.shares_outstanding("SPY", "")

    assert frame.schema == SHARES_SCHEMA
    assert frame.rows() == [
        ("SPY", date(2026, 1, 5), 100.0, 10.0, None, "as_traded", None, "folder:shares"),
        (
            "SPY",
            date(2026, 1, 6),
            110.0,
            10.0,
            1100.0,
            "split_adjusted",
            datetime(2026, 1, 7, 13, 30, tzinfo=UTC),
            "folder:shares",
        ),
    ]


def test_a_fund_may_have_net_assets_alone_and_rows_with_neither_are_left_out(folder: Folder, tmp_path: Path) -> None:
    write(tmp_path, "shares/qqq_us.csv", "date,net_assets,nav\n2026-01-05,1000,10\n2026-01-06,,11\n2026-01-07,1200,\n")

    frame = folder.shares_outstanding("QQQ", "qqq_us")

    assert frame.select("symbol", "session", "shares", "net_assets_usd").rows() == [
        ("QQQ", date(2026, 1, 5), None, 1000.0),
        ("QQQ", date(2026, 1, 7), None, 1200.0),
    ]


def test_volatility_is_that_of_the_file(folder: Folder, tmp_path: Path) -> None:
    write(tmp_path, "volatility/VIX3M.csv", "date,close\n2026-01-06,17.5\n2026-01-05,.\n2026-01-02,16.25\n")

    frame = folder.volatility_index("VIX3M")

    assert frame.schema == VOLATILITY_SCHEMA
    assert frame.rows() == [
        ("VIX3M", date(2026, 1, 2), 16.25, "folder:volatility"),
        ("VIX3M", date(2026, 1, 6), 17.5, "folder:volatility"),
    ]


def test_blanks_around_values_do_not_count(folder: Folder, tmp_path: Path) -> None:
    write(tmp_path, "volatility/VIX.csv", "date , close\n2026-01-05 ,  17.5\n 2026-01-06, NaN \n")

    assert folder.volatility_index("VIX").select("session", "close").rows() == [(date(2026, 1, 5), 17.5)]


def test_data_that_is_made_up_may_say_so(tmp_path: Path) -> None:
    write(tmp_path, "volatility/VIX.csv", "date,close\n2026-01-06,17.5\n")

    assert Folder(tmp_path, clock=CLOCK, source="synthetic").volatility_index("VIX")["source"].to_list() == [
        "synthetic:volatility"
    ]


def test_columns_that_mean_nothing_are_ignored_with_a_line_in_the_log(
    folder: Folder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = write(tmp_path, "volatility/VIX.csv", "Date,Open,Close,,notes\n2026-01-05,16,17,,a day\n")

    with caplog.at_level(logging.INFO, logger="marketflows_pipeline"):
        assert folder.volatility_index("VIX")["close"].to_list() == [17.0]

    messages = [record.getMessage() for record in caplog.records]
    assert messages == [f"{file}: ignored columns that mean nothing here: open, unnamed_4, notes"]


def test_parquet_may_have_dates_moments_and_numbers_of_any_kind(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "shares").mkdir()
    frame = pl.DataFrame(
        {
            "date": [datetime(2026, 1, 5), datetime(2026, 1, 6)],  # noqa: DTZ001 - a day that pandas made a moment
            "shares": [1_435_600_000, None],
            "nav": [95.113595, math.nan],
            "net_assets": pl.Series([None, 5], dtype=pl.Float32),
            "published_at": pl.Series([datetime(2026, 1, 6, 13, 30, tzinfo=UTC), None], dtype=pl.Datetime("ns", "UTC")),
            "holdings": [["a"], ["b"]],
        }
    )
    frame.write_parquet(tmp_path / "shares" / "TLT.parquet")

    rows = folder.shares_outstanding("TLT", "").select("session", "shares", "nav_usd", "net_assets_usd", "published_at")

    assert rows.rows() == [
        (date(2026, 1, 5), 1435600000.0, 95.113595, None, datetime(2026, 1, 6, 13, 30, tzinfo=UTC)),
        (date(2026, 1, 6), None, None, 5.0, None),
    ]


def within_the_day(bar: dict[str, Any]) -> dict[str, Any]:
    """The bar with its open and close between its low and high."""
    low, high = bar["low"] or 0.0, bar["high"] or math.inf
    return bar | {name: None if bar[name] is None else min(max(bar[name], low), high) for name in ("open", "close")}


figure = st.none() | st.floats(1e-6, 1e15, allow_subnormal=False)
a_bar = st.fixed_dictionaries(
    {
        "open": figure,
        "low": st.none() | st.floats(1e-6, 1),
        "high": st.none() | st.floats(1, 1e12),
        "close": st.floats(1e-6, 1e12),
        "adjusted_close": figure,
        "volume": st.none() | st.floats(0, 1e18),
        "volume_unit": st.sampled_from(["shares", "usd"]),
    }
).map(within_the_day)


@pytest.mark.slow
@at_most(40)
@given(st.lists(a_bar, min_size=1, max_size=15), st.sampled_from(["csv", "parquet"]), st.randoms(use_true_random=False))
def test_what_is_written_is_read_back_to_the_last_digit(bars: list[dict[str, Any]], suffix: str, rng: Any) -> None:
    days = [date(2026, 1, 5) + timedelta(days=at) for at in range(len(bars))]
    schema = {name: pl.String if name == "volume_unit" else pl.Float64 for name in bars[0]}
    written = pl.DataFrame(bars, schema=schema).insert_column(0, pl.Series("date", days))
    shuffled = written[rng.sample(range(len(bars)), len(bars))]

    with TemporaryDirectory() as name:
        (Path(name) / "bars").mkdir()
        file = Path(name) / "bars" / f"SPY.{suffix}"
        _ = shuffled.write_csv(file) if suffix == "csv" else shuffled.write_parquet(file)
        read = Folder(Path(name), clock=CLOCK).daily_bars("SPY", "", *EVER).bars

    prices = ("open", "high", "low", "close", "adjusted_close")
    expected = written.rename({"date": "session", **{price: f"{price}_usd" for price in prices}})
    assert_frame_equal(read.select(expected.columns), expected, check_exact=True)


a_row = st.fixed_dictionaries(
    {
        "shares": st.none() | st.integers(1, 10**12),
        "net_assets": figure,
        "convention": st.sampled_from(["as_traded", "split_adjusted"]),
    }
)


@at_most(40)
@given(st.lists(a_row, min_size=1, max_size=15), st.sampled_from(["csv", "parquet"]))
def test_shares_are_read_back_as_they_were_written(rows: list[dict[str, Any]], suffix: str) -> None:
    days = [date(2026, 1, 5) + timedelta(days=at) for at in range(len(rows))]
    schema = {"shares": pl.Int64, "net_assets": pl.Float64, "convention": pl.String}
    written = pl.DataFrame(rows, schema=schema).insert_column(0, pl.Series("date", days))

    with TemporaryDirectory() as name:
        (Path(name) / "shares").mkdir()
        file = Path(name) / "shares" / f"SPY.{suffix}"
        _ = written.write_csv(file) if suffix == "csv" else written.write_parquet(file)
        read = Folder(Path(name), clock=CLOCK).shares_outstanding("SPY", "")

    known = written.filter(pl.col("shares").is_not_null() | pl.col("net_assets").is_not_null())
    expected = known.select(
        session="date", shares=pl.col("shares").cast(pl.Float64), net_assets_usd="net_assets", convention="convention"
    )
    assert_frame_equal(read.select(expected.columns), expected, check_exact=True)


def test_a_file_may_begin_in_1900_and_end_today(folder: Folder, tmp_path: Path) -> None:
    write(tmp_path, "volatility/VIX.csv", "date,close\n1900-01-01,20\n2026-10-10,21\n")

    assert folder.volatility_index("VIX").height == 2
