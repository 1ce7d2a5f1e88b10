from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.cross_asset.model_quality import auc_rows, auc_span, model_chart, reliability_points
from marketflows_pipeline.charts.cross_asset.spec import ModelSpec
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline_tests.charts.cross_asset.frames import all_records, evaluation_frame
from marketflows_pipeline_tests.charts.exchanges.frames import marks, page_size, rows_of, texts

SPEC = ModelSpec(5, "direction", "logistic", ("SPY", "GLD"), source="Prices from Yahoo")
FRAME = evaluation_frame()


@pytest.mark.slow
def test_the_picture_is_valid_vega_lite_of_the_promised_size() -> None:
    assert page_size(drawn(FRAME)) == (960, 720)
    assert page_size(drawn(evaluation_frame(assets={}))) == (960, 720)


@pytest.mark.slow
def test_verdict_ablation_and_skill_are_the_headline() -> None:
    subtitle = " ".join(drawn(FRAME)["title"]["subtitle"])

    assert subtitle.startswith("No evidence of edge over the base rate")
    assert "Flows add +0.004 [\u22120.003, +0.012] to the mean AUC of assets: not told apart from nothing" in subtitle
    assert "Brier skill over the base rate \u22120.004 [\u22120.010, +0.002]" in subtitle


@pytest.mark.slow
def test_each_bin_is_a_dot_with_its_interval_and_its_count() -> None:
    spec = drawn(FRAME)

    points = all_records(spec, "predicted", "n")
    assert len(points) == 10
    assert all(point["low"] < point["observed"] < point["high"] for point in points)
    assert rows_of(spec, marks(spec, "bar")[0]) == points
    assert "forecasts in each bin (the largest 100)" in texts(spec)


def test_bins_pair_what_was_said_with_what_came_in_their_order() -> None:
    points = reliability_points(FRAME)

    said = [round(point["predicted"], 2) for point in points]
    assert said == [0.47, 0.49, 0.51, 0.53, 0.55, 0.57, 0.59, 0.61, 0.63, 0.65]
    assert all(point["observed"] == 0.55 for point in points)


def test_a_figure_without_an_interval_is_a_dot_alone() -> None:
    unknown = FRAME.with_columns(lower_95=pl.lit(None, pl.Float64), upper_95=pl.lit(None, pl.Float64))

    assert all(point["low"] == point["observed"] == point["high"] for point in reliability_points(unknown))


@pytest.mark.slow
def test_the_diagonal_goes_from_corner_to_corner_of_an_axis_that_both_sides_share() -> None:
    spec = drawn(FRAME)

    (diagonal,) = all_records(spec, "x2")
    curve = marks(spec, "line")[0]["encoding"]
    assert curve["x"]["scale"]["domain"] == curve["y"]["scale"]["domain"] == [diagonal["predicted"], diagonal["x2"]]
    assert (diagonal["predicted"], diagonal["x2"]) == (diagonal["observed"], diagonal["y2"])


def test_sums_stand_above_assets_in_the_order_of_the_settings() -> None:
    assert list(auc_rows(FRAME, SPEC)) == ["mean of assets", "by date", "SPY", "GLD"]


def test_the_axis_of_auc_is_symmetric_around_one_half() -> None:
    assert auc_span([0.50, 0.53, 0.57]) == pytest.approx(1.08 * 0.07)
    assert auc_span([0.43, 0.47, 0.50]) == pytest.approx(1.08 * 0.07)
    assert auc_span([0.5]) == 0.06
    assert auc_span([0.9, 0.99, 1.0]) == 0.5


@pytest.mark.slow
def test_the_axis_of_auc_holds_the_planted_one() -> None:
    far = drawn(evaluation_frame(is_synthetic=True), replace(SPEC, planted_auc=0.7))

    domains = [
        side["scale"]["domain"] for layer in marks(far, "point") if (side := layer["encoding"]["x"])["field"] == "auc"
    ]
    assert domains == [pytest.approx([0.5 - 1.08 * 0.2, 0.5 + 1.08 * 0.2])]


@pytest.mark.slow
def test_a_better_asset_stands_further_right_within_its_interval() -> None:
    rows = {row["name"]: row for row in all_records(drawn(FRAME), "auc", "name")}

    assert rows["SPY"]["auc"] < rows["mean of assets"]["auc"] < rows["GLD"]["auc"]
    assert all(row["low"] < row["auc"] < row["high"] for row in rows.values())
    assert rows["SPY"]["text"] == "0.480 [0.450, 0.520]"


@pytest.mark.slow
def test_intervals_do_not_reach_names_or_figures() -> None:
    spec = drawn(evaluation_frame(assets={"SPY": (0.5, 0.1, 0.9), "GLD": (0.5, 0.4, 0.6)}))

    rows = all_records(spec, "auc", "name")
    scale = next(
        layer["encoding"]["x"]["scale"] for layer in marks(spec, "point") if layer["encoding"]["x"]["field"] == "auc"
    )
    assert scale["domain"][0] <= min(row["low"] for row in rows)
    assert max(row["high"] for row in rows) <= scale["domain"][1]
    assert scale["range"][1] < spec["width"] - max(text_width(row["text"], 12) for row in rows)
    assert scale["range"][0] > spec["width"] / 2


@pytest.mark.slow
def test_synthetic_data_are_named_and_the_planted_auc_is_marked() -> None:
    planted = replace(SPEC, planted_auc=0.55, notes=("tutorial data",))
    spec = drawn(evaluation_frame(is_synthetic=True), planted)

    assert spec["title"]["text"].endswith("(made-up data)")
    assert "planted 0.550" in texts(spec)
    assert "tutorial data" in texts(spec)
    assert "planted AUC 0.550, found 0.507 [0.491, 0.527]" in " ".join(spec["title"]["subtitle"])


@pytest.mark.slow
def test_real_data_have_nothing_planted() -> None:
    spec = drawn(FRAME, replace(SPEC, planted_auc=0.55))

    assert "planted" not in texts(spec) + str(spec["title"])
    assert "made-up" not in texts(spec) + str(spec["title"])


@pytest.mark.slow
def test_the_footer_says_when_and_how_it_was_trained() -> None:
    written = texts(drawn(FRAME))

    assert "trained 7 Mar 2026 06:00 UTC · logistic regression, purged walk-forward by date" in written


@pytest.mark.slow
def test_more_assets_than_find_room_are_named() -> None:
    assert "not drawn: GLD" in texts(drawn(FRAME, replace(SPEC, most=1)))


def test_a_picture_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="the model has no AUC"):
        model_chart(FRAME.clear(), SPEC)


def drawn(frame: pl.DataFrame, spec: ModelSpec = SPEC) -> dict[str, Any]:
    return model_chart(frame, spec).to_dict(validate=True)
