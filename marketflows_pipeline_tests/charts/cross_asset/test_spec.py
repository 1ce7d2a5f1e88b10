from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.cross_asset.spec import (
    OUTSIDE,
    CorrelationsSpec,
    CumulativeFlowsSpec,
    EffectsSpec,
    FlowMapSpec,
    FlowRankingSpec,
    ModelSpec,
    RegimesSpec,
    last_sessions,
    shown_symbols,
)
from marketflows_pipeline.transforms.cross_asset import flow_map
from marketflows_pipeline_tests.charts.cross_asset.frames import (
    ASSETS,
    LAST,
    back,
    correlations_frame,
    evaluation_frame,
    flows_frame,
    map_frame,
    rankings_frame,
    regimes_frame,
    styles,
)

CUMULATIVE = CumulativeFlowsSpec(styles(), source="source")
RANKING = FlowRankingSpec(21, source="source")
MAP = FlowMapSpec(21, source="source")
EFFECTS = EffectsSpec(ASSETS, source="source")
REGIMES = RegimesSpec("SPY", "S&P 500", source="source")
CORRELATIONS = CorrelationsSpec(ASSETS, 63, source="source")
MODEL = ModelSpec(5, "direction", "logistic", ("SPY", "GLD"), source="source")
ALL = [CUMULATIVE, RANKING, MAP, EFFECTS, REGIMES, CORRELATIONS, MODEL]


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (CUMULATIVE, "CrossAsset_cumulative_flows.png"),
        (RANKING, "CrossAsset_flow_ranking_21.png"),
        (MAP, "CrossAsset_flow_map_21.png"),
        (EFFECTS, "CrossAsset_price_vs_flow.png"),
        (REGIMES, "CrossAsset_regimes.png"),
        (CORRELATIONS, "CrossAsset_correlations.png"),
        (MODEL, "CrossAsset_model_5_direction.png"),
        (ModelSpec(20, "rank", "logistic", (), source="source"), "CrossAsset_model_20_rank.png"),
    ],
)
def test_a_picture_is_named_by_what_it_shows(spec: Any, name: str) -> None:
    assert spec.file_name == name


def test_a_sum_over_time_needs_two_sessions_with_a_known_flow_of_a_fund() -> None:
    none = flows_frame({"BTC": [1.0, 2.0], "QQQ": [None, None]}, {"BTC": "supply"})
    assert CUMULATIVE.reason_to_skip(none) == "0 sessions with a known flow of a fund, a time series needs 2"
    one = flows_frame({"SPY": [None, 2.0]})
    assert CUMULATIVE.reason_to_skip(one) == "1 session with a known flow of a fund, a time series needs 2"
    assert CUMULATIVE.reason_to_skip(flows_frame({"SPY": [0.0, 2.0]})) is None


def test_a_ranking_needs_a_flow_but_issuance_is_enough_to_show() -> None:
    assert RANKING.reason_to_skip(rankings_frame([("QQQ", "price_only", None)])) == "no flow is known in this window"
    assert RANKING.reason_to_skip(rankings_frame([("QQQ", "shares", math.nan)])) is not None
    assert RANKING.reason_to_skip(rankings_frame([("BTC", "supply", 5.0)])) is None


def test_a_flow_map_needs_a_pair() -> None:
    assert MAP.reason_to_skip(map_frame([])) == "no fund had a known inflow or outflow"
    assert MAP.reason_to_skip(map_frame([("SPY", OUTSIDE, 1.0)])) is None


def test_effects_need_a_fund() -> None:
    assert EFFECTS.reason_to_skip(flows_frame({"BTC": [5.0]}, {"BTC": "supply"})) is not None
    assert EFFECTS.reason_to_skip(flows_frame({"SPY": [5.0], "QQQ": [None]})) is None
    assert EFFECTS.reason_to_skip(flows_frame({"QQQ": [None]})) == "no fund has a known price effect and share effect"


def test_regimes_need_both_lines_and_a_regime() -> None:
    assert REGIMES.reason_to_skip(regimes_frame([(5.0, 1.0, "mixed"), (None, 1.0, "mixed")])) == (
        "1 session of SPY, a time series needs 2"
    )
    assert REGIMES.reason_to_skip(regimes_frame([(5.0, None, None), (6.0, None, None)])) == (
        "0 sessions with VIX, a time series needs 2"
    )
    assert REGIMES.reason_to_skip(regimes_frame([(5.0, 9.0, None), (6.0, 9.0, None)])) == "no session has a regime yet"
    assert REGIMES.reason_to_skip(regimes_frame([(5.0, 9.0, None), (6.0, 9.0, "mixed")])) is None


def test_correlations_need_one_that_is_known() -> None:
    assert CORRELATIONS.reason_to_skip(correlations_frame([])) == "no correlation is known yet"
    assert CORRELATIONS.reason_to_skip(correlations_frame([("GLD", "SPY", None)])) == "no correlation is known yet"
    assert CORRELATIONS.reason_to_skip(correlations_frame([("GLD", "SPY", 0.2)])) is None


def test_a_model_needs_an_auc_and_a_reliability_table() -> None:
    frame = evaluation_frame()
    assert MODEL.reason_to_skip(frame) is None
    assert MODEL.reason_to_skip(frame.filter(pl.col("metric") != "auc")) == "the model has no AUC"
    assert MODEL.reason_to_skip(frame.filter(pl.col("metric") != "reliability")) == (
        "the model has no reliability table"
    )
    assert MODEL.reason_to_skip(frame.clear()) is not None


@pytest.mark.parametrize("spec", ALL)
def test_a_frame_without_a_column_is_refused_by_name(spec: Any) -> None:
    with pytest.raises(ValueError, match=r"the frame lacks .*; it has unknown"):
        spec.reason_to_skip(pl.DataFrame({"unknown": [1]}))


def test_the_last_sessions_are_those_of_the_frame_whichever_assets_have_them() -> None:
    frame = flows_frame({"SPY": [1.0, 2.0, 3.0]}).filter(pl.col("session") != back(1))

    assert last_sessions(frame, 2).get_column("session").to_list() == [back(2), LAST]


def test_symbols_stand_in_the_order_of_the_settings_and_others_last() -> None:
    assert shown_symbols(["AAA", "GLD", "SPY"], ["SPY", "QQQ", "GLD"]) == ["SPY", "GLD", "AAA"]


def test_the_outside_has_one_name() -> None:
    assert OUTSIDE == flow_map.OUTSIDE


@pytest.mark.slow
def test_describing_the_pictures_does_not_load_altair() -> None:
    program = "import sys, marketflows_pipeline.charts.cross_asset.catalog; assert 'altair' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
