"""Ranking and flow map of all windows, each in one picture."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.cross_asset.all_windows import maps_chart, rankings_chart
from marketflows_pipeline.charts.cross_asset.spec import OUTSIDE, AllMapsSpec, AllRankingsSpec
from marketflows_pipeline.charts.style.heatmap import EMPTY_FILL
from marketflows_pipeline_tests.charts.cross_asset.frames import map_frame, rankings_frame
from marketflows_pipeline_tests.charts.exchanges.frames import marks, page_size, rows_of, texts
from marketflows_pipeline_tests.charts.heatmaps import cells

RANKED = AllRankingsSpec(source="Prices from Yahoo", windows=(5, 21))
MAPS = AllMapsSpec(source="Prices from Yahoo", windows=(5, 21, 63))
FLOWS = pl.concat(
    [
        rankings_frame([("SPY", "shares", -2e9), ("GLD", "shares", 1e9), ("BTC", "supply", 5e9)], 5),
        rankings_frame([("SPY", "shares", 4e9), ("TLT", "shares", -3e9), ("QQQ", "price_only", None)], 21, known=15),
    ]
)


def ranked(frame: pl.DataFrame = FLOWS, spec: AllRankingsSpec = RANKED) -> dict[str, Any]:
    return rankings_chart(frame, spec).to_dict(validate=True)


def mapped(frame: pl.DataFrame) -> dict[str, Any]:
    return maps_chart(frame, MAPS).to_dict(validate=True)


def test_rows_are_funds_in_the_order_of_the_longest_window_and_columns_windows() -> None:
    found = {(cell["row"], cell["column"]): cell["text"] for cell in cells(ranked())}

    assert found == {
        ("SPY", "5 sessions"): "\u22122.00% · \u2212$2.0B",
        ("TLT", "5 sessions"): "\u2013",
        ("GLD", "5 sessions"): "+1.00% · +$1.0B",
        ("SPY", "21 sessions"): "+4.00% · +$4.0B (15 of 21)",
        ("TLT", "21 sessions"): "\u22123.00% · \u2212$3.0B (15 of 21)",
        ("GLD", "21 sessions"): "\u2013",
    }
    assert [cell["row"] for cell in cells(ranked())][:3] == ["SPY", "TLT", "GLD"]


def test_what_is_not_known_is_no_zero_and_issuance_is_no_flow() -> None:
    spec = ranked()

    assert {cell["text"] for cell in cells(spec) if cell["fill"] == EMPTY_FILL} == {"\u2013"}
    assert "no flow known, or none of investors: BTC, QQQ" in texts(spec)


@pytest.mark.slow
def test_the_title_names_both_ends_of_the_longest_window_and_follows_the_data() -> None:
    assert ranked()["title"]["text"] == "Over 21 sessions most flowed into SPY (+4.00%) and out of TLT (\u22123.00%)"
    falling = rankings_frame([("SPY", "shares", -4e9), ("TLT", "shares", -3e9)], 21)
    assert ranked(falling)["title"]["text"] == "Over 21 sessions most flowed out of SPY (\u22124.00%)"
    rising = rankings_frame([("SPY", "shares", 4e9)], 21)
    assert ranked(rising)["title"]["text"] == "Over 21 sessions most flowed into SPY (+4.00%)"


@pytest.mark.slow
def test_more_funds_than_rows_are_named() -> None:
    many = rankings_frame([(f"F{place:02}", "shares", (30 - place) * 1e8) for place in range(30)], 21)

    assert len(cells(ranked(many))) == 20
    assert "not drawn: F20, F21, F22, F23, F24, F25 and 4 more" in texts(ranked(many))


def test_without_a_flow_there_is_no_picture() -> None:
    assert RANKED.reason_to_skip(rankings_frame([("QQQ", "price_only", None)])) is not None
    assert MAPS.reason_to_skip(map_frame([])) is not None


@pytest.mark.slow
def test_each_window_has_a_small_map_and_one_without_flows_has_none() -> None:
    frame = pl.concat(
        [map_frame([("SPY", "GLD", 2e9)], 5), map_frame([("SPY", "GLD", 4e9), ("TLT", OUTSIDE, 1e9)], 63)]
    )
    spec = mapped(frame)
    grids = [rows_of(spec, layer) for layer in marks(spec, "rect") if layer["encoding"].get("x", {}).get("field")]

    assert page_size(spec) == (960, 720)
    assert [[cell["text"] for cell in grid] for grid in grids] == [["$2.0B"], ["$4.0B", "", "", "$1.0B"]]
    assert "Last 5 sessions" in texts(spec)
    assert "Last 21 sessions" not in texts(spec)
    assert spec["title"]["text"] == "Over 63 sessions most is attributed from SPY to GLD, $4.0B"


def test_where_all_went_outside_the_title_says_so() -> None:
    spec = mapped(map_frame([("SPY", OUTSIDE, 2e9)], 5))

    assert spec["title"]["text"] == "Flow maps: over 5 sessions all went to or came from outside the universe"
