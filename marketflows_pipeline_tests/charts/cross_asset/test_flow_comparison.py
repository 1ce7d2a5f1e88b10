from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from marketflows_pipeline.charts.cross_asset.context_spec import FlowComparisonSpec
from marketflows_pipeline.charts.cross_asset.flow_comparison import flow_comparison_chart
from marketflows_pipeline.charts.cross_asset.wording import lag_finding
from marketflows_pipeline.schema import table
from marketflows_pipeline_tests.charts.cross_asset.frames import ASSETS, LAST
from marketflows_pipeline_tests.charts.exchanges.frames import page_size, texts
from marketflows_pipeline_tests.charts.heatmaps import cells

SPEC = FlowComparisonSpec(assets=ASSETS, source="Prices from Yahoo")


def compared(**correlations: list[float | None]) -> pl.DataFrame:
    """Correlations of lags -1 to 1 by symbol; the highest is the best."""
    rows = []
    for symbol, values in correlations.items():
        known = [value for value in values if value is not None]
        for lag, value in zip((-1, 0, 1), values, strict=True):
            best = bool(known) and value == max(known)
            rows.append((symbol, lag, value, 90.0, 60, best, LAST, 0))
    return pl.DataFrame(
        rows, schema={name: table("mart.flow_comparison").polars_schema[name] for name in SPEC.columns}, orient="row"
    )


FRAME = compared(GLD=[0.1, 0.95, 0.2], SPY=[0.0, 0.16, 0.98])


def drawn(frame: pl.DataFrame, spec: FlowComparisonSpec = SPEC) -> dict[str, Any]:
    assert spec.reason_to_skip(frame) is None
    chart: dict[str, Any] = flow_comparison_chart(frame, spec).to_dict()
    return chart


def test_the_picture_is_valid_vega_lite_of_the_promised_size() -> None:
    assert page_size(drawn(FRAME)) == (960, 720)
    assert page_size(drawn(FRAME.head(3))) == (960, 720)


def test_each_fund_is_a_row_and_each_lag_a_column_and_the_best_is_marked() -> None:
    found = {(cell["row"], cell["column"]): cell["text"] for cell in cells(drawn(FRAME))}
    assert found["SPY", "+1"] == "\u25cf 0.98"
    assert found["SPY", "0"] == "0.16"
    assert found["GLD", "0"] == "\u25cf 0.95"
    assert len(found) == 6


def test_the_title_names_what_fits_on_another_session() -> None:
    assert (
        drawn(FRAME)["title"]["text"] == "SPY: our flows fit the reported ones best 1 session later (correlation 0.98)"
    )
    assert "60 sessions, signs 90%" in texts(drawn(FRAME))
    fits = [{"symbol": "GLD", "lag_sessions": 0, "correlation": 0.9}]
    assert lag_finding(fits) == "Our flows of GLD fit the reported ones best on the same session"
    assert lag_finding([*fits, *fits]) == "Our flows of all 2 funds fit the reported ones best on the same session"
    early = {"symbol": "SPY", "lag_sessions": -2, "correlation": 0.5}
    assert "best 2 sessions earlier" in lag_finding([*fits, early])


def test_what_is_not_known_is_an_empty_cell_and_without_anything_there_is_no_picture() -> None:
    unknown = compared(SPY=[None, 0.5, None])
    assert [cell["text"] for cell in cells(drawn(unknown))] == ["\u2013", "\u25cf 0.50", "\u2013"]
    assert SPEC.reason_to_skip(compared(SPY=[None] * 3)) is not None


def test_funds_without_room_are_named() -> None:
    assert "not drawn: GLD" in texts(drawn(FRAME, replace(SPEC, most=1)))
