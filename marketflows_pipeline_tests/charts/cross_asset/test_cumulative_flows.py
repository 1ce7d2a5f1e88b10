from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.cross_asset.cumulative_flows import cumulative_flows, cumulative_flows_chart
from marketflows_pipeline.charts.cross_asset.spec import CumulativeFlowsSpec
from marketflows_pipeline.charts.style.end_labels import LABEL_HEIGHT, LABEL_SIZE
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.theme import PALETTE, series_styles
from marketflows_pipeline_tests.charts.cross_asset.frames import ASSETS, back, flows_frame, styles
from marketflows_pipeline_tests.charts.exchanges.frames import marks, page_size, rows_of, texts

SPEC = CumulativeFlowsSpec(styles(), source="Prices from Yahoo")
FLOWS = flows_frame(
    {
        "SPY": [None, 2e9, -5e9, 1e9],
        "GLD": [None, 1e9, 1e9, 0.0],
        "QQQ": [None, None, None, None],
        "BTC": [9e9, 9e9, 9e9, 9e9],
    },
    {"BTC": "supply"},
)


def test_the_picture_is_valid_vega_lite_of_the_promised_size() -> None:
    assert page_size(drawn(FLOWS)) == (960, 720)


def test_sums_start_at_zero_on_the_session_before_the_first_flow() -> None:
    # SPY: 2, 2 - 5, 2 - 5 + 1; GLD: 1, 2, 2 (a flow of zero is a flow).
    sums = cumulative_flows(FLOWS, 4)

    assert sums.filter(pl.col("series") == "SPY").get_column("flow_usd").to_list() == [0.0, 2e9, -3e9, -2e9]
    assert sums.filter(pl.col("series") == "GLD").get_column("flow_usd").to_list() == [0.0, 1e9, 2e9, 2e9]


def test_lines_are_in_percent_of_the_market_cap_before_and_labels_have_the_dollars() -> None:
    """In dollars a fund of 500 billion pressed the lines of all others flat against zero."""
    spec = drawn(flows_frame({"SPY": [None, 20.0, -50.0], "GLD": [None, 10.0, 10.0]}))

    # Market caps were 1,000.
    assert points(spec, "SPY") == pytest.approx([0.0, 2.0, -3.0])
    assert points(spec, "GLD") == pytest.approx([0.0, 1.0, 2.0])
    assert "SPY \u22123.00% (\u2212$30) (2 of 3)" in texts(spec)
    assert spec["title"]["text"] == "Since 4 Mar 2026 flows took most from SPY: \u22123.00% of its market cap"


def test_a_fund_without_a_market_cap_is_named_and_not_drawn() -> None:
    no_size = pl.when(pl.col("symbol") != "GLD").then(pl.col("market_cap_usd")).alias("market_cap_usd")
    spec = drawn(FLOWS.with_columns(no_size))

    assert {row["series"] for row in line_rows(spec)} == {"SPY"}
    assert "market cap unknown, not drawn: GLD" in texts(spec)
    with pytest.raises(ValueError, match="no fund with a known flow has a known market cap"):
        drawn(FLOWS.with_columns(market_cap_usd=pl.lit(None, pl.Float64)))


def test_issuance_and_unknown_flows_are_no_lines_but_named() -> None:
    spec = drawn(FLOWS)

    assert {row["series"] for row in line_rows(spec)} == {"SPY", "GLD"}
    assert "flow unknown: QQQ" in texts(spec)
    assert "left out: BTC (issuance is not a flow of investors)" in texts(spec)


@pytest.mark.slow
def test_a_session_without_a_flow_breaks_the_line_and_adds_nothing() -> None:
    spec = drawn(flows_frame({"SPY": [None, 1e9, 1e9, None, None, 3e9, 1e9], "GLD": [1e9] * 7}))

    rows = [row for row in line_rows(spec) if row["series"] == "SPY"]
    assert [row["value"] for row in rows] == pytest.approx([0.0, 1e8, 2e8, 5e8, 6e8])
    assert [row["run"] for row in rows] == [0, 0, 0, 2, 2]
    assert marks(spec, "line")[0]["encoding"]["detail"]["field"] == "run"
    assert "(+$6.0B) (4 of 7)" in texts(spec)
    assert "a line breaks where the flow is not known" in texts(spec)
    assert "a line breaks" not in texts(drawn(flows_frame({"SPY": [None, 1e9, 2e9]})))


def test_what_came_over_a_gap_is_in_the_sum_with_all_its_sessions() -> None:
    frame = flows_frame({"SPY": [1.0, 2.0, None, None, 4.0]}).with_columns(
        flow_usd=pl.when(session=back(1)).then(30.0).otherwise("flow_usd"),
        flow_method=pl.when(session=back(1)).then(pl.lit("shares")).otherwise("flow_method"),
        sessions_known=pl.when(session=back(1)).then(2).otherwise("sessions_known"),
    )
    sums = cumulative_flows(frame, 4)

    assert sums.get_column("flow_usd").to_list() == [0.0, 2.0, None, 32.0, 36.0]
    assert sums.get_column("known").to_list() == [0, 1, 1, 3, 4]


def test_only_the_window_counts_and_the_session_before_it_is_the_start() -> None:
    # The window is the last 2 of 4 sessions: 3 and 3 + 4, from zero on the session before.
    sums = cumulative_flows(flows_frame({"SPY": [1.0, 2.0, 3.0, 4.0]}), 2)

    assert sums.get_column("flow_usd").to_list() == [0.0, 3.0, 7.0]
    assert sums.get_column("session").to_list() == [back(2), back(1), back(0)]
    assert sums.get_column("known").to_list() == [0, 1, 2]


def test_a_fund_that_ended_is_labelled_with_its_last_session() -> None:
    frame = pl.concat([flows_frame({"SPY": [1e9, 1e9, 1e9]}), flows_frame({"GLD": [2e9, 2e9, None]})])

    assert "(+$4.0B) (2 of 3), 5 Mar" in texts(drawn(frame))


def test_labels_keep_their_distance_and_end_on_the_page() -> None:
    symbols = [f"X{place:02}" for place in range(12)]
    frame = flows_frame({symbol: [1e9, 1e9 + place] for place, symbol in enumerate(symbols)})
    spec = drawn(frame)

    labels = label_rows(spec)
    low, high = marks(spec, "line")[0]["encoding"]["y"]["scale"]["domain"]
    pixels = sorted((high - row["label_y"]) / (high - low) * spec["height"] for row in labels)
    assert len(pixels) == 12
    assert min(after - before for before, after in itertools.pairwise(pixels)) >= LABEL_HEIGHT - 1e-6
    widest = max(text_width(row["text"], LABEL_SIZE, bold=True) for row in labels)
    assert widest < spec["padding"]["right"]


def test_more_funds_than_can_be_labelled_are_the_largest_and_the_rest_is_named() -> None:
    frame = flows_frame({f"X{place:02}": [1e9, 1e9 * (place + 1)] for place in range(14)})
    spec = drawn(frame)

    assert len(label_rows(spec)) == 12
    assert "smaller, not drawn: X00, X01" in texts(spec)


def test_a_fund_has_the_colour_of_its_place_in_the_settings() -> None:
    scale = marks(drawn(FLOWS), "line")[0]["encoding"]["color"]["scale"]

    order = [symbol for symbol, _ in ASSETS]
    assert dict(zip(scale["domain"], scale["range"], strict=True)) == {
        "SPY": PALETTE[order.index("SPY")],
        "GLD": PALETTE[order.index("GLD")],
    }


@pytest.mark.slow
def test_beyond_twelve_assets_lines_of_one_colour_differ_in_dashes() -> None:
    many = series_styles([(f"X{place:02}", f"X{place:02}") for place in range(13)])
    frame = flows_frame({"X00": [1e9, 1e9], "X12": [2e9, 2e9]})

    encoding = marks(drawn(frame, replace(SPEC, assets=many)), "line")[0]["encoding"]
    assert len(set(encoding["color"]["scale"]["range"])) == 1
    assert encoding["strokeDash"]["scale"]["range"] == [[1, 0], [6, 3]]
    assert "strokeDash" not in marks(drawn(FLOWS), "line")[0]["encoding"]


def test_the_axis_holds_zero_and_notes_stand_in_the_footer() -> None:
    spec = drawn(flows_frame({"SPY": [5e9, 5e9]}), replace(SPEC, notes=("synthetic data",)))

    low, high = marks(spec, "line")[0]["encoding"]["y"]["scale"]["domain"]
    assert low < 0
    assert high > 1e9
    assert "synthetic data" in texts(spec)
    assert "as of the session of 6 Mar 2026" in texts(spec)


@pytest.mark.slow
def test_flows_from_net_assets_are_said_to_be() -> None:
    assert "from net assets less their growth by price" in texts(
        drawn(flows_frame({"SPY": [1e9, 1e9]}, {"SPY": "aum"}))
    )
    assert "from net assets" not in texts(drawn(FLOWS))


def test_a_picture_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a time series needs 2"):
        cumulative_flows_chart(FLOWS.clear(), SPEC)


def drawn(frame: pl.DataFrame, spec: CumulativeFlowsSpec = SPEC) -> dict[str, Any]:
    return cumulative_flows_chart(frame, spec).to_dict(validate=True)


def line_rows(spec: dict[str, Any]) -> list[dict[str, Any]]:
    (layer,) = marks(spec, "line")
    rows: list[dict[str, Any]] = rows_of(spec, layer)
    return rows


def points(spec: dict[str, Any], symbol: str) -> list[float]:
    return [row["value"] for row in line_rows(spec) if row["series"] == symbol]


def label_rows(spec: dict[str, Any]) -> list[dict[str, Any]]:
    layer = next(layer for layer in marks(spec, "text") if "text" in layer.get("encoding", {}))
    rows: list[dict[str, Any]] = rows_of(spec, layer)
    return rows
