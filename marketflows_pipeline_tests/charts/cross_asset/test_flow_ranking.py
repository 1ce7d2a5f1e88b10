from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.cross_asset.flow_ranking import flow_ranking_chart
from marketflows_pipeline.charts.cross_asset.spec import FlowRankingSpec
from marketflows_pipeline.charts.style.theme import BACKGROUND, FALL_INK, GREY, INTO, OUT_OF, RISE_INK
from marketflows_pipeline_tests.charts.cross_asset.frames import rankings_frame
from marketflows_pipeline_tests.charts.exchanges.frames import marks, page_size, rows_of, texts
from marketflows_pipeline_tests.charts.ranked import drawn_bars, ranked_rows

SPEC = FlowRankingSpec(5, source="Prices from Yahoo")
FRAME = rankings_frame(
    [
        ("SPY", "shares", -4e9),
        ("GLD", "shares", 2e9),
        ("TLT", "shares", 0.0),
        ("BTC", "supply", 1e9),
        ("QQQ", "price_only", None),
    ]
)


@pytest.mark.slow
def test_the_picture_is_valid_vega_lite_of_the_promised_size() -> None:
    assert page_size(drawn(FRAME)) == (960, 720)
    assert page_size(drawn(FRAME.head(1))) == (960, 720)


@pytest.mark.slow
def test_inflows_come_first_then_outflows_then_issuance_then_what_is_unknown() -> None:
    assert [row["name"] for row in ranked_rows(drawn(FRAME))] == ["GLD", "TLT", "SPY", "BTC", "QQQ"]


def test_a_sum_of_some_sessions_says_how_many() -> None:
    spec = drawn(rankings_frame([("SPY", "shares", 1e9)], known=3))

    assert "+$1.0B (3 of 5)" in texts(spec)
    assert "(n of m): sessions in the sum" in texts(spec)


def test_bars_are_percents_of_the_market_cap_blue_for_money_in_and_orange_for_money_out() -> None:
    """In dollars one fund of 500 billion pressed all others flat against zero."""
    assert drawn_bars(drawn(FRAME)) == [
        ("GLD", 0.0, 2.0, INTO),
        ("SPY", 0.0, -4.0, OUT_OF),
        ("BTC", 0.0, 1.0, INTO),
    ]


def test_dollars_stand_beside_the_bars() -> None:
    rows = {row["name"]: row for row in ranked_rows(drawn(FRAME))}

    assert rows["GLD"]["bars"] == [("+2.00%", RISE_INK)]
    assert rows["GLD"]["columns"] == [("+$2.0B", RISE_INK)]
    assert rows["SPY"]["bars"] == [("\u22124.00%", FALL_INK)]
    assert rows["SPY"]["columns"] == [("\u2212$4.0B", FALL_INK)]


def test_a_known_flow_of_zero_is_a_figure_without_a_bar_and_an_unknown_one_neither() -> None:
    rows = {row["name"]: row for row in ranked_rows(drawn(FRAME))}

    assert (rows["TLT"]["bars"], rows["TLT"]["columns"]) == ([("0.00%", GREY)], [("$0", GREY)])
    assert (rows["QQQ"]["bars"], rows["QQQ"]["columns"]) == ([("flow unknown", GREY)], [("\u2013", GREY)])


def test_a_flow_of_a_fund_whose_market_cap_is_unknown_has_its_dollars_and_no_bar() -> None:
    spec = drawn(FRAME.with_columns(flow_pct_of_market_cap=pl.lit(None, pl.Float64)))

    assert drawn_bars(spec) == []
    assert {row["name"]: row["columns"][0][0] for row in ranked_rows(spec)}["GLD"] == "+$2.0B"
    assert spec["title"]["text"] == "Over the last 5 sessions no fund's flow stands out"


@pytest.mark.slow
def test_issuance_is_hollow_grey_and_not_ranked() -> None:
    spec = drawn(FRAME)

    (bars,) = marks(spec, "bar")
    assert [row["end"] for row in rows_of(spec, bars) if row["inside"] == BACKGROUND] == [1.0]
    assert bars["mark"]["fill"] == {"expr": "datum.inside"}
    row = next(row for row in ranked_rows(spec) if row["name"] == "BTC")
    assert row["bars"] == [("+1.00%, issuance, not ranked", GREY)]
    assert "issuance is not a flow of investors" in texts(spec)
    assert "issuance" not in texts(drawn(FRAME.filter(pl.col("symbol") != "BTC")))


def test_the_title_names_who_gained_and_who_lost_most_for_its_size() -> None:
    title = drawn(FRAME)["title"]["text"]

    assert title == "Over the last 5 sessions flows added most to GLD (+2.00%) and took most from SPY (\u22124.00%)"


def test_the_subtitle_adds_up_inflows_and_outflows_of_funds_alone() -> None:
    subtitle = " ".join(drawn(FRAME)["title"]["subtitle"])

    assert "into funds +$2.0B, out of funds \u2212$4.0B" in subtitle
    assert "Net flows of the last 5 sessions, to 6 Mar 2026" in subtitle


def test_more_assets_than_rows_are_those_with_the_largest_flows_and_the_rest_is_named() -> None:
    spec = drawn(FRAME, replace(SPEC, rows=2))

    assert [row["name"] for row in ranked_rows(spec)] == ["GLD", "SPY"]
    assert "smaller, not drawn: TLT" in texts(spec)
    assert "flow unknown: QQQ" in texts(spec)
    assert "left out: BTC (issuance is not a flow of investors)" in texts(spec)
    assert "hollow" not in texts(spec)


def test_notes_and_the_title_of_one_session() -> None:
    spec = drawn(
        rankings_frame([("SPY", "shares", 1e9)], window=1), FlowRankingSpec(1, source="x", notes=("synthetic data",))
    )

    assert spec["title"]["text"] == "In the newest session flows added most to SPY (+1.00%)"
    assert "synthetic data" in texts(spec)


def test_a_ranking_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no flow is known"):
        flow_ranking_chart(FRAME.clear(), SPEC)


def drawn(frame: pl.DataFrame, spec: FlowRankingSpec = SPEC) -> dict[str, Any]:
    return flow_ranking_chart(frame, spec).to_dict(validate=True)
