from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.flow_rankings import flow_rankings
from marketflows_pipeline_tests.transforms.cross_asset.frames import assert_in_shape, day, rows_of

NAMES = pl.DataFrame({"symbol": ["A", "B"], "name": ["Alpha", "Beta"]})


def flow_rows(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of ``core.asset_flows``: number of the day, symbol, flow; shares unless said otherwise."""
    filled = []
    for given in rows:
        row = {"asset_class": "equity", "flow_method": "shares", "close_usd": 1.0, **given}
        row["session"] = row["trade_session"] = day(row.pop("day"))
        filled.append(row | {"trade_flow_usd": row.get("flow_usd"), "trade_gap_flow_usd": row.get("gap_flow_usd")})
    return rows_of("core.asset_flows", *filled)


def rankings(flows: pl.DataFrame, *windows: int) -> pl.DataFrame:
    ranked = flow_rankings(flows, NAMES, windows)
    assert_in_shape(ranked, "mart.flow_rankings")
    return ranked


def history(symbol: str, *flows: float | None, **given: Any) -> list[dict[str, Any]]:
    """One flow a day; without one it is a session by price alone."""
    return [
        {
            "day": number,
            "symbol": symbol,
            "flow_usd": flow,
            "flow_method": given.get("flow_method", "shares") if flow is not None else "price_only",
        }
        for number, flow in enumerate(flows)
    ]


def test_daily_flows_are_summed_over_the_last_sessions() -> None:
    ranked = rankings(flow_rows(*history("A", None, 1.0, 2.0, 4.0, 8.0)), 1, 2, 4)

    assert ranked.select("window_sessions", "flow_usd", "sessions_known").rows() == [(1, 8, 1), (2, 12, 2), (4, 15, 4)]
    assert ranked["session"].unique().to_list() == [day(4)]
    assert ranked["name"].unique().to_list() == ["Alpha"]


def test_a_window_is_one_of_sessions_whichever_assets_have_them() -> None:
    # B was not traded on the day before the last, so its flow of day 1 is three sessions back
    flows = flow_rows(
        *history("A", 1.0, 1.0, 1.0, 1.0), *(row for row in history("B", 5.0, 6.0, 7.0, 8.0) if row["day"] != 2)
    )

    assert rankings(flows, 2).select("symbol", "flow_usd", "sessions_known").rows() == [("A", 2, 2), ("B", 8, 1)]


def test_unknown_sessions_are_counted_out_and_nothing_known_is_null() -> None:
    flows = flow_rows(*history("A", 3.0, None, None), *history("B", 3.0, None, 5.0))

    assert rankings(flows, 2).select("flow_usd", "sessions_known", "flow_method").rows() == [
        (None, 0, "price_only"),
        (5, 1, "shares"),
    ]


def test_an_asset_that_has_stopped_is_still_there_and_unknown() -> None:
    ranked = rankings(flow_rows(*history("A", 3.0), *history("B", 1.0, 1.0, 1.0)), 1)

    assert ranked.select("symbol", "flow_usd", "flow_method", "price_return").row(0) == ("A", None, "price_only", None)


def test_inflows_and_outflows_have_places_of_their_own_and_zero_has_none() -> None:
    flows = flow_rows(*(row for symbol, flow in zip("ABCDEF", (5.0, -3.0, 9.0, 0.0, -7.0, 5.0), strict=True)
                        for row in history(symbol, flow)))  # fmt: skip

    assert rankings(flows, 1).select("symbol", "inflow_rank", "outflow_rank").rows() == [
        ("A", 2, None),
        ("B", None, 2),
        ("C", 1, None),
        ("D", None, None),
        ("E", None, 1),
        ("F", 3, None),
    ]


def test_issuance_is_shown_and_never_ranked() -> None:
    flows = flow_rows(*history("BTC", 1e9, flow_method="supply"), *history("A", 1.0))

    assert rankings(flows, 1).select("symbol", "name", "flow_usd", "inflow_rank", "flow_method").rows() == [
        ("A", "Alpha", 1, 1, "shares"),
        ("BTC", "BTC", 1e9, None, "supply"),
    ]


def test_a_re_count_of_supply_is_still_issuance_by_its_method() -> None:
    ranked = rankings(flow_rows({"day": 0, "symbol": "BTC", "flow_method": "supply", "is_supply_revision": True}), 1)

    assert ranked.select("flow_usd", "flow_method", "sessions_known").rows() == [(None, "supply", 0)]


def test_changes_are_against_the_session_before_the_window() -> None:
    flows = flow_rows(
        *(
            {"day": number, "symbol": "A", "flow_usd": 10.0, "close_usd": close, "market_cap_usd": cap,
             "price_effect_usd": 1.0}
            for number, (close, cap) in enumerate([(1.0, 100.0), (2.0, 200.0), (2.5, 250.0)])
        )
    )  # fmt: skip

    shown = rankings(flows, 1, 2, 3).select(
        "flow_pct_of_market_cap", "price_effect_usd", "market_cap_change_usd", "price_return"
    )
    assert shown.rows() == [
        (5, 1, 50, pytest.approx(0.25)),
        (20, 2, 150, pytest.approx(1.5)),
        (None, 3, None, None),
    ]


def test_no_flows_make_an_empty_table() -> None:
    assert rankings(table("core.asset_flows").empty(), 1, 5).is_empty()


def test_the_group_of_an_asset_stands_beside_its_name() -> None:
    names = NAMES.with_columns(asset_group=pl.Series(["sector", None], dtype=pl.String()))
    ranked = flow_rankings(flow_rows(*history("A", 1.0), *history("B", 2.0)), names, [1])

    assert ranked.select("symbol", "asset_group").rows() == [("A", "sector"), ("B", None)]
