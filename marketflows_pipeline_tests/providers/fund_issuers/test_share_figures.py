"""Figures of funds: found by name, missing where they are missing, and refused where they contradict each other."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.providers.bad_rows import BadRows
from marketflows_pipeline.providers.fund_issuers.share_figures import convention_shown, read_figures, share_history
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.protocols.cross_asset import SHARES_SCHEMA

NOW = datetime(2026, 10, 1, tzinfo=UTC)
COLUMNS = {"session": "Date", "nav_usd": "NAV", "shares": "Shares Outstanding", "net_assets_usd": "Total Net Assets"}
HEADER = ["Date", "NAV", "Shares Outstanding", "Total Net Assets"]


def history(*rows: list[str]) -> pl.DataFrame:
    return history_of([HEADER, *rows], COLUMNS)


def history_of(grid: list[list[str]], columns: dict[str, str]) -> pl.DataFrame:
    left_out = BadRows("test:sheet")
    figures = read_figures(grid, columns, left_out, NOW)
    return share_history(figures, left_out, symbol="SPY", convention="as_traded", source="test:sheet")


def figures(*rows: tuple[str, float | None, float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [(date.fromisoformat(day), nav, shares) for day, nav, shares in rows],
        schema={"session": pl.Date, "nav_usd": pl.Float64, "shares": pl.Float64},
        orient="row",
    )


def test_rows_are_in_order_and_complete() -> None:
    frame = history(
        ["24-Sep-2026", "767.436258", "1066782116", "818687275737.58"],
        ["23-Sep-2026", "767.610247", "1047332116", "803942864100.41"],
    )

    assert frame.schema == SHARES_SCHEMA
    assert frame.rows() == [
        ("SPY", date(2026, 9, 23), 1047332116.0, 767.610247, 803942864100.41, "as_traded", None, "test:sheet"),
        ("SPY", date(2026, 9, 24), 1066782116.0, 767.436258, 818687275737.58, "as_traded", None, "test:sheet"),
    ]


@pytest.mark.parametrize(
    "said",
    ["24-Sep-2026", "Sep 24, 2026", "2026-09-24", "2026-09-24 00:00:00", "2026-09-24T16:30:00.000", "46289", "46289.0"],
)
def test_a_date_may_be_written_in_every_way_that_issuers_use(said: str) -> None:
    assert history([said, "10", "100", "1000"])["session"].to_list() == [date(2026, 9, 24)]


def test_figures_may_have_dollars_and_commas() -> None:
    assert history(["24-Sep-2026", "$10.00", " 1,000 ", "$10,000.00"]).select("shares", "nav_usd").row(0) == (
        1000.0,
        10.0,
    )


@pytest.mark.parametrize(
    "said", ["", "-", "--", "—", "N/A", "n/a", "AWAITED NAV", "NYSE Closed", "US Holiday", "0", "0.0"]
)
def test_a_figure_that_is_missing_is_null_and_never_zero(said: str) -> None:
    assert history(["24-Sep-2026", "10", said, "1000"])["shares"].to_list() == [None]


def test_titles_blank_rows_and_notices_are_no_rows() -> None:
    grid = [
        ["Fund Name:", "SPDR"],
        [],
        ["", *HEADER],
        ["", "24-Sep-2026", "10", "100", "1000"],
        ["", "23-Sep-2026", "HOLIDAY", "HOLIDAY", "HOLIDAY"],
        [],
        ["", "Before investing, consider", "all", "of it", ""],
    ]

    assert read_figures(grid, COLUMNS, BadRows("test"), NOW).rows() == [(4, date(2026, 9, 24), 10.0, 100.0, 1000.0)]


def test_columns_are_found_by_name_wherever_they_stand_and_however_they_are_spelled() -> None:
    grid = [
        ["shares outstanding", "Ex-Dividends", "Total  Net Assets ($)", "nav", "DATE"],
        ["100", "--", "1000", "10", "24-Sep-2026"],
    ]
    columns = {**COLUMNS, "net_assets_usd": "Total Net Assets ($)"}

    assert read_figures(grid, columns, BadRows("test"), NOW).row(0, named=True) == {
        "row": 2,
        "session": date(2026, 9, 24),
        "nav_usd": 10.0,
        "shares": 100.0,
        "net_assets_usd": 1000.0,
    }


def test_a_missing_column_is_named_beside_those_that_are_there() -> None:
    with pytest.raises(
        ParseError, match=r"expected the columns Date, NAV, Shares Outstanding, .* found Date, NAV, Units"
    ):
        read_figures([["Fund"], ["Date", "NAV", "Units"], ["24-Sep-2026", "10", "5"]], COLUMNS, BadRows("test"), NOW)
    with pytest.raises(ParseError, match="found none"):
        read_figures([], COLUMNS, BadRows("test"), NOW)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (["24-Sept-2026", "10", "100", "1000"], "`Date` should be a date, found '24-Sept-2026'"),
        (["", "10", "100", "1000"], "`Date` should be a date, found ''"),
        (["31-Feb-2026", "10", "100", "1000"], "`Date` should be a date, found '31-Feb-2026'"),
        (["24-Sep-2026", "ten", "100", "1000"], "`NAV` should be a number that is not negative, found 'ten'"),
        (["24-Sep-2026", "10", "-100", "1000"], "`Shares Outstanding` should be a number that is not negative"),
        (["24-Sep-2026", "10", "100", "inf"], "`Total Net Assets` should be a number that is not negative"),
        (["24-Sep-2026", "10", "NaN", "1000"], "`Shares Outstanding` should be a number that is not negative"),
        (["24-Sep-2026", "10", "1e400", "1000"], "`Shares Outstanding` should be a number that is not negative"),
        (
            ["24-Sep-2026", "#REF!", "#REF!", "#REF!"],
            "`Shares Outstanding` should be a number that is not negative",
        ),
        (["24-Sep-1926", "10", "100", "1000"], "1926-09-24 should be from 1990-01-01 to 2026-10-01"),
        (["24-Sep-2027", "10", "100", "1000"], "2027-09-24 should be from 1990-01-01 to 2026-10-01"),
        (["24-Sep-2026", "10", "100", "1025"], "100.00 shares times net asset value is not what the fund holds"),
        (["24-Sep-2026", "10", "100", "975"], "100.00 shares times net asset value is not what the fund holds"),
        (["24-Sep-2026", "40", "20260924", "12000000000"], "20,260,924.00 shares times net asset value is not what"),
    ],
)
def test_a_row_that_cannot_be_read_or_cannot_be_true_is_left_out_and_named(
    row: list[str], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One cell of twenty years of a fund's sheet once kept all of them from being read."""
    with caplog.at_level(logging.WARNING):
        frame = history(["23-Sep-2026", "10", "100", "1000"], row, ["22-Sep-2026", "10", "100", "1000"])

    assert frame["session"].to_list() == [date(2026, 9, 22), date(2026, 9, 23)]
    (line,) = caplog.messages
    assert line.startswith("test:sheet: 1 rows left out: row 3")
    assert said in line


def test_a_sheet_of_which_more_than_one_row_in_twenty_cannot_be_read_is_refused() -> None:
    good = [[f"{day:02}-Sep-2026", "10", "100", "1000"] for day in range(1, 19)]
    bad = ["24-Sep-2026", "ten", "100", "1000"]

    assert history(*good, bad).height == 18
    with pytest.raises(ParseError, match=r"2 of 20 rows are malformed, more than 5%; the first: row 20: `NAV` should"):
        history(*good, bad, bad)


def test_a_sheet_of_impossible_days_is_refused() -> None:
    early = [f"{day:02}-Sep-1926" for day in range(1, 4)]

    with pytest.raises(ParseError, match="3 of 4 rows have an impossible time, more than half"):
        history(["23-Sep-2026", "10", "100", "1000"], *([day, "10", "100", "1000"] for day in early))


def test_a_table_without_rows_is_no_history() -> None:
    with pytest.raises(ParseError, match="no row with figures"):
        history(["24-Sep-2026", "--", "--", "--"])


@pytest.mark.parametrize("net_assets", ["980.5", "1020"])
def test_net_assets_may_miss_shares_times_net_asset_value_by_two_percent(net_assets: str) -> None:
    assert history(["24-Sep-2026", "10", "100", net_assets])["shares"].to_list() == [100.0]


@pytest.mark.parametrize("said", ["20260331", "20250401", "20270401"])
def test_a_date_that_was_taken_for_a_count_is_left_out(said: str, caplog: pytest.LogCaptureFixture) -> None:
    only_nav = {"session": "Date", "nav_usd": "NAV", "shares": "Shares Outstanding"}
    with caplog.at_level(logging.WARNING):
        frame = history_of([HEADER, ["31-Mar-2026", "40", "100"], ["01-Apr-2026", "40", said]], only_nav)
    assert frame["session"].to_list() == [date(2026, 3, 31)]
    assert f"row 3 (2026-04-01): {int(said):,}.00 shares is a date" in caplog.text


@pytest.mark.parametrize("count", ["20260331", "20150331", "20261331", "20200000"])
def test_a_count_that_net_assets_vouch_for_or_that_is_no_near_date_is_kept(count: str) -> None:
    net_assets = f"{40 * int(count)}"
    assert history(["01-Apr-2026", "40", count, net_assets])["shares"].to_list() == [float(count)]
    if count != "20260331":
        assert history(["01-Apr-2026", "40", count, ""])["shares"].to_list() == [float(count)]


def test_of_two_rows_for_a_session_the_later_in_the_file_stands() -> None:
    frame = history(
        ["24-Sep-2026", "10", "100", "1000"], ["23-Sep-2026", "10", "90", "900"], ["24-Sep-2026", "10", "110", "1100"]
    )

    assert frame.select("session", "shares").rows() == [(date(2026, 9, 23), 90.0), (date(2026, 9, 24), 110.0)]


def test_figures_of_their_day_show_a_split() -> None:
    # 10:1: value falls to a tenth, shares grow tenfold, and some come on top.
    as_traded = figures(("2026-01-05", 170.0, 1e6), ("2026-01-07", 17.1, 1.05e7), ("2026-01-06", None, 2e6))

    assert convention_shown(as_traded) == "as_traded"


@pytest.mark.parametrize("ratio", [2, 3, 1.5, 10, 0.5, 0.2])
def test_splits_of_every_size_show_and_reverse_ones_too(ratio: float) -> None:
    rows = figures(("2026-01-05", 100.0, 1e6), ("2026-01-06", 100.0 / ratio, 1e6 * ratio))

    assert convention_shown(rows) == "as_traded"


@pytest.mark.parametrize(
    "rows",
    [
        # Nothing happened.
        figures(("2026-01-05", 170.0, 1e6), ("2026-01-06", 171.0, 1.1e6)),
        # A young fund tripled; its value did not fall.
        figures(("2026-01-05", 25.0, 1e5), ("2026-01-06", 25.1, 3e5)),
        # A crash without new shares.
        figures(("2026-01-05", 100.0, 1e6), ("2026-01-06", 55.0, 1e6)),
        figures(("2026-01-05", 100.0, None), ("2026-01-06", 10.0, 1e7)),
        figures(),
    ],
)
def test_what_shows_no_split_is_in_present_shares(rows: pl.DataFrame) -> None:
    assert convention_shown(rows) == "split_adjusted"


def test_years_of_growth_are_no_split_in_whatever_order_the_rows_come() -> None:
    # Value grows by a fifth a year while shares shrink as much: in order no step is a split, across years each is.
    rows = [(f"{2000 + year}-01-03", 10 * 1.2**year, 1e8 / 1.2**year) for year in range(20)]
    shuffled = [row for pair in zip(rows[:10], rows[10:], strict=True) for row in pair]

    assert convention_shown(figures(*shuffled)) == "split_adjusted"


@given(
    st.lists(st.tuples(st.floats(1, 1e4, allow_subnormal=False), st.integers(1_000, 10**10)), min_size=1, max_size=30),
    st.randoms(use_true_random=False),
)
def test_what_was_written_is_read_back_by_session_whatever_the_order(
    values: list[tuple[float, int]], rng: object
) -> None:
    first = date(2026, 1, 5)
    rows = [
        [(first + timedelta(days=at)).isoformat(), repr(nav), f"{shares:,}", ""]
        for at, (nav, shares) in enumerate(values)
    ]
    shuffled = list(rows)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]

    columns = {name: column for name, column in COLUMNS.items() if name != "net_assets_usd"}
    if any(20_200_000 <= shares <= 20_300_000 for _, shares in values):
        return
    frame = history_of([HEADER, *shuffled], columns)

    assert frame["nav_usd"].to_list() == [nav for nav, _ in values]
    assert frame["shares"].to_list() == [float(shares) for _, shares in values]
