from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.cross_asset.context_spec import FundGroupsSpec
from marketflows_pipeline.charts.cross_asset.fund_groups import fund_groups_chart
from marketflows_pipeline.charts.style.theme import GREY, INTO, OUT_OF
from marketflows_pipeline_tests.charts.cross_asset.frames import LAST
from marketflows_pipeline_tests.charts.exchanges.frames import page_size, texts
from marketflows_pipeline_tests.charts.ranked import drawn_bars, ranked_rows

SPEC = FundGroupsSpec(source="Prices from Yahoo")


def groups(*rows: tuple[str, float | None, int, float | None]) -> pl.DataFrame:
    """Group, flow, known funds of 11 and coverage; two sessions of three are known."""
    return pl.DataFrame(
        [
            {
                "asset_group": name,
                "session": LAST,
                "flow_usd": flow,
                "n_sessions": 3,
                "sessions_known": 0 if flow is None else 2,
                "n_funds": 11,
                "n_known": known,
                "n_with_assets": 9,
                "coverage_pct": covered,
                "least_coverage_pct": covered,
            }
            for name, flow, known, covered in rows
        ],
        schema_overrides={"flow_usd": pl.Float64, "coverage_pct": pl.Float64, "least_coverage_pct": pl.Float64},
    )


FRAME = groups(("sector", -5e6, 11, 100.0), ("bitcoin", 7e7, 7, 93.0), ("region", None, 0, None))


def drawn(frame: pl.DataFrame, spec: FundGroupsSpec = SPEC) -> dict[str, Any]:
    assert spec.reason_to_skip(frame) is None
    chart: dict[str, Any] = fund_groups_chart(frame, spec).to_dict()
    return chart


def test_the_picture_is_valid_vega_lite_of_the_promised_size() -> None:
    assert page_size(drawn(FRAME)) == (960, 720)


@pytest.mark.slow
def test_the_largest_inflow_comes_first_and_an_unknown_group_has_no_bar() -> None:
    assert [row["name"] for row in ranked_rows(drawn(FRAME))] == ["bitcoin", "sector", "region"]
    assert drawn_bars(drawn(FRAME)) == [("bitcoin", 0.0, 7e7, INTO), ("sector", 0.0, -5e6, OUT_OF)]
    assert "flow unknown" in texts(drawn(FRAME))


@pytest.mark.slow
def test_each_group_says_how_much_of_it_is_known() -> None:
    said = texts(drawn(FRAME))
    assert ranked_rows(drawn(FRAME))[0]["columns"] == [("7 of 11", GREY), ("93.0%", GREY), ("93.0%", GREY)]
    assert "+$70.0M (2 of 3)" in said
    assert drawn(FRAME)["title"]["text"] == "bitcoin took in most in 3 sessions: +$70.0M (7 of 11 funds known)"


def test_groups_without_room_are_named() -> None:
    assert "smaller, not drawn: sector, region" in texts(drawn(FRAME, replace(SPEC, rows=1)))


def test_without_any_known_flow_there_is_no_picture() -> None:
    assert SPEC.reason_to_skip(FRAME.filter(asset_group="region")) == "no flow of any group of funds is known"
