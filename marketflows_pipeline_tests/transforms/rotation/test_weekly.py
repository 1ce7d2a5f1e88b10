"""Weekly levels: which week is over, which close counts, and which flows are known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.rotation.assets import asset_placebo, asset_points, asset_stays
from marketflows_pipeline.transforms.rotation.weekly import friday_closes, relative_levels, weekly_flow_levels

# A Monday.
MONDAY = date(2026, 3, 2)


def saturday(week: int) -> datetime:
    """The moment at which all closes of a week are known; week 0 is that of `MONDAY`."""
    return datetime(2026, 3, 7, tzinfo=UTC) + timedelta(weeks=week)


def session(number: int) -> date:
    """The session so many weekdays after `MONDAY`."""
    return MONDAY + timedelta(days=number // 5 * 7 + number % 5)


def flow_rows(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of core.asset_flows; what is not given is that of a fund without a lag."""
    entry = table("core.asset_flows")
    plain = {"flow_method": "shares", "share_lag_sessions": 0, "market_cap_usd": 1000.0, "close_usd": 1.0}
    full = [
        {
            **plain,
            "trade_session": row["session"],
            "trade_flow_usd": row.get("flow_usd"),
            "trade_gap_flow_usd": row.get("gap_flow_usd"),
            **row,
        }
        for row in rows
    ]
    frame = pl.DataFrame(full, infer_schema_length=None)
    missing = [name for name in entry.column_names if name not in frame.columns]
    return frame.with_columns(pl.lit(None).alias(name) for name in missing).cast(dict(entry.polars_schema))  # type: ignore[arg-type]


def closes(symbol: str, prices: dict[int, float]) -> list[dict[str, Any]]:
    return [{"symbol": symbol, "session": session(number), "close_usd": price} for number, price in prices.items()]


def test_a_week_counts_once_its_friday_is_over_and_with_its_last_session() -> None:
    # Good Friday of week 1: the week is over once Monday's session is there.
    spy = closes("SPY", {0: 1.0, 4: 2.0, 8: 3.0, 10: 4.0, 13: 5.0})
    found = friday_closes(flow_rows(spy))

    assert found.rows() == [("SPY", saturday(0), 2.0), ("SPY", saturday(1), 3.0)]
    until_thursday = friday_closes(flow_rows(spy[:3]))
    assert until_thursday.rows() == [("SPY", saturday(0), 2.0)]


def test_levels_are_over_the_benchmark_of_the_same_week() -> None:
    rows = flow_rows([*closes("SPY", {4: 2.0, 9: 4.0}), *closes("GLD", {4: 1.0, 9: 1.0, 14: 1.0})])

    found = relative_levels(friday_closes(rows), "SPY")

    assert found.rows() == [
        ("GLD", saturday(0), 0.5, False),
        ("GLD", saturday(1), 0.25, False),
        ("GLD", saturday(2), None, False),
    ]


def fund(flows: dict[int, float | None], **columns: dict[int, Any]) -> pl.DataFrame:
    """A fund of 1000 USD on each session, with these flows; columns by session."""
    return flow_rows(
        [
            {
                "symbol": "SPY",
                "session": session(number),
                "flow_usd": flow,
                **{name: values.get(number) for name, values in columns.items()},
            }
            for number, flow in flows.items()
        ]
    )


def test_flows_of_four_weeks_are_in_percent_of_the_assets_before_them() -> None:
    caps = {number: 1000.0 if number < 5 else 4000.0 for number in range(25)}

    found = weekly_flow_levels(fund(dict.fromkeys(range(25), 2.0), market_cap_usd=caps))

    # Before weeks 1 to 4 the fund had 1000 USD.
    assert found.rows() == [
        *(("SPY", saturday(week), None, False) for week in range(4)),
        ("SPY", saturday(4), pytest.approx(100 * 20 * 2 / 1000), False),
    ]


def test_an_unknown_flow_leaves_no_sum_but_a_gap_inside_does() -> None:
    known: dict[int, float | None] = dict.fromkeys(range(25), 2.0)
    unknown = known | {10: None, 11: None}
    # The flow of sessions 10 and 11 became known together, on the later one.
    gap: dict[str, dict[int, Any]] = {"gap_flow_usd": {11: 7.0}, "gap_sessions": {11: 2}}
    over_the_start: dict[str, dict[int, Any]] = {"gap_flow_usd": {5: 7.0}, "gap_sessions": {5: 3}}

    assert weekly_flow_levels(fund(unknown))["level"].to_list()[-1] is None
    assert weekly_flow_levels(fund(unknown, **gap))["level"].to_list()[-1] == pytest.approx(100 * (18 * 2 + 7) / 1000)
    begun_before = fund(known | {3: None, 4: None, 5: None}, **over_the_start)
    assert weekly_flow_levels(begun_before)["level"].to_list()[-1] is None


def test_issuance_is_no_flow() -> None:
    coin = fund(dict.fromkeys(range(25), 2.0)).with_columns(flow_method=pl.lit("supply"))

    assert weekly_flow_levels(coin).is_empty()


def market(n_weeks: int) -> pl.DataFrame:
    """Three funds whose prices and flows go up and down in ways of their own."""
    return flow_rows(
        [
            {
                "symbol": symbol,
                "session": session(number),
                "close_usd": 100 + (number * pace) % 17,
                "flow_usd": float((number * pace) % 11 - 5),
            }
            for symbol, pace in (("SPY", 1), ("GLD", 3), ("TLT", 7))
            for number in range(5 * n_weeks)
        ]
    )


def test_the_tables_of_the_part_are_as_registered() -> None:
    flows = market(60)
    points = asset_points(flows, "SPY")
    stays = asset_stays(points, flows, "SPY")
    bands = asset_placebo(flows, "SPY", table("mart.cross_asset_rotation_placebo").empty())

    assert points.schema == table("mart.cross_asset_rotation").polars_schema
    assert stays.schema == table("mart.cross_asset_rotation_log").polars_schema
    assert bands.schema == table("mart.cross_asset_rotation_placebo").polars_schema
    charts = points.select("universe", "benchmark").unique().sort("universe").rows()
    assert charts == [("cross-asset", "SPY"), ("flows", "none")]
    series = {name: rows["series"].unique().sort().to_list() for (name,), rows in points.group_by("universe")}
    assert series == {"cross-asset": ["GLD", "TLT"], "flows": ["GLD", "SPY", "TLT"]}
    assert bands["universe"].unique().to_list() == ["cross-asset"]
    assert bands["reason"].unique().to_list() == ["too short to tell: 60 of 156 weeks"]
    # The ratio of prices is there in week 14, of flows fourteen weeks after the first sum.
    first = {name: rows["ts"].min() for (name,), rows in points.group_by("universe")}
    assert first == {"cross-asset": saturday(13), "flows": saturday(4 + 13)}


def test_the_return_of_a_stay_by_flows_is_that_of_the_price() -> None:
    flows = market(60)
    stays = asset_stays(asset_points(flows, "SPY"), flows, "SPY")
    weekly = {(name, ts): value for name, ts, value in friday_closes(flows).rows()}

    whole = stays.filter(universe="flows").drop_nulls("left_at").row(0, named=True)
    entered, left = (weekly[whole["series"], whole[name]] for name in ("entered_at", "left_at"))
    assert whole["return_pct"] == pytest.approx(100 * (left / entered - 1))


def test_without_flows_all_tables_are_empty() -> None:
    none = table("core.asset_flows").empty()
    points = asset_points(none, "SPY")

    assert points.is_empty()
    assert asset_stays(points, none, "SPY").is_empty()
    assert asset_placebo(none, "SPY", table("mart.cross_asset_rotation_placebo").empty()).is_empty()
