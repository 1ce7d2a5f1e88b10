from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.cross_asset.flow_ranking import TEXT_SIZE, bar_reach, flow_ranking_chart
from marketflows_pipeline.charts.cross_asset.spec import FlowRankingSpec
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.theme import BACKGROUND, FALL_INK, GREY, INTO, OUT_OF, RISE_INK
from marketflows_pipeline_tests.charts.cross_asset.frames import all_records, rankings_frame
from marketflows_pipeline_tests.charts.exchanges.frames import marks, page_size, rows_of, texts

SPEC = FlowRankingSpec(5, "Prices from Yahoo")
FRAME = rankings_frame(
    [
        ("SPY", "shares", -4e9),
        ("GLD", "shares", 2e9),
        ("TLT", "shares", 0.0),
        ("BTC", "supply", 1e9),
        ("QQQ", "price_only", None),
    ]
)


def test_the_picture_is_valid_vega_lite_of_the_promised_size() -> None:
    assert page_size(drawn(FRAME)) == (960, 720)
    assert page_size(drawn(FRAME.head(1))) == (960, 720)


def test_inflows_come_first_then_outflows_then_issuance_then_what_is_unknown() -> None:
    assert [row["symbol"] for row in records(drawn(FRAME))] == ["GLD", "TLT", "SPY", "BTC", "QQQ"]


def test_equal_flows_either_way_are_equally_long_from_the_middle() -> None:
    spec = drawn(rankings_frame([("SPY", "shares", -3e9), ("GLD", "shares", 3e9)]))

    gained, lost = (row for row in records(spec))
    assert gained["start"] == lost["start"] == spec["width"] / 2
    assert gained["end"] - gained["start"] == pytest.approx(lost["start"] - lost["end"])
    assert gained["end"] - gained["start"] > 100


def test_a_bar_is_as_long_as_its_flow_is_large() -> None:
    rows = {row["symbol"]: row for row in records(drawn(FRAME))}

    length = {symbol: row["end"] - row["start"] for symbol, row in rows.items()}
    assert length["SPY"] == pytest.approx(-2 * length["GLD"])
    assert length["BTC"] == pytest.approx(length["GLD"] / 2)


def test_money_in_is_blue_and_money_out_orange() -> None:
    bars = rows_of(drawn(FRAME), bar_layers(drawn(FRAME))[0])

    assert [(bar["flow"], bar["fill"]) for bar in bars] == [(2e9, INTO), (-4e9, OUT_OF)]


def test_a_known_flow_of_zero_is_a_figure_without_a_bar_and_an_unknown_one_neither() -> None:
    spec = drawn(FRAME)

    rows = {row["symbol"]: row for row in records(spec)}
    assert (rows["TLT"]["value"], rows["TLT"]["of_cap"]) == ("$0", "0.00%")
    assert (rows["QQQ"]["value"], rows["QQQ"]["of_cap"], rows["QQQ"]["ink"]) == ("flow unknown", "\u2013", GREY)
    assert "$0" not in rows["QQQ"]["value"]
    # Two ranked bars and one hollow: neither TLT nor QQQ has one.
    assert sum(len(rows_of(spec, layer)) for layer in bar_layers(spec)) == 3


def test_issuance_is_hollow_grey_and_not_ranked() -> None:
    spec = drawn(FRAME)

    (hollow,) = rows_of(spec, bar_layers(spec)[1])
    assert hollow["flow"] == 1e9
    assert bar_layers(spec)[1]["mark"]["fill"] == BACKGROUND
    row = next(row for row in records(spec) if row["symbol"] == "BTC")
    assert (row["value"], row["ink"]) == ("+$1.0B, issuance, not ranked", GREY)
    assert "issuance is not a flow of investors" in texts(spec)
    assert "issuance" not in texts(drawn(FRAME.filter(pl.col("symbol") != "BTC")))


def test_values_and_shares_of_the_market_cap_stand_beside_the_bars() -> None:
    rows = {row["symbol"]: row for row in records(drawn(FRAME))}

    assert (rows["GLD"]["value"], rows["GLD"]["of_cap"], rows["GLD"]["ink"]) == ("+$2.0B", "+2.00%", RISE_INK)
    assert (rows["SPY"]["value"], rows["SPY"]["of_cap"], rows["SPY"]["ink"]) == ("\u2212$4.0B", "\u22124.00%", FALL_INK)


def test_a_sum_of_some_sessions_says_how_many() -> None:
    spec = drawn(rankings_frame([("SPY", "shares", 1e9)], known=3))

    assert "+$1.0B (3 of 5)" in texts(spec)
    assert "(n of m): sessions in the sum" in texts(spec)


@pytest.mark.parametrize("issued", [1e6, 1e9, 40e9, -40e9])
def test_no_text_leaves_its_side_of_the_page(issued: float) -> None:
    spec = drawn(
        rankings_frame(
            [("SPY", "shares", -40e9), ("GLD", "shares", 40e9), ("BTC", "supply", issued), ("QQQ", "price_only", None)]
        )
    )

    for row in records(spec):
        width = text_width(row["value"], TEXT_SIZE, bold=True)
        if row["is_right"]:
            assert row["text_x"] + width <= spec["width"]
        else:
            assert row["text_x"] - width >= 0


def test_bars_leave_room_for_the_text_at_their_ends() -> None:
    text = "+$1.0B"
    # Half a page of 200 pixels, less the text, 6 pixels before it and 4 after it.
    expected = 200 - text_width(text, TEXT_SIZE, bold=True) - 10
    assert bar_reach([{"flow": 1e9, "value": text}], 1e9, 200) == pytest.approx(expected)
    assert bar_reach([{"flow": 0.0, "value": "$0"}, {"flow": None, "value": "flow unknown"}], 1.0, 200) == 194


def test_the_subtitle_adds_up_inflows_and_outflows_of_funds_alone() -> None:
    subtitle = " ".join(drawn(FRAME)["title"]["subtitle"])

    assert "into funds +$2.0B, out of funds \u2212$4.0B" in subtitle
    assert "Net flows of the last 5 sessions, to 6 Mar 2026" in subtitle


def test_more_assets_than_rows_are_those_with_the_largest_flows_and_the_rest_is_named() -> None:
    spec = drawn(FRAME, replace(SPEC, rows=2))

    assert [row["symbol"] for row in records(spec)] == ["GLD", "SPY"]
    assert "smaller, not drawn: TLT" in texts(spec)
    assert "flow unknown: QQQ" in texts(spec)
    assert "left out: BTC (issuance is not a flow of investors)" in texts(spec)
    assert "hollow" not in texts(spec)


def test_notes_and_the_title_of_one_session() -> None:
    spec = drawn(rankings_frame([("SPY", "shares", 1e9)], window=1), FlowRankingSpec(1, "x", notes=("synthetic data",)))

    assert spec["title"]["text"] == "Where money went in the newest session"
    assert "synthetic data" in texts(spec)


def test_a_ranking_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no flow is known"):
        flow_ranking_chart(FRAME.clear(), SPEC)


def drawn(frame: pl.DataFrame, spec: FlowRankingSpec = SPEC) -> dict[str, Any]:
    return flow_ranking_chart(frame, spec).to_dict(validate=True)


def bar_layers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return marks(spec, "rect")


def records(spec: dict[str, Any]) -> list[dict[str, Any]]:
    by_symbol = {row["symbol"]: row for row in all_records(spec, "of_cap")}
    return sorted(by_symbol.values(), key=lambda row: row["middle"])
