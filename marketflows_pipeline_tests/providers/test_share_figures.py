"""Figures of funds: found by name, missing where they are missing, and refused where they contradict each other."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.providers.cross_asset_protocol import SHARES_SCHEMA
from marketflows_pipeline.providers.faults import ShapeError
from marketflows_pipeline.providers.share_figures import convention_shown, read_figures, share_history

COLUMNS = {"session": "Date", "nav_usd": "NAV", "shares": "Shares Outstanding", "net_assets_usd": "Total Net Assets"}
HEADER = ["Date", "NAV", "Shares Outstanding", "Total Net Assets"]


def history(*rows: list[str]) -> pl.DataFrame:
    figures = read_figures([HEADER, *rows], COLUMNS)
    return share_history(figures, symbol="SPY", convention="as_traded", source="test:sheet")


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

    assert read_figures(grid, COLUMNS).rows() == [(4, date(2026, 9, 24), 10.0, 100.0, 1000.0)]


def test_columns_are_found_by_name_wherever_they_stand_and_however_they_are_spelled() -> None:
    grid = [
        ["shares outstanding", "Ex-Dividends", "Total  Net Assets ($)", "nav", "DATE"],
        ["100", "--", "1000", "10", "24-Sep-2026"],
    ]
    columns = {**COLUMNS, "net_assets_usd": "Total Net Assets ($)"}

    assert read_figures(grid, columns).row(0, named=True) == {
        "row": 2,
        "session": date(2026, 9, 24),
        "nav_usd": 10.0,
        "shares": 100.0,
        "net_assets_usd": 1000.0,
    }


def test_a_missing_column_is_named_beside_those_that_are_there() -> None:
    with pytest.raises(
        ShapeError, match=r"expected the columns Date, NAV, Shares Outstanding, .* found Date, NAV, Units"
    ):
        read_figures([["Fund"], ["Date", "NAV", "Units"], ["24-Sep-2026", "10", "5"]], COLUMNS)
    with pytest.raises(ShapeError, match="found none"):
        read_figures([], COLUMNS)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (["24-Sept-2026", "10", "100", "1000"], "`Date` of row 3 should be a date, found '24-Sept-2026'"),
        (["", "10", "100", "1000"], "`Date` of row 3 should be a date, found ''"),
        (["31-Feb-2026", "10", "100", "1000"], "`Date` of row 3 should be a date, found '31-Feb-2026'"),
        (["24-Sep-2026", "ten", "100", "1000"], "`NAV` of row 3 should be a number that is not negative, found 'ten'"),
        (["24-Sep-2026", "10", "-100", "1000"], "`Shares Outstanding` of row 3 should be a number .* found '-100'"),
        (["24-Sep-2026", "10", "100", "inf"], "`Total Net Assets` of row 3 should be a number .* found 'inf'"),
        (["24-Sep-2026", "10", "NaN", "1000"], "`Shares Outstanding` of row 3 should be a number .* found 'NaN'"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(row: list[str], said: str) -> None:
    with pytest.raises(ShapeError, match=said):
        history(["25-Sep-2026", "10", "100", "1000"], row)


def test_a_table_without_rows_is_no_history() -> None:
    with pytest.raises(ShapeError, match="no row with figures"):
        history(["24-Sep-2026", "--", "--", "--"])


@pytest.mark.parametrize(("net_assets", "is_fine"), [("980.5", True), ("1020", True), ("975", False), ("1025", False)])
def test_shares_times_net_asset_value_is_what_the_fund_holds_within_two_percent(net_assets: str, is_fine: bool) -> None:
    row = ["24-Sep-2026", "10", "100", net_assets]
    if is_fine:
        assert history(row)["shares"].to_list() == [100.0]
        return
    with pytest.raises(
        ShapeError, match=r"row 2 \(2026-09-24\): 100\.00 shares times net asset value is not what the fund"
    ):
        history(row)


def test_a_date_that_was_taken_for_a_count_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"row 2 \(2026-04-01\): 20,260,331\.00 shares"):
        history(["01-Apr-2026", "40", "20260331", "12000000000"])
    only_nav = {"session": "Date", "nav_usd": "NAV", "shares": "Shares Outstanding"}
    for said in ("20260331", "20250401", "20270401"):
        alone = read_figures([HEADER, ["01-Apr-2026", "40", said]], only_nav)
        with pytest.raises(ShapeError, match=rf"{int(said):,}\.00 shares is a date"):
            share_history(alone, symbol="IBIT", convention="as_traded", source="test:sheet")


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
    read = read_figures([HEADER, *shuffled], columns)
    if read["shares"].is_between(20_200_000, 20_300_000).any():
        return
    frame = share_history(read, symbol="SPY", convention="as_traded", source="test:sheet")

    assert frame["nav_usd"].to_list() == [nav for nav, _ in values]
    assert frame["shares"].to_list() == [float(shares) for _, shares in values]
