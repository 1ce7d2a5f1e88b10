from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.exchanges.spec import (
    ConcentrationSpec,
    RankingSpec,
    ReservesSpec,
    SharesSpec,
    WhaleSpec,
)
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline_tests.charts.exchanges.frames import (
    dominance_frame,
    netflow_frame,
    shares_frame,
    tvl_frame,
    whale_frame,
)

RESERVES = ReservesSpec("binance-cex", "Binance", source="source")
SHARES = SharesSpec("tracked", (), 30, source="source")
CONCENTRATION = ConcentrationSpec("spot_volume", (SeriesStyle("all", "All", "#000000"),), (1000, 1800), source="source")
WHALES = WhaleSpec(source="source")
RANKING = RankingSpec("cex", source="source")


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (RESERVES, "Exchanges_reserves_binance-cex.png"),
        (SHARES, "Exchanges_market_share_tracked.png"),
        (CONCENTRATION, "Exchanges_HHI_spot_volume.png"),
        (WHALES, "Exchanges_whale_signals.png"),
        (RANKING, "Exchanges_TVL_ranking_cex.png"),
        (RankingSpec("dex", source="source"), "Exchanges_TVL_ranking_dex.png"),
    ],
)
def test_a_picture_is_named_by_what_it_shows(spec: Any, name: str) -> None:
    assert spec.file_name == name


def test_no_slug_can_lead_out_of_the_folder() -> None:
    assert ReservesSpec("../a b/c", "X", source="source").file_name == "Exchanges_reserves_..-a-b-c.png"


def test_reserves_of_one_day_make_no_line() -> None:
    assert RESERVES.reason_to_skip(netflow_frame([])) == "its reserves are not known"
    assert RESERVES.reason_to_skip(netflow_frame([(1, None, 5.0), (0, math.nan, 5.0)])) == "its reserves are not known"
    one_day = netflow_frame([(1, None, None), (0, 10.0, None)])
    assert RESERVES.reason_to_skip(one_day) == "its reserves are known for 1 day, a time series needs 2"
    assert RESERVES.reason_to_skip(netflow_frame([(1, 9.0, None), (0, 10.0, None)])) is None


def test_shares_need_three_days() -> None:
    two = shares_frame([(1, {"a": 1, "b": 2}), (0, {"a": 1, "b": 2})])
    three = shares_frame([(9, {"a": 1}), (1, {"a": 1}), (0, {"a": 1})])

    assert SHARES.reason_to_skip(two.clear()) == "0 days of history, a time series needs 3"
    assert SHARES.reason_to_skip(two) == "2 days of history, a time series needs 3"
    assert SHARES.reason_to_skip(three) is None


def test_concentration_needs_three_days_of_a_segment_that_is_shown() -> None:
    shown = [("all", ago, 900.0, None, None) for ago in range(3)]
    other = [("decentralised", ago, 900.0, None, None) for ago in range(3)]

    assert CONCENTRATION.reason_to_skip(dominance_frame(shown)) is None
    assert CONCENTRATION.reason_to_skip(dominance_frame([*shown[:1], *other])) == (
        "1 day of history, a time series needs 3"
    )


def test_a_scatter_needs_a_coin_with_a_volume_and_a_price_change() -> None:
    assert WHALES.reason_to_skip(whale_frame([])) == "no coin was observed"
    unplaced = whale_frame([("A", 0.0, 1.0, 0.0, False), ("B", 12.0, None, 5e6, True)])
    assert WHALES.reason_to_skip(unplaced) == "no coin has both a volume and a price change"
    assert WHALES.reason_to_skip(whale_frame([("A", 0.1, 0.0, 1.0, False)])) is None


def test_a_ranking_needs_a_figure() -> None:
    assert RANKING.reason_to_skip(tvl_frame([("Coinbase", None, None, None)])) is not None
    assert RANKING.reason_to_skip(tvl_frame([])) is not None
    assert RANKING.reason_to_skip(tvl_frame([("Binance", 5.0, None, None)])) is None


@pytest.mark.parametrize("spec", [RESERVES, SHARES, CONCENTRATION, WHALES, RANKING])
def test_a_frame_without_a_column_is_refused_by_name(spec: Any) -> None:
    with pytest.raises(ValueError, match=r"the frame lacks .*; it has unknown"):
        spec.reason_to_skip(pl.DataFrame({"unknown": [1]}))


@pytest.mark.slow
def test_describing_the_pictures_does_not_load_altair() -> None:
    program = "import sys, marketflows_pipeline.charts.exchanges.catalog; assert 'altair' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
