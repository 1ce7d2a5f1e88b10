from __future__ import annotations

import csv
import itertools
import math
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.market_caps.lines import line_chart
from marketflows_pipeline.charts.spec import ChartSpec
from marketflows_pipeline.charts.style.end_labels import LABEL_HEIGHT, LABEL_SIZE
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.look import SIZES
from marketflows_pipeline.charts.style.theme import PALETTE
from marketflows_pipeline_tests.charts.frames import HOUR, chart_spec, grid_frame

TWO = grid_frame({"ai": [1.0, 1.2, 1.4], "layer-1": [1.0, 0.9, 0.8]})


def test_a_chart_is_valid_vega_lite_of_the_promised_size() -> None:
    spec = line_chart(TWO, chart_spec()).to_dict(validate=True)

    padding = spec["padding"]
    assert spec["width"] + padding["left"] + padding["right"] == SIZES["deck"][0]
    assert spec["height"] + padding["top"] + padding["bottom"] == SIZES["deck"][1]
    assert spec["autosize"] == {"type": "none"}


def test_title_axis_title_and_footer_stand_on_the_chart() -> None:
    spec = drawn(TWO, chart_spec(notes=("synthetic data",)))

    assert spec["title"]["text"] == "Narratives: AI led, +40.0% in US dollars since 3 Mar 2026 00:00 UTC"
    assert spec["title"]["subtitle"] == ["Change of market cap in US dollars · daily, 2 days · no EMA"]
    assert texts(spec)[0] == "Change since 3 Mar 2026 00:00 UTC, %"
    assert encoding(spec, "line", "x")["scale"]["type"] == "utc"
    assert footer(spec) == "Data provided by CoinGecko · as of 5 Mar 2026 00:00 UTC · synthetic data"


def test_lines_are_straight_between_points_and_break_at_nulls() -> None:
    spec = drawn(grid_frame({"ai": [1.0, None, 1.4]}), chart_spec())

    line = mark(spec, "line")["mark"]
    assert (line["interpolate"], line["invalid"]) == ("linear", "break-paths-show-domains")
    assert [row["value"] for row in rows(spec, "line")] == ["0.0", "", "40.0"]


def test_every_line_ends_in_a_label_with_its_change_since_the_start_in_percent() -> None:
    """A line ended in "0.9885"; what a reader wants to know is that it lost 1.2 %."""
    spec = drawn(TWO, chart_spec())

    assert [label["text"] for label in labels(spec)] == ["AI +40.0%", "Layer 1 \u221220.0%"]


def test_growth_is_shown_in_percent_of_the_start_value_per_step() -> None:
    spec = drawn(grid_frame({"ai": [0.03, -0.02]}), chart_spec(diff_order=1))

    assert [float(row["value"]) for row in rows(spec, "line")] == [3.0, -2.0]
    assert texts(spec)[0] == "Growth, %/day of the value at the start"
    assert spec["title"]["text"] == "Narratives: AI \u22122.00%/day in US dollars"


def test_a_flat_first_step_is_not_drawn() -> None:
    """A window begins up to one step before the first observation, so that every line began with a flat step."""
    flat = grid_frame({"ai": [1.0, 1.0, 1.4], "layer-1": [1.0, 1.0, 0.8]})

    spec = drawn(flat, chart_spec())
    assert [row["value"] for row in rows(spec, "line")] == ["0.0", "40.0", "0.0", "-20.0"]
    assert "since 4 Mar 2026" in spec["title"]["text"]


def test_a_series_that_ended_early_says_when() -> None:
    spec = drawn(grid_frame({"ai": [1.0, 1.2, None], "layer-1": [1.0, 0.9, 0.8]}), chart_spec())

    assert labels(spec)[0]["text"] == "AI +20.0% (4 Mar 00:00)"


def test_growth_labels_have_the_decimals_that_tell_them_apart() -> None:
    spec = drawn(grid_frame({"ai": [0.03, -0.0021], "layer-1": [0.02, -0.0028]}), chart_spec(diff_order=1))

    assert [label["text"] for label in labels(spec)] == ["AI \u22120.210%", "Layer 1 \u22120.280%"]


def test_the_right_margin_fits_the_longest_label() -> None:
    long = "A narrative with quite a name"
    spec = drawn(TWO, chart_spec({"ai": long, "layer-1": "L1"}))

    assert labels(spec)[0]["text"] == f"{long} +40.0%"
    assert spec["padding"]["right"] > text_width(f"{long} +40.0%", LABEL_SIZE, bold=True)


def test_a_label_too_long_for_the_page_is_cut_but_keeps_its_value() -> None:
    text = labels(drawn(TWO, chart_spec({"ai": "An endless name " * 10, "layer-1": "L1"})))[0]["text"]

    assert text.startswith("An endless name")
    assert text.endswith("… +40.0%")


def test_labels_of_lines_that_end_together_do_not_overlap() -> None:
    names = {f"s{place}": f"S{place}" for place in range(12)}
    spec = drawn(grid_frame({series: [1.0, 1.1] for series in names}), chart_spec(names))

    low, high = encoding(spec, "line", "y")["scale"]["domain"]
    pixels = [(high - label["label_y"]) / (high - low) * spec["height"] for label in labels(spec)]
    assert all(below - above >= LABEL_HEIGHT - 1e-6 for above, below in itertools.pairwise(pixels))


def test_beyond_twelve_series_a_legend_in_the_order_of_the_latest_values_replaces_the_labels() -> None:
    names = {f"s{place}": f"S{place}" for place in range(13)}
    spec = drawn(grid_frame({f"s{place}": [1.0, 1.0 + place / 10] for place in range(13)}), chart_spec(names))

    color = encoding(spec, "line", "color")
    assert color["scale"]["domain"][0] == "s12"
    assert '"s12": "S12 +120%"' in color["legend"]["labelExpr"]
    assert color["legend"]["symbolLimit"] == 0
    assert encoding(spec, "line", "strokeDash")["scale"]["range"][0] == [6, 3]
    assert not any("label_y" in str(layer["encoding"]) for layer in spec["layer"] if "encoding" in layer)


def test_a_series_keeps_its_colour_when_another_has_no_values() -> None:
    alone = drawn(TWO.filter(pl.col("series") == "layer-1"), chart_spec())

    assert encoding(alone, "line", "color")["scale"] == {"domain": ["layer-1"], "range": [PALETTE[1]]}


@pytest.mark.parametrize("order", [0, 1, 2])
def test_no_change_has_a_line_and_lies_within_the_axis(order: int) -> None:
    spec = drawn(grid_frame({"ai": [3.0, 4.0, 5.0]}), chart_spec(diff_order=order))

    rule = next(layer for layer in spec["layer"] if layer["mark"]["type"] == "rule")
    assert spec["datasets"][rule["data"]["name"]] == [{"value": 0}]
    low, high = encoding(spec, "line", "y")["scale"]["domain"]
    assert low < 0 < high


def test_unit_values_are_drawn_on_a_fixed_scale() -> None:
    spec = drawn(grid_frame({"ai": [0.4, 0.5], "layer-1": [0.6, 0.5]}), chart_spec(is_unit=True))

    assert encoding(spec, "line", "y")["scale"]["domain"] == [-0.02, 1.02]


@pytest.mark.parametrize(("order", "points"), [(0, 100), (1, 51), (2, 13), (3, 13)])
def test_growth_and_inflection_show_the_recent_window_only(order: int, points: int) -> None:
    spec = drawn(grid_frame({"ai": [place / 100 for place in range(100)]}), chart_spec(diff_order=order))

    assert len(rows(spec, "line")) == points


def test_tiny_changes_have_the_decimals_that_show_them() -> None:
    spec = drawn(grid_frame({"ai": [1e-6, -2.5e-6]}), chart_spec(diff_order=1, step=HOUR))

    assert texts(spec)[0] == "Growth, %/hour of the value at the start"
    assert labels(spec)[0]["text"] == "AI \u22120.000250%"


def test_a_series_that_dwarfs_the_others_is_owned_up_to() -> None:
    """One scale shows all others as a flat line: their labels still tell what they did."""
    spec = drawn(grid_frame({"ai": [1.0, 21.0], "layer-1": [1.0, 1.02]}), chart_spec())

    assert [label["text"] for label in labels(spec)] == ["AI +2,000%", "Layer 1 +2.0%"]
    assert footer(spec).endswith("AI moves 1,000 times as far as any other series")


@pytest.mark.slow
def test_long_series_are_thinned_and_short_windows_have_markers() -> None:
    hourly = grid_frame({"ai": [2 + math.sin(place) for place in range(2161)]}, HOUR)
    spec = drawn(hourly, chart_spec(step=HOUR))
    assert 500 < len(rows(spec, "line")) < 1100
    assert len(rows(spec, "point")) == 1

    short = drawn(grid_frame({"ai": [0.1 * place for place in range(13)]}), chart_spec(diff_order=2))
    assert len(rows(short, "point")) == 13


def test_a_series_without_a_value_in_the_window_is_named_in_the_footer() -> None:
    spec = drawn(TWO.filter(pl.col("series") == "layer-1"), chart_spec())

    assert footer(spec).endswith("no value in this window: AI")


def test_a_series_that_starts_later_is_named_in_the_footer_and_does_not_lead() -> None:
    """Its change is since its own first value, so it is not comparable with the others'."""
    spec = drawn(grid_frame({"ai": [None, 1.0, 1.9], "layer-1": [1.0, 1.1, 1.2]}), chart_spec())

    assert spec["title"]["text"].startswith("Narratives: Layer 1 +20.0%")
    assert footer(spec).endswith("change since a later start: AI (4 Mar)")


@pytest.mark.slow
def test_more_series_than_a_legend_holds_leave_room_for_the_plot_and_are_owned_up_to() -> None:
    many = {f"s{place}": f"A name of some length {place}" for place in range(120)}
    spec = drawn(grid_frame({series: [1.0, 1 + place / 100] for place, series in enumerate(many)}), chart_spec(many))

    assert spec["width"] > 400
    shown = encoding(spec, "line", "color")["legend"]["values"]
    assert (len(shown), shown[0]) == (87, "s119")
    assert footer(spec).endswith("the legend names the 87 highest of 120 series")


def test_a_footer_names_a_few_of_many_absent_series() -> None:
    many = {f"s{place}": f"S{place}" for place in range(11)}
    spec = drawn(grid_frame({"s0": [1.0, 2.0]}), chart_spec(many))

    assert footer(spec).endswith("no value in this window: S1, S2, S3, S4, S5, S6, S7, S8 and 2 more")


def test_a_constant_series_has_an_axis_around_it() -> None:
    low, high = encoding(drawn(grid_frame({"ai": [1.0, 1.0]}), chart_spec()), "line", "y")["scale"]["domain"]

    assert low < 0 < high


def test_labels_in_odd_letters_reach_the_legend_unharmed() -> None:
    odd = {f"s{place}": f"\"S\" 'x' {place}, é" for place in range(13)}
    spec = drawn(grid_frame({series: [1.0, 1.1] for series in odd}), chart_spec(odd))

    assert r'"\"S\" ' in encoding(spec, "line", "color")["legend"]["labelExpr"]


def test_a_chart_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no value in the window"):
        line_chart(grid_frame({"ai": [None]}), chart_spec())


def drawn(frame: pl.DataFrame, spec: ChartSpec) -> dict[str, Any]:
    return line_chart(frame, spec).to_dict(validate=True)


def mark(spec: dict[str, Any], kind: str) -> dict[str, Any]:
    layer: dict[str, Any] = next(layer for layer in spec["layer"] if layer["mark"]["type"] == kind)
    return layer


def encoding(spec: dict[str, Any], kind: str, channel: str) -> dict[str, Any]:
    found: dict[str, Any] = mark(spec, kind)["encoding"][channel]
    return found


def rows(spec: dict[str, Any], kind: str) -> list[dict[str, str]]:
    return list(csv.DictReader(spec["datasets"][mark(spec, kind)["data"]["name"]].splitlines()))


def labels(spec: dict[str, Any]) -> list[dict[str, Any]]:
    layer = next(layer for layer in spec["layer"] if "text" in layer.get("encoding", {}))
    found: list[dict[str, Any]] = spec["datasets"][layer["data"]["name"]]
    return found


def texts(spec: dict[str, Any]) -> list[Any]:
    """Texts that are written once: the axis title and, as lines, the footer."""
    return [layer["mark"]["text"] for layer in spec["layer"] if "text" in layer["mark"]]


def footer(spec: dict[str, Any]) -> str:
    return " ".join(texts(spec)[-1])
