"""Price against flow."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.cross_asset.price_against_flow import price_against_flow_chart
from marketflows_pipeline.charts.cross_asset.spec import PriceFlowSpec
from marketflows_pipeline_tests.charts.cross_asset.frames import ASSETS, flows_frame
from marketflows_pipeline_tests.charts.exchanges.frames import marks, page_size, rows_of, texts

SPEC = PriceFlowSpec(assets=ASSETS, source="Prices from Yahoo")


def drawn(frame: pl.DataFrame) -> dict[str, Any]:
    return price_against_flow_chart(frame, SPEC).to_dict(validate=True)


def test_each_fund_stands_at_its_price_effect_and_its_flow_in_percent_of_its_size() -> None:
    spec = drawn(flows_frame({"SPY": [20.0, 30.0], "GLD": [-10.0, 0.0]}))
    (points,) = marks(spec, "circle")

    # Each session adds 10 by price to a market cap of 1,000.
    assert [(row["price_pct"], row["share_pct"]) for row in rows_of(spec, points)] == [(2, -1), (2, 5)]
    assert page_size(spec) == (960, 720)
    assert "SPY +5.00%" in texts(spec)
    assert "GLD \u22121.00%" in texts(spec)


def test_the_title_names_the_largest_flow_against_the_price_if_there_is_one() -> None:
    """A fund whose shares were redeemed "was sold", though shares change hands every day without a redemption."""
    against = drawn(flows_frame({"SPY": [50.0], "GLD": [-10.0]}))
    along = drawn(flows_frame({"SPY": [50.0], "GLD": [10.0]}))

    assert against["title"]["text"] == "Money went out of GLD (\u22121.00%) while it rose (+1.00%) over 1 session"
    assert along["title"]["text"] == "Money went into SPY (+5.00%) while it rose (+1.00%) over 1 session"


def test_flows_of_nothing_went_nowhere() -> None:
    assert drawn(flows_frame({"SPY": [0.0]}))["title"]["text"] == "No money went into or out of any fund over 1 session"


def test_a_session_without_a_flow_is_said_and_none_is_guessed() -> None:
    spec = drawn(flows_frame({"SPY": [50.0, None], "QQQ": [None, None]}))

    assert "SPY +5.00% (1 of 2)" in texts(spec)
    assert "flow unknown: QQQ" in texts(spec)


def test_without_a_known_flow_there_is_no_picture() -> None:
    with pytest.raises(ValueError, match="no fund has a known price effect"):
        drawn(flows_frame({"QQQ": [None]}))
