"""Money is counted on the session on which it moved, and known when its count is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.cross_asset.flow_map import flow_map
from marketflows_pipeline.transforms.cross_asset.flow_rankings import flow_rankings
from marketflows_pipeline.transforms.cross_asset.share_sources import SHARE_SOURCES
from marketflows_pipeline.transforms.cross_asset.trade_sessions import trade_flows
from marketflows_pipeline_tests.examples import at_most
from marketflows_pipeline_tests.transforms.cross_asset.frames import (
    bars_of,
    column,
    day,
    flows_of,
    shares_of,
    supply_of,
    universe_of,
)

TRADE = ("trade_session", "trade_flow_usd", "share_lag_sessions", "lag_basis")
NAMES = pl.DataFrame({"symbol": ["A", "B"], "name": ["Alpha", "Beta"]})


def fund(source: str, shares: Sequence[float | None], navs: Sequence[float | None], symbol: str = "A") -> pl.DataFrame:
    return shares_of({symbol: shares}, {symbol: navs}, source=source)


def two_funds(large: list[float | None], small: list[float | None]) -> pl.DataFrame:
    """A, nine tenths of all assets, whose counts are of the day, and B, whose counts are a session behind."""
    ones = [1.0] * len(large)
    shares = pl.concat([fund("ssga:navhist", large, ones), fund("blackrock:historical", small, ones, "B")])
    return flows_of(bars_of({"A": ones, "B": ones}), shares)


def test_a_count_of_a_source_that_lags_is_about_the_session_before() -> None:
    """Orders of a day were ranked on the next one: flows and an issuer's own table agreed at one session (r 0.98)."""
    flows = flows_of(
        bars_of({"A": [10.0, 11.0, 12.5]}), fund("blackrock:historical", [100.0, 110.0, 108.0], [10.0, 11.0, 12.0])
    )

    assert flows.select(TRADE).rows() == [
        (None, None, 1, "measured"),
        (day(0), pytest.approx(10 * 10), 1, "measured"),
        (day(1), pytest.approx(-2 * 11), 1, "measured"),
    ]
    # The identity keeps the price of the count's own session, and models what was known when.
    assert column(flows, "share_effect_usd") == column(flows, "flow_usd") == [None, 110, -24]
    assert [moment and moment.date() for moment in column(flows, "known_at")] == [None, day(2), day(3)]


def test_a_lag_changes_no_moment_at_which_a_flow_was_known() -> None:
    bars, navs = bars_of({"A": [1.0] * 4}), [1.0] * 4
    known = [
        flows_of(bars, fund(source, [10.0, 11.0, 12.0, 13.0], navs))["known_at"].to_list()
        for source in ("blackrock:historical", "ssga:navhist")
    ]

    assert known[0] == known[1]


@pytest.mark.parametrize(
    ("source", "lag", "basis"),
    [("ssga:navhist", 0, "unknown"), ("spdr_gold:archive", 0, "measured"), ("folder:shares", 0, "unknown"),
     ("someone:else", 0, "unknown"), ("tutorial:shares", 0, "documented"), ("invesco:snapshot", 0, "unknown"),
     ("grayscale:performance", 1, "documented"), ("twentyone_shares:valuations", 0, "unknown"),
     ("vaneck:derived", 0, "unknown")],
)  # fmt: skip
def test_every_source_says_its_lag_and_how_it_is_known(source: str, lag: int, basis: str) -> None:
    flows = flows_of(bars_of({"A": [1.0, 1.0]}), fund(source, [10.0, 11.0], [1.0, 1.0]))

    assert flows.select(TRADE).row(-1) == (day(1 - lag), 1, lag, basis)


def test_an_unknown_lag_is_none() -> None:
    assert all(each.lag_sessions == 0 for each in SHARE_SOURCES.values() if each.lag_basis == "unknown")


def test_the_settings_know_better() -> None:
    universe = universe_of("A").with_columns(share_lag_sessions=pl.lit(2, pl.Int32), lag_basis=pl.lit(None, pl.String))
    shares = fund("blackrock:historical", [10.0, 10.0, 11.0], [1.0, 2.0, 4.0])
    flows = flows_of(bars_of({"A": [1.0, 2.0, 4.0]}), shares, universe=universe)

    assert flows.select(TRADE).row(-1) == (day(0), 1, 2, "documented")


def test_rankings_end_where_nine_tenths_of_assets_are_known() -> None:
    lagged = two_funds([900.0, 910.0, 920.0, 930.0], [90.0, 91.0, 92.0, 94.0])
    assert rankings(lagged) == [("A", day(3), 10, 1), ("B", day(3), None, 0)]

    # With more than a tenth in the fund whose orders are known a session later, the window ends there.
    lagged = two_funds([900.0, 910.0, 920.0, 930.0], [300.0, 301.0, 302.0, 304.0])
    assert rankings(lagged) == [("A", day(2), 10, 1), ("B", day(2), 2, 1)]
    assert rankings(lagged, window=3) == [("A", day(2), 20, 2), ("B", day(2), 4, 3)]


def test_a_large_fund_without_new_counts_holds_the_window_back() -> None:
    lagged = two_funds([900.0, 910.0, None, None], [90.0, 91.0, 92.0, 94.0])

    assert rankings(lagged) == [("A", day(1), 10, 1), ("B", day(1), 1, 1)]


@pytest.mark.parametrize(
    ("large", "ranked"),
    [
        ([None, None, None, 900.0], [("A", day(2), None, 0), ("B", day(2), 2, 1)]),
        ([None, None, 900.0, 910.0], [("A", day(3), 10, 1), ("B", day(3), None, 0)]),
        ([None, 900.0, 910.0, None], [("A", day(2), 10, 1), ("B", day(2), 2, 1)]),
    ],
)
def test_a_fund_is_waited_for_from_its_first_known_flow_on(large: list[float | None], ranked: list[object]) -> None:
    """An issuer without a history shows one count on the first day: every window ended before that day."""
    assert rankings(two_funds(large, [90.0, 91.0, 92.0, 94.0])) == ranked


@pytest.mark.parametrize(("stopped", "last"), [(22, 1), (23, 23)])
def test_a_fund_without_figures_is_waited_for_21_sessions(stopped: int, last: int) -> None:
    """A fund that was closed would otherwise end every window on its last day."""
    counts: list[float | None] = [900.0, 910.0]
    lagged = two_funds(counts + [None] * stopped, [90.0 + number for number in range(stopped + 2)])

    assert trade_flows(lagged)["session"].max() == lagged["session"].unique().sort()[last]


def test_after_the_only_fund_stopped_no_session_is_known() -> None:
    """Nothing is nine tenths of nothing: the windows went on to the newest session, with flows of nobody."""
    counts: list[float | None] = [900.0, 910.0]
    stopped = flows_of(bars_of({"A": [1.0] * 30}), fund("ssga:navhist", counts + [None] * 28, [1.0] * 30))

    assert trade_flows(stopped)["session"].max() == day(1)


def test_nine_tenths_exactly_are_enough() -> None:
    ones = [1.0] * 3
    large, small = fund("ssga:navhist", [80.0, 85.0, 90.0], ones), fund("ssga:navhist", [10.0, 10.0, None], ones, "B")
    flows = flows_of(bars_of({"A": ones, "B": ones}), pl.concat([large, small]))

    assert trade_flows(flows)["session"].max() == day(2)


def test_issuance_counts_on_its_own_session() -> None:
    """Coins have no lag; without their flows stablecoins issued nothing in any window."""
    supply = supply_of({"USDT": {day(0): (1e9, 1.0), day(1): (1.01e9, 1.0)}})
    moved = trade_flows(flows_of(bars_of({"USDT": [1.0, 1.0]}, coins=["USDT"]), supply=supply))

    assert moved.select("session", "flow_usd", "flow_method").rows() == [
        (day(0), None, "price_only"),
        (day(1), 1e7, "supply"),
    ]


def test_prices_stay_at_their_own_sessions() -> None:
    flows = flows_of(
        bars_of({"A": [10.0, 11.0, 12.0]}), fund("blackrock:historical", [100.0, 110.0, 120.0], [10.0, 11.0, 12.0])
    )
    moved = trade_flows(flows)

    assert moved.select("session", "close_usd", "price_effect_usd", "flow_usd").rows() == [
        (day(0), 10, None, 100),
        (day(1), 11, 100, 110),
    ]


def test_without_assets_of_any_fund_the_newest_session_is_the_last() -> None:
    assert trade_flows(flows_of(bars_of({"A": [1.0, 1.0]})))["session"].max() == day(1)


def test_the_map_goes_by_trade_sessions_too() -> None:
    ranked = flow_rankings(two_funds([900.0, 910.0, 900.0], [300.0, 300.0, 320.0]), NAMES, [1])
    pairs = flow_map(ranked, include_issuance=False).select("from_symbol", "to_symbol", "session", "flow_usd").rows()

    # On the second session both took money in; the outflow of the third is not ranked yet.
    assert pairs == [
        ("(outside the universe)", "A", day(1), 10),
        ("(outside the universe)", "B", day(1), 20),
    ]


COUNTS = st.lists(st.none() | st.floats(1e6, 1.4e6), min_size=8, max_size=8)


@at_most(25)
@given(COUNTS, COUNTS, st.integers(3, 8))
def test_later_sessions_change_no_trade_flow_that_was_told(
    large: list[float | None], small: list[float | None], until: int
) -> None:
    whole, early = two_funds(large, small), two_funds(large[:until], small[:until])
    told = early.select("symbol", "session", *TRADE, "trade_gap_flow_usd")
    # What a source's lag is, is no figure: it is said of all counts, and of none that are not there yet.
    same = whole.join(early, on=["symbol", "session"], how="semi").select(told.columns)
    figures = [name for name in told.columns if name not in {"share_lag_sessions", "lag_basis"}]

    assert told.sort("symbol", "session").select(figures).equals(same.sort("symbol", "session").select(figures))


def rankings(flows: pl.DataFrame, window: int = 1) -> list[tuple[Any, ...]]:
    ranked = flow_rankings(flows, NAMES, [window])
    return ranked.select("symbol", "session", "flow_usd", "sessions_known").rows()
