"""Flows of groups of funds, by hand: what is known is summed, and how much that is stands beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.fund_groups import fund_group_flows, group_sums
from marketflows_pipeline_tests.transforms.cross_asset.frames import assert_in_shape, day, rows_of

GROUP = "spot crypto funds: bitcoin"


def flow(symbol: str, number: int, usd: float | None, cap: float | None = None, gap: float | None = None) -> Any:
    known = usd is not None or gap is not None
    return {
        "symbol": symbol,
        "session": day(number),
        "trade_session": day(number),
        "asset_class": "crypto",
        "close_usd": 1.0,
        "flow_method": "shares" if usd is not None else "price_only",
        "trade_flow_usd": usd,
        "trade_gap_flow_usd": gap,
        "gap_sessions": 2 if gap is not None else None,
        "market_cap_usd": cap,
        # Only funds that have counts are waited for.
        "share_lag_sessions": 0 if known or cap is not None else None,
    }


def universe(**groups: str | None) -> pl.DataFrame:
    rows = [(symbol, group, "supply" if symbol == "COIN" else "blackrock") for symbol, group in groups.items()]
    return pl.DataFrame(
        rows, schema=dict.fromkeys(("symbol", "asset_group", "share_source"), pl.String()), orient="row"
    )


def grouped(assets: pl.DataFrame, *rows: Any) -> pl.DataFrame:
    found = fund_group_flows(rows_of("core.asset_flows", *rows), assets)
    assert_in_shape(found, "mart.fund_group_flows")
    return found


def test_known_flows_are_summed_and_what_they_cover_stands_beside_them() -> None:
    """Two of three funds with 900 of 1,000 known: 30 less 10 is 20, of 90 %; the third is neither 0 nor filled."""
    found = grouped(
        universe(A=GROUP, B=GROUP, C=GROUP),
        *(flow("A", 0, 1.0, 600.0), flow("B", 0, 1.0, 300.0), flow("C", 0, 1.0, 100.0)),
        *(flow("A", 1, 30.0, 600.0), flow("B", 1, -10.0, 300.0), flow("C", 1, None)),
    ).filter(asset_group=GROUP)

    assert found.select("flow_usd", "n_funds", "n_known", "assets_usd", "coverage_pct").rows() == [
        (3, 3, 3, 1000, 100),
        (20, 3, 2, 1000, 90),
    ]
    assert found["as_of"].to_list()[0] == datetime(2026, 3, 2, 21, tzinfo=UTC), "16:00 in New York"


def test_a_fund_whose_assets_were_never_known_is_counted_and_not_weighed() -> None:
    """As Fidelity's, of which nobody has the shares: the percent says nothing of it, so it must not look whole."""
    found = grouped(universe(A=GROUP, B=GROUP, NEVER=GROUP), flow("A", 0, 5.0, 50.0), flow("B", 0, None)).tail(1)

    assert found.select("n_funds", "n_known", "n_with_assets", "coverage_pct").row(0) == (3, 1, 1, 100)


def test_a_session_of_which_nothing_is_known_is_null_and_no_zero() -> None:
    found = grouped(universe(A="sector"), flow("A", 0, None))

    assert found.select("flow_usd", "gap_flow_usd", "assets_usd", "coverage_pct", "n_known").row(0) == (
        *(None,) * 4, 0,
    )  # fmt: skip


def test_what_came_over_a_gap_belongs_to_no_session_of_it() -> None:
    found = grouped(
        universe(A="sector", B="sector"),
        *(flow("A", 0, 1.0, 10.0), flow("B", 0, 1.0, 10.0)),
        *(flow("A", 1, 2.0, 10.0), flow("B", 1, None)),
        *(flow("A", 2, 4.0, 10.0), flow("B", 2, None, 10.0, gap=64.0)),
    )

    assert found.select("flow_usd", "gap_flow_usd", "n_known", "coverage_pct").rows() == [
        (2, None, 2, 100), (2, None, 1, 50), (4, 64, 1, 50),
    ]  # fmt: skip


def test_a_part_of_a_group_is_summed_by_itself_and_in_the_whole_group() -> None:
    found = grouped(
        universe(A="spot crypto funds: bitcoin", B="spot crypto funds: ether"), flow("A", 0, 3.0), flow("B", 0, 4.0)
    )

    assert found.select("asset_group", "flow_usd").rows() == [
        ("spot crypto funds", 7),
        ("spot crypto funds: bitcoin", 3),
        ("spot crypto funds: ether", 4),
    ]


def test_coins_and_assets_without_a_group_are_no_funds_of_any() -> None:
    found = grouped(universe(A="g", B=None, COIN="g"), flow("A", 0, 1.0), flow("B", 0, 2.0), flow("COIN", 0, 4.0))

    assert found.select("asset_group", "flow_usd", "n_funds").rows() == [("g", 1, 1)]
    assert grouped(universe(A=None), flow("A", 0, 1.0)).is_empty(), "the default universe has none"


def test_a_fund_counts_from_its_first_price_on() -> None:
    found = grouped(universe(A="g", B="g"), flow("A", 0, 1.0), flow("A", 1, 1.0), flow("B", 1, 1.0))

    assert found["n_funds"].to_list() == [1, 2]


def test_sums_of_a_window_say_how_much_of_it_is_known() -> None:
    rows = [flow("A", number, usd, 90.0) for number, usd in enumerate([1.0, 2.0, None, 8.0])]
    sums = group_sums(grouped(universe(A="g", B="g"), *rows, flow("B", 0, 1.0, 10.0)), 3)

    assert sums.select("flow_usd", "n_sessions", "sessions_known", "coverage_pct", "least_coverage_pct").row(0) == (
        10, 3, 2, 90, 0,
    )  # fmt: skip


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(1.0, 1e12)), min_size=1, max_size=6), st.data())
def test_the_order_of_funds_and_later_sessions_change_no_sum(funds: list[tuple[float, float]], data: Any) -> None:
    rows = [flow(f"F{number}", 0, usd, cap) for number, (usd, cap) in enumerate(funds)]
    assets = universe(**{row["symbol"]: "g" for row in rows})
    plain = grouped(assets, *rows)

    assert grouped(assets, *data.draw(st.permutations(rows))).equals(plain)
    later = [row | {"session": day(1), "trade_session": day(1), "market_cap_usd": 1.0} for row in rows]
    assert grouped(assets, *rows, *later).head(1).equals(plain)


@pytest.mark.parametrize("flows", [[], [flow("B", 0, 1.0)]])
def test_a_group_none_of_whose_funds_has_a_price_has_no_row(flows: list[Any]) -> None:
    found = fund_group_flows(rows_of("core.asset_flows", *flows), universe(A="g"))

    assert found.equals(table("mart.fund_group_flows").empty())
