from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.cross_asset.flow_map import SMALLER, condensed, flow_map_chart, totals
from marketflows_pipeline.charts.cross_asset.spec import OUTSIDE, FlowMapSpec
from marketflows_pipeline.charts.style.heatmap import EMPTY_FILL
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline_tests.charts.cross_asset.frames import map_frame
from marketflows_pipeline_tests.charts.exchanges.frames import marks, page_size, rows_of, texts
from marketflows_pipeline_tests.charts.heatmaps import cells, grid_size

SPEC = FlowMapSpec(5, source="Prices from Yahoo", unknown=("QQQ",), issuance=("BTC",))
# SPY loses 6, TLT 2; GLD gains 3, SLV 1; 4 goes outside.
FRAME = map_frame(
    [
        ("SPY", "GLD", 2.25e9),
        ("SPY", "SLV", 0.75e9),
        ("SPY", OUTSIDE, 3e9),
        ("TLT", "GLD", 0.75e9),
        ("TLT", "SLV", 0.25e9),
        ("TLT", OUTSIDE, 1e9),
    ]
)


@pytest.mark.slow
def test_the_picture_is_valid_vega_lite_of_the_promised_size() -> None:
    assert page_size(drawn(FRAME)) == (960, 720)
    assert page_size(drawn(FRAME.head(1))) == (960, 720)


def test_rows_and_columns_go_by_size_and_the_outside_is_last() -> None:
    assert totals(FRAME, "from_symbol") == {"SPY": 6e9, "TLT": 2e9}
    assert list(totals(FRAME, "to_symbol").items()) == [("GLD", 3e9), ("SLV", 1e9), (OUTSIDE, 4e9)]


def test_each_amount_stands_in_its_cell_and_totals_beside_the_names() -> None:
    spec = drawn(FRAME)

    assert {(cell["row"], cell["column"]): cell["text"] for cell in cells(spec)} == {
        ("SPY", "GLD"): "$2.2B",
        ("SPY", "SLV"): "$750.0M",
        ("SPY", OUTSIDE): "$3.0B",
        ("TLT", "GLD"): "$750.0M",
        ("TLT", "SLV"): "$250.0M",
        ("TLT", OUTSIDE): "$1.0B",
    }
    assert "\u2212$6.0B · \u2212$2.0B" in texts(spec)
    assert "+$3.0B · +$1.0B" in texts(spec)
    assert "outside" in texts(spec)


def test_the_larger_the_attribution_the_darker_its_cell() -> None:
    fills = {cell["text"]: cell["fill"] for cell in cells(drawn(FRAME))}

    darkness = [sum(int(fills[text][at : at + 2], 16) for at in (1, 3, 5)) for text in ("$3.0B", "$2.2B", "$250.0M")]
    assert darkness == sorted(darkness)
    assert len(set(darkness)) == 3


def test_a_pair_without_an_attribution_is_an_empty_cell_not_a_zero() -> None:
    spec = drawn(map_frame([("SPY", "GLD", 1e9), (OUTSIDE, "SLV", 2e9)]))

    empty = [cell for cell in cells(spec) if cell["fill"] == EMPTY_FILL]
    assert [(cell["text"], cell["row"], cell["column"]) for cell in empty] == [("", "SPY", "SLV"), ("", OUTSIDE, "GLD")]
    assert "the rest came from outside the universe" in texts(spec)
    assert "the rest went outside" not in texts(spec)


def test_it_says_that_it_is_an_attribution_and_what_is_not_in_it() -> None:
    spec = drawn(FRAME, replace(SPEC, notes=("synthetic data",)))

    assert spec["title"]["subtitle"][0].startswith("Proportional attribution, not observed transfers · Net flows of")
    written = texts(spec)
    assert "flow unknown: QQQ" in written
    assert "left out: BTC (issuance is not a flow of investors)" in written
    assert "more flowed out than in, so the rest went outside the universe" in written
    assert "synthetic data" in written


def test_many_small_ones_are_added_up_and_nothing_is_lost() -> None:
    pairs = map_frame([("SPY", f"X{place:02}", float(20 - place)) for place in range(20)])
    few = condensed(pairs, 12)

    assert totals(few, "to_symbol")[SMALLER] == sum(range(1, 10))
    assert few.get_column("flow_usd").sum() == pairs.get_column("flow_usd").sum()
    assert len(totals(few, "to_symbol")) == 12
    assert list(totals(few, "to_symbol"))[-1] == SMALLER
    assert condensed(pairs, 20).height == 20


def test_texts_fit_into_the_cells_and_cells_onto_the_page() -> None:
    rows = [(f"FROM{place:02}", f"TO{other:02}", 123.4e6) for place in range(12) for other in range(12)]
    spec = drawn(map_frame([*rows, ("FROM00", OUTSIDE, 999.9e6)]))

    found = cells(spec)
    assert len(found) == 12 * 13
    width, height = grid_size(spec)
    assert width <= spec["width"]
    assert height <= spec["height"]
    size = next(layer["mark"]["fontSize"] for layer in marks(spec, "text") if "fill" in rows_of(spec, layer)[0])
    assert all(text_width(cell["text"], size) <= width / 13 for cell in found)


def test_a_map_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no fund had a known inflow or outflow"):
        flow_map_chart(FRAME.clear(), SPEC)


def drawn(frame: pl.DataFrame, spec: FlowMapSpec = SPEC) -> dict[str, Any]:
    return flow_map_chart(frame, spec).to_dict(validate=True)
