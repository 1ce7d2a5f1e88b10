from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.cross_asset.flow_windows import (
    daily_flows,
    flow_windows,
    largest_shocks,
    newest_windows,
    streaks,
    units_of,
)
from marketflows_pipeline.transforms.cross_asset.trade_sessions import trade_flows
from marketflows_pipeline_tests.transforms.cross_asset.frames import day, rows_of

Flows = list[float | None]


def flows_of(**assets: Any) -> pl.DataFrame:
    """Asset to its flows, one a day; class, method, caps and gaps where they are given with it."""
    rows = []
    for symbol, given_ in assets.items():
        what: dict[str, Any] = given_ if isinstance(given_, dict) else {"flows": given_}
        flows: Flows = what["flows"]
        for number, flow in enumerate(flows):
            gap, span = what.get("gaps", {}).get(number, (None, None))
            rows.append(
                {
                    "symbol": symbol,
                    "session": day(number),
                    "trade_session": day(number),
                    "asset_class": what.get("asset_class", "equity"),
                    "flow_method": what.get("method", "shares") if flow is not None else "price_only",
                    "trade_flow_usd": flow,
                    "trade_gap_flow_usd": gap,
                    "gap_sessions": span,
                    "market_cap_usd": what.get("caps", [100.0] * len(flows))[number],
                    "close_usd": 1.0,
                }
            )
    return trade_flows(rows_of("core.asset_flows", *rows))


def windows(length: int, name: str = "A", **assets: Any) -> list[tuple[float | None, float | None]]:
    """Flow and percent of assets of every window of a length."""
    found = flow_windows(flows_of(**assets), [length]).filter(level="asset", name=name)
    return found.select("flow_usd", "flow_pct").rows()


def test_every_window_is_a_sum_in_percent_of_the_assets_before_it() -> None:
    # The assets before the window of days 1 and 2 are those of day 0.
    assert windows(2, A={"flows": [1.0, 2.0, 4.0, 8.0], "caps": [50.0, 100.0, 200.0, 400.0]}) == [
        (None, None),
        (3.0, None),
        (6.0, 12.0),
        (12.0, 12.0),
    ]


def test_a_session_of_unknown_flow_leaves_its_windows_unknown() -> None:
    """A sum of four of five sessions is no window of five to compare with others."""
    assert [flow for flow, _ in windows(2, A=[1.0, 2.0, None, 4.0, 8.0])] == [None, 3.0, None, None, 12.0]


def test_the_flow_of_a_gap_counts_in_windows_that_hold_all_of_it() -> None:
    # Sessions 1 and 2 are not known one by one; 30 came in over both.
    gap = {"flows": [1.0, None, None, 4.0, 8.0], "gaps": {2: (30.0, 2)}}
    assert [flow for flow, _ in windows(1, A=gap)] == [1.0, None, None, 4.0, 8.0]
    assert [flow for flow, _ in windows(2, A=gap)] == [None, None, 30.0, None, 12.0]
    assert [flow for flow, _ in windows(3, A=gap)] == [None, None, 31.0, 34.0, None]


def test_a_class_sums_the_assets_whose_flow_and_assets_are_known() -> None:
    found = flow_windows(
        flows_of(A=[1.0, 2.0], B={"flows": [1.0, 3.0], "caps": [300.0, 300.0]}, C=[None, None]), [1]
    ).filter(level="class", session=day(1))

    # 2 + 3 of 100 + 300; what nobody knows of C is left out of both.
    columns = ("name", "flow_usd", "assets_before_usd", "flow_pct", "n_known", "n_assets")
    assert found.select(columns).rows() == [("equity", 5.0, 400.0, 1.25, 2, 3)]


def test_funds_and_coins_are_never_added() -> None:
    """A coin's issuance is no investors' money."""
    found = flow_windows(
        flows_of(
            IBIT={"flows": [1.0, 2.0], "asset_class": "crypto"},
            BTC={"flows": [10.0, 20.0], "asset_class": "crypto", "method": "supply"},
        ),
        [1],
    ).filter(session=day(1))

    for level, name in (("class", "crypto"), ("group", "all")):
        assert found.filter(level=level).select("kind", "name", "flow_usd").rows() == [
            ("coins", name, 20.0),
            ("funds", name, 2.0),
        ]


def test_the_newest_window_stands_among_all_past_ones_of_its_length() -> None:
    # Days 1 to 20 alternate between 1 % and 3 %, day 21 brings 2 %: half of 20 are lower, the mean is 2.
    flows = [0.0, *([1.0, 3.0] * 10), 2.0]
    found = newest_windows(flow_windows(flows_of(A=flows), [1, 5])).filter(level="asset")

    assert found.select("window_sessions", "percentile_pct", "n_past").rows() == [(1, 50.0, 20), (5, None, 16)]
    assert found["zscore"].to_list() == [pytest.approx(0.0), None]


def test_an_asset_that_is_behind_is_there_without_a_window() -> None:
    found = newest_windows(flow_windows(flows_of(A=[1.0, 2.0, 3.0], B={"flows": [1.0], "caps": [1.0]}), [1]))

    rows = found.filter(level="asset", name="B").select("session", "flow_usd", "n_assets").rows()
    assert rows == [(day(2), None, 0)]


def streak(flows: Flows) -> tuple[Any, ...]:
    found = streaks(flow_windows(flows_of(A=flows, Z={"flows": [1.0] * len(flows), "caps": [1e4] * len(flows)}), [1]))
    columns = ("streak_sessions", "streak_direction", "streak_since", "streak_is_seen_to_begin")
    return found.filter(level="asset", name="A").select(columns).row(0)


def test_a_streak_is_of_one_sign_up_to_the_newest_session() -> None:
    assert streak([1.0, -1.0, 2.0, 3.0]) == (2, "in", day(2), True)
    assert streak([1.0, -1.0, -2.0]) == (2, "out", day(1), True)
    assert streak([1.0, 0.0, 5.0]) == (1, "in", day(2), True)
    assert streak([1.0, 5.0, 0.0]) == (0, None, None, None)


def test_a_streak_that_begins_where_knowledge_does_may_be_longer() -> None:
    assert streak([3.0, 3.0]) == (2, "in", day(0), False)
    assert streak([-1.0, None, 3.0]) == (1, "in", day(2), False)
    assert streak([3.0, None]) == (0, None, None, None)


def test_the_largest_shock_of_a_class_is_against_the_sessions_before_it() -> None:
    calm = [1.0, 3.0] * 15
    found = largest_shocks(
        flow_windows(flows_of(A=[*calm, 50.0, 1.0, 60.0], B=[*calm, 2.0, -60.0, 2.0], C=[*calm, 2.0, 2.0, 2.0]), [1])
    )

    # -60 is some 61 standard deviations away; the 60 comes after a 50, beside which it is less unusual.
    assert found.select("asset_class", "name", "session", "flow_usd", "n_past").rows() == [
        ("equity", "B", day(31), -60.0, 30)
    ]
    assert largest_shocks(flow_windows(flows_of(A=[1.0, 2.0, 3.0]), [1])).is_empty()


def test_units_are_classes_first_and_have_daily_flows() -> None:
    found = flow_windows(flows_of(A=[1.0, 2.0]), [1, 5])

    assert [(unit["level"], unit["name"]) for unit in units_of(found)] == [
        ("class", "equity"),
        ("asset", "A"),
        ("group", "all"),
    ]
    assert daily_flows(found, units_of(found)[1])["flow_usd"].to_list() == [1.0, 2.0]


@given(st.lists(st.none() | st.integers(-9, 9).map(float), min_size=8, max_size=30))
def test_later_sessions_change_no_past_window(flows: Flows) -> None:
    other = {"flows": [2.0] * len(flows), "caps": [1e4] * len(flows)}
    whole = flow_windows(flows_of(A=flows, B=other), [1, 3])
    short = {"flows": [2.0] * (len(flows) - 1), "caps": [1e4] * (len(flows) - 1)}
    earlier = flow_windows(flows_of(A=flows[:-1], B=short), [1, 3])

    # A coin that was issued last only would be one of another kind from then on; here all are funds.
    assert whole.filter(pl.col("session") < day(len(flows) - 1)).equals(earlier)


def test_the_order_of_rows_does_not_matter() -> None:
    flows = flows_of(A=[1.0, None, 3.0, 5.0], B=[2.0, 2.5, 0.1, 0.7], C=[0.3, 0.2, 0.1, 0.9])

    assert flow_windows(flows.sample(fraction=1, shuffle=True, seed=1)).equals(flow_windows(flows))
