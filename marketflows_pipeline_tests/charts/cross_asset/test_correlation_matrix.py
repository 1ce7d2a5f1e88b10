from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.cross_asset.correlation_matrix import correlations_chart
from marketflows_pipeline.charts.cross_asset.spec import CorrelationsSpec
from marketflows_pipeline.charts.style.diverging_colours import fill_and_ink
from marketflows_pipeline.charts.style.heatmap import EMPTY_FILL
from marketflows_pipeline_tests.charts.cross_asset.frames import ASSETS, correlations_frame
from marketflows_pipeline_tests.charts.exchanges.frames import page_size, texts
from marketflows_pipeline_tests.charts.heatmaps import cells, grid_size

SPEC = CorrelationsSpec(ASSETS, 63, source="Prices from Yahoo")
FRAME = correlations_frame([("GLD", "SPY", 0.25), ("GLD", "TLT", -0.25), ("SPY", "TLT", None)])


def test_the_picture_is_valid_vega_lite_of_the_promised_size() -> None:
    assert page_size(drawn(FRAME)) == (960, 720)
    assert page_size(drawn(FRAME.head(1))) == (960, 720)


def test_each_pair_is_one_cell_of_a_lower_triangle_in_the_order_of_the_settings() -> None:
    # Rows GLD, TLT; columns SPY, GLD.
    assert {(cell["row"], cell["column"]): cell["text"] for cell in cells(drawn(FRAME))} == {
        ("GLD", "SPY"): "0.25",
        ("TLT", "SPY"): "\u2013",
        ("TLT", "GLD"): "\u22120.25",
    }


def test_colour_is_on_a_fixed_scale_the_same_either_way() -> None:
    fills = {cell["text"]: cell["fill"] for cell in cells(drawn(FRAME))}

    assert fills["0.25"] == fill_and_ink(0.25, 1.0)[0]
    assert fills["\u22120.25"] == fill_and_ink(-0.25, 1.0)[0]
    # A smaller one stays pale, however small the largest is.
    assert cells(drawn(FRAME.head(1)))[0]["fill"] == fills["0.25"]


def test_an_unknown_correlation_is_an_empty_cell_and_not_a_zero() -> None:
    spec = drawn(FRAME)

    unknown = next(cell for cell in cells(spec) if cell["text"] == "\u2013")
    assert unknown["fill"] == EMPTY_FILL
    assert "0.00" not in texts(spec)
    assert "fewer than 80 % of the window's returns" in texts(spec)
    assert "fewer than" not in texts(drawn(FRAME.drop_nulls()[:1]))


@pytest.mark.slow
def test_the_most_and_least_alike_are_named_where_there_is_room() -> None:
    symbols = [symbol for symbol, _ in ASSETS]
    couples = [(one, other) for place, one in enumerate(symbols) for other in symbols[place + 1 :]]
    # From 0.9 of SPY and QQQ in steps of 0.2 down to -0.9 of TLT and BTC.
    written = texts(drawn(correlations_frame([(*pair, 0.9 - 0.2 * place) for place, pair in enumerate(couples)])))

    assert "most alike · SPY and QQQ: 0.90 · SPY and GLD: 0.70 · SPY and TLT: 0.50" in written
    assert "least alike · TLT and BTC: \u22120.90 · GLD and BTC: \u22120.70 · GLD and TLT: \u22120.50" in written
    assert "most alike" not in texts(drawn(FRAME))


def test_notes_and_the_session_stand_on_it() -> None:
    spec = drawn(FRAME, replace(SPEC, notes=("synthetic data",)))

    assert "week to 6 Mar 2026" in spec["title"]["subtitle"][0]
    assert "Correlation of daily returns over 63 sessions" in spec["title"]["subtitle"][0]
    assert "dividends left out" in texts(spec)
    assert "synthetic data" in texts(spec)


def test_more_assets_than_can_be_drawn_are_named() -> None:
    spec = drawn(FRAME, replace(SPEC, most=2))

    assert [cell["text"] for cell in cells(spec)] == ["0.25"]
    assert "not drawn: TLT" in texts(spec)


def test_cells_stay_on_the_page() -> None:
    symbols = [f"X{place:02}" for place in range(20)]
    pairs = [(one, other, 0.5) for place, one in enumerate(symbols) for other in symbols[place + 1 :]]
    spec = drawn(correlations_frame(pairs))

    found = cells(spec)
    assert len(found) == 190
    width, height = grid_size(spec)
    assert width <= spec["width"]
    assert height <= spec["height"]


def test_a_matrix_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no correlation is known yet"):
        correlations_chart(FRAME.clear(), SPEC)


def drawn(frame: pl.DataFrame, spec: CorrelationsSpec = SPEC) -> dict[str, Any]:
    return correlations_chart(frame, spec).to_dict(validate=True)
