from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.cross_asset.price_and_share_effects import (
    PRICE_FILL,
    SHARE_FILL,
    effects_chart,
    price_share_pct,
    summed_effects,
)
from marketflows_pipeline.charts.cross_asset.spec import EffectsSpec
from marketflows_pipeline_tests.charts.cross_asset.frames import ASSETS, flows_frame
from marketflows_pipeline_tests.charts.exchanges.frames import page_size, texts
from marketflows_pipeline_tests.charts.ranked import drawn_bars, ranked_rows

SPEC = EffectsSpec(ASSETS, source="Prices from Yahoo")
# Each known day has a price effect of 10 of a market cap of 1,000.
FRAME = flows_frame(
    {"SPY": [5.0, -20.0, 10.0], "GLD": [2.0, 2.0, 2.0], "QQQ": [None] * 3, "BTC": [9.0] * 3}, {"BTC": "supply"}
)


@pytest.mark.slow
def test_the_picture_is_valid_vega_lite_of_the_promised_size() -> None:
    assert page_size(drawn(FRAME)) == (960, 720)
    assert page_size(drawn(flows_frame({"SPY": [0.0]}))) == (960, 720)


def test_effects_are_sums_of_days_against_the_market_cap_before_them() -> None:
    effects = {row["symbol"]: row for row in summed_effects(FRAME).to_dicts()}

    assert set(effects) == {"SPY", "GLD"}
    spy = effects["SPY"]
    # 3 days of 10; 5 - 20 + 10; before the first day the market cap was 1,000.
    assert (spy["price_usd"], spy["share_usd"], spy["cap_before_usd"], spy["known"]) == (30.0, -5.0, 1000.0, 3)
    assert (spy["price_pct"], spy["share_pct"]) == (pytest.approx(3.0), pytest.approx(-0.5))


def test_two_bars_stand_side_by_side_for_each_fund() -> None:
    spec = drawn(FRAME)

    assert [(name, start, round(end, 6), fill) for name, start, end, fill in drawn_bars(spec)] == [
        ("GLD", 0.0, 3.0, PRICE_FILL),
        ("GLD", 0.0, 0.6, SHARE_FILL),
        ("SPY", 0.0, 3.0, PRICE_FILL),
        ("SPY", 0.0, -0.5, SHARE_FILL),
    ]
    assert [text for row in ranked_rows(spec) for text, _ in row["bars"]] == [
        "+3.00% (+$30)",
        "+0.60% (+$6)",
        "+3.00% (+$30)",
        "\u22120.50% (\u2212$5)",
    ]


def test_the_title_says_how_much_of_what_moved_is_price() -> None:
    # Price 30 + 30, shares 5 + 6: 60 of 71.
    assert price_share_pct(summed_effects(FRAME)) == pytest.approx(100 * 60 / 71)
    assert drawn(FRAME)["title"]["text"] == "Price made 84.5% of the moves in funds' market caps over 3 sessions"


def test_nothing_that_moved_has_no_share() -> None:
    still = summed_effects(flows_frame({"SPY": [0.0]})).with_columns(price_usd=0.0)

    assert price_share_pct(still) is None


def test_unknown_and_issuance_are_named_and_have_no_bars() -> None:
    spec = drawn(FRAME, replace(SPEC, notes=("synthetic data",)))

    assert len(drawn_bars(spec)) == 4
    assert "flow unknown: QQQ" in texts(spec)
    assert "left out: BTC (issuance is not a flow of investors)" in texts(spec)
    assert "synthetic data" in texts(spec)
    assert "as of the session of 6 Mar 2026" in texts(spec)


def test_a_sum_of_some_sessions_says_how_many_and_begins_where_it_can() -> None:
    spec = drawn(flows_frame({"SPY": [None, 4.0, 4.0], "GLD": [1.0, 1.0, 1.0]}))

    assert "+0.80% (+$8) (2 of 3)" in texts(spec)
    assert "(n of m): sessions in the sum" in texts(spec)


def test_the_largest_funds_are_drawn_and_others_named() -> None:
    frame = FRAME.with_columns(
        pl.when(pl.col("symbol") == "GLD").then(pl.col("market_cap_usd") * 2).otherwise("market_cap_usd")
    )
    spec = drawn(frame, replace(SPEC, rows=1))

    assert "not drawn: SPY" in texts(spec)
    assert len(drawn_bars(spec)) == 2


def test_a_picture_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no fund has a known"):
        effects_chart(FRAME.clear(), SPEC)


def drawn(frame: pl.DataFrame, spec: EffectsSpec = SPEC) -> dict[str, Any]:
    return effects_chart(frame, spec).to_dict(validate=True)
