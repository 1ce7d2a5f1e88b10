from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.exchanges.spec import RankingSpec
from marketflows_pipeline.charts.exchanges.tvl_ranking import (
    CLEAN_FILL,
    OWN_FILL,
    UNSPLIT_FILL,
    ranking_chart,
)
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.ranked_bars import TEXT_SIZE
from marketflows_pipeline.charts.style.theme import FALL_INK, GREY, INK, RISE_INK
from marketflows_pipeline_tests.charts.exchanges.frames import page_size, texts, tvl_frame
from marketflows_pipeline_tests.charts.ranked import drawn_bars, ranked_rows

SPEC = RankingSpec("cex", source="Data provided by DefiLlama")
# In all 200 billion: Binance 70 %, OKX 20 %, Gate 10 %.
CEX = tvl_frame([("Binance", 140e9, 120e9, 1.5), ("OKX", 40e9, 40e9, -2.0), ("Gate", 20e9, None, None)])


@pytest.mark.slow
def test_the_picture_is_valid_vega_lite_of_the_promised_size() -> None:
    assert page_size(drawn(CEX)) == (960, 720)
    assert page_size(drawn(CEX.head(1))) == (960, 720)


def test_bars_start_at_zero_dark_for_clean_assets_and_light_for_own_tokens() -> None:
    spec = drawn(CEX)

    assert drawn_bars(spec) == [
        ("Binance", 0.0, 120e9, CLEAN_FILL),
        ("Binance", 120e9, 140e9, OWN_FILL),
        ("OKX", 0.0, 40e9, CLEAN_FILL),
        ("Gate", 0.0, 20e9, UNSPLIT_FILL),
    ]
    assert spec["title"]["text"] == "Binance holds 70.0% of the reserves of 3 centralised exchanges"
    assert "without own tokens · own tokens · not told apart" in texts(spec)
    assert "grey: own tokens are not told apart" in texts(spec)


def test_an_exchange_that_holds_nothing_is_measured_and_has_no_bar() -> None:
    """It was counted as measured by the command and not by the picture."""
    figures = [("Binance", 140e9, 120e9, 1.5), ("OKX", 40e9, 40e9, -2.0), ("Gate", 20e9, None, None)]
    spec = drawn(tvl_frame([*figures, ("Empty", 0.0, 0.0, None), ("Unknown", None, None, None)]))

    assert "the 3 largest of 4 measured" in " ".join(spec["title"]["subtitle"])
    assert [row["name"] for row in ranked_rows(spec)] == ["Binance", "OKX", "Gate"]


def test_a_clean_figure_above_the_whole_does_not_reach_beyond_it() -> None:
    assert drawn_bars(drawn(tvl_frame([("A", 10.0, 11.0, None)]))) == [("A", 0.0, 10.0, CLEAN_FILL)]


def test_values_shares_and_changes_stand_beside_the_bars() -> None:
    spec = drawn(CEX)

    rows = ranked_rows(spec)
    assert [(row["name"], row["bars"], row["columns"]) for row in rows] == [
        ("Binance", [("$140.0B", INK)], [("70.0%", GREY), ("+1.5%", RISE_INK)]),
        ("OKX", [("$40.0B", INK)], [("20.0%", GREY), ("\u22122.0%", FALL_INK)]),
        ("Gate", [("$20.0B", INK)], [("10.0%", GREY), ("\u2013", GREY)]),
    ]


def test_a_change_that_rounds_to_nothing_has_no_colour() -> None:
    (row,) = ranked_rows(drawn(tvl_frame([("A", 10.0, None, -0.01)])))

    assert row["columns"][1] == ("0.0%", GREY)


def test_the_subtitle_counts_all_that_are_measured_and_the_page_shows_the_largest() -> None:
    many = tvl_frame([(f"X{place:02}", 100.0 - place, None, None) for place in range(30)])
    spec = drawn(pl.concat([many, tvl_frame([("Coinbase", None, None, None)])]))

    assert len(ranked_rows(spec)) == 20
    assert "the 20 largest of 30 measured" in spec["title"]["subtitle"][0]
    # 100 + 99 + 98 + 97 + 96 of 100 + 99 + ... + 71 = 2,565.
    assert "the five largest hold 19.1%" in spec["title"]["subtitle"][0]


def test_large_exchanges_that_report_nothing_are_named() -> None:
    spec = drawn(CEX, replace(SPEC, unmeasured=("Coinbase", "Upbit")))

    assert "reserves not known: Coinbase, Upbit" in texts(spec)
    assert "tracked wallets only" in texts(spec)


def test_decentralised_exchanges_are_of_one_colour_and_have_no_key() -> None:
    spec = drawn(tvl_frame([("Uniswap", 5e9, None, 1.0)], kind="dex"), replace(SPEC, kind="dex"))

    assert spec["title"]["text"] == "Uniswap holds 100.0% of the value locked of 1 decentralised exchange"
    assert drawn_bars(spec) == [("Uniswap", 0.0, 5e9, CLEAN_FILL)]
    assert "own tokens" not in texts(spec)
    assert "tracked wallets" not in texts(spec)


def test_a_long_name_is_cut_and_bars_begin_beyond_the_longest() -> None:
    spec = drawn(tvl_frame([("An endless name " * 8, 9e9, None, None), ("B", 1e9, None, None)]))

    longest = ranked_rows(spec)[0]["name"]
    assert longest.endswith("…")
    assert spec["padding"]["left"] > 18 + text_width(longest, TEXT_SIZE, bold=True)


def test_a_ranking_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no exchange has a figure"):
        ranking_chart(tvl_frame([]), SPEC)


def drawn(frame: pl.DataFrame, spec: RankingSpec = SPEC) -> dict[str, Any]:
    return ranking_chart(frame, spec).to_dict(validate=True)
