from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.exchanges.league import league_chart
from marketflows_pipeline.charts.exchanges.spec import LeagueSpec
from marketflows_pipeline.charts.style.theme import FALL_INK, GREY, INK, INTO, OUT_OF, REFERENCE, RISE_INK
from marketflows_pipeline_tests.charts.exchanges.frames import league_frame, page_size, texts
from marketflows_pipeline_tests.charts.ranked import drawn_bars, ranked_rows

SPEC = LeagueSpec(source="Data provided by DefiLlama")
LEAGUE = league_frame([("Kraken", 65.0, 73.0), ("HTX", 1.0, -8.0), ("Binance", -195.0, None), ("MEXC", None, 86.0)])


def drawn(frame: pl.DataFrame, spec: LeagueSpec = SPEC) -> dict[str, Any]:
    return league_chart(frame, spec).to_dict(validate=True)


@pytest.mark.slow
def test_the_picture_is_valid_vega_lite_of_the_promised_size() -> None:
    assert page_size(drawn(LEAGUE)) == (960, 720)
    assert page_size(drawn(LEAGUE.head(1))) == (960, 720)


def test_net_flow_stands_above_what_defillama_reports() -> None:
    assert sorted(drawn_bars(drawn(LEAGUE))) == sorted(
        [
            ("Kraken", 0.0, 65e6, INTO),
            ("Kraken", 0.0, 73e6, REFERENCE),
            ("HTX", 0.0, 1e6, INTO),
            ("HTX", 0.0, -8e6, REFERENCE),
            ("Binance", 0.0, -195e6, OUT_OF),
            ("MEXC", 0.0, 86e6, REFERENCE),
        ]
    )


def test_rows_go_from_the_largest_inflow_to_the_largest_outflow_and_then_to_the_untracked() -> None:
    rows = ranked_rows(drawn(LEAGUE.sample(fraction=1, shuffle=True, seed=2)))

    assert [(row["name"], row["bars"][0], row["columns"][1]) for row in rows] == [
        ("Kraken", ("+$65.0M", RISE_INK), ("agree", GREY)),
        ("HTX", ("+$1.0M", RISE_INK), ("differ", INK)),
        ("Binance", ("\u2212$195.0M", FALL_INK), ("\u2013", GREY)),
        ("MEXC", ("not measured", GREY), ("\u2013", GREY)),
    ]


def test_title_and_subtitle_say_where_most_flowed_and_how_far_both_agree() -> None:
    spec = drawn(LEAGUE)

    assert spec["title"]["text"] == "Over 7 days most flowed into Kraken (+$65.0M) and out of Binance (\u2212$195.0M)"
    subtitle = " ".join(spec["title"]["subtitle"])
    assert "in +$66.0M, out \u2212$195.0M" in subtitle
    assert "another sign for 1 of 2" in subtitle


def test_flows_of_nothing_are_known() -> None:
    still = LEAGUE.filter(pl.col("netflow_mid_usd").is_not_null()).with_columns(netflow_mid_usd=pl.lit(0.0))
    assert drawn(still)["title"]["text"] == "Over 7 days nothing flowed into or out of exchanges"


@pytest.mark.slow
def test_what_is_not_known_or_not_drawn_is_named() -> None:
    tracked = LEAGUE.with_columns(is_tracked=pl.lit(value=True))

    assert "tracked, net flow not known: MEXC" in texts(drawn(tracked))
    assert "not drawn: Binance, MEXC" in texts(drawn(LEAGUE, replace(SPEC, rows=2)))


def test_a_sum_of_some_days_says_so() -> None:
    partly = LEAGUE.with_columns(days_known=pl.when(pl.col("name") == "Kraken").then(5).otherwise("days_known"))

    assert ranked_rows(drawn(partly))[0]["bars"][0][0] == "+$65.0M (5 of 7 days)"


def test_a_league_without_any_net_flow_is_refused() -> None:
    with pytest.raises(ValueError, match="no exchange has a known net flow"):
        league_chart(league_frame([("MEXC", None, 86.0)]), SPEC)
