from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.spec import ChartSpec, GainTableSpec, Spec
from marketflows_pipeline_tests.charts.frames import chart_spec, gain_frame, gain_spec, grid_frame


@pytest.mark.parametrize(
    ("ema_period", "diff_order", "is_unit", "name"),
    [
        (1, 0, False, "Narratives_MC_by_bitcoin.png"),
        (20, 0, False, "Narratives_MC_by_bitcoin_ema20.png"),
        (1, 1, False, "Narratives_MC_by_bitcoin_growth.png"),
        (20, 2, True, "Narratives_MC_by_bitcoin_ema20_inflection_unit.png"),
        (1, 3, False, "Narratives_MC_by_bitcoin_deriv3.png"),
        (1, 0, True, "Narratives_MC_by_bitcoin_unit.png"),
    ],
)
def test_a_chart_is_named_by_what_it_shows(ema_period: int, diff_order: int, is_unit: bool, name: str) -> None:
    spec = chart_spec(base_asset="bitcoin", ema_period=ema_period, diff_order=diff_order, is_unit=is_unit)
    assert spec.file_name == name


def test_a_gain_table_is_named_by_category_and_base() -> None:
    assert gain_spec(category="Ranges").file_name == "Ranges_MC_by_us-dollar_percent_gains_table.png"


def test_growth_shows_fifty_steps_and_higher_orders_twelve() -> None:
    assert [chart_spec(diff_order=order).visible_steps for order in range(4)] == [None, 50, 12, 12]


def test_a_chart_without_a_finite_value_is_skipped_with_a_reason() -> None:
    empty = grid_frame({"ai": [None, math.nan, math.inf]})

    assert chart_spec().reason_to_skip(empty) == "no value in the window"
    assert "no two series differ" in (chart_spec(is_unit=True).reason_to_skip(empty) or "")
    assert chart_spec().reason_to_skip(grid_frame({"ai": [None, 1.0]})) is None


def test_values_of_series_that_the_chart_does_not_show_do_not_count() -> None:
    assert chart_spec().reason_to_skip(grid_frame({"unknown": [1.0, 2.0]})) == "no value in the window"


NO_GAIN = "no gain could be computed for any series"


def test_a_gain_table_without_a_gain_is_skipped_with_a_reason() -> None:
    assert gain_spec().reason_to_skip(gain_frame([("ai", 24, None, "gap")])) == NO_GAIN
    assert gain_spec().reason_to_skip(gain_frame([("ai", 24, 0.0, None)])) is None


def test_a_specification_that_is_drawn_says_when_it_has_nothing_to_show() -> None:
    with pytest.raises(TypeError, match="Silent has neither needs nor why_empty"):
        type("Silent", (Spec,), {"draw": "module:function"})


def test_a_file_is_named_by_the_fields_that_stand_in_its_name_alone() -> None:
    fields: dict[str, Any] = {"category": "Ranges", "base_asset": "bitcoin"}

    assert GainTableSpec.file_name_of(**fields) == gain_spec(**fields).file_name
    assert chart_spec(**fields).file_name == ChartSpec.file_name_of(**fields, ema_period=1, diff_order=0, is_unit=False)


def test_a_frame_without_a_column_is_rejected_by_name() -> None:
    with pytest.raises(ValueError, match="the frame lacks ts, value; it has series"):
        chart_spec().reason_to_skip(pl.DataFrame({"series": ["ai"]}))
