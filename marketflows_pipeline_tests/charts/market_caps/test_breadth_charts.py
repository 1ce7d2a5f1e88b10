"""Charts of breadth, market map and dominance, on frames small enough to check by eye."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.market_caps.backfilled import DASH, NOTE
from marketflows_pipeline.charts.market_caps.breadth_catalog import COHORT_STYLE, SHARES, breadth_pictures
from marketflows_pipeline.charts.market_caps.breadth_panel import breadth_panel
from marketflows_pipeline.charts.market_caps.catalog import PictureContext
from marketflows_pipeline.charts.market_caps.dominance_lines import dominance_chart
from marketflows_pipeline.charts.market_caps.market_map import market_map_chart
from marketflows_pipeline.charts.market_caps.spec import BreadthSpec, DominanceSpec, MarketMapSpec
from marketflows_pipeline.charts.rendering.render import render_all
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.heatmap import EMPTY_FILL
from marketflows_pipeline.charts.style.look import SIZES
from marketflows_pipeline.charts.style.theme import PALETTE
from marketflows_pipeline_tests.charts.exchanges.frames import marks, page_size, rows_of, texts
from marketflows_pipeline_tests.warehouse.frames import frame

LAST = datetime(2026, 3, 4, tzinfo=UTC)
AI = SeriesStyle("ai", "AI", PALETTE[0])
USA = SeriesStyle("made-in-usa", "Made in USA", PALETTE[1])
PANEL = BreadthSpec(category="Narratives", series=(COHORT_STYLE, AI, USA), source="Data provided by CoinGecko")
MAP = MarketMapSpec(parts=(("ai", "AI"), ("l1", "Layer 1")), rule="smallest first", source="Data provided by CoinGecko")
SHARED = DominanceSpec(series=SHARES, source="Data provided by CoinGecko")


def breadth_rows(
    above: Mapping[str, Sequence[float | None]], *, backfilled: int = 0, category: str = "Narratives"
) -> pl.DataFrame:
    """Series to the share above the average on consecutive days to `LAST`, the first so many back-filled."""
    rows = [
        {
            "category": "Cohort" if series == "cohort" else category,
            "series": series,
            "ts": LAST - timedelta(days=len(shares) - 1 - at),
            "n": 10,
            "is_backfilled": at < backfilled,
            "above_ema_50_pct": share,
            "mcclellan": share and share - 50,
            "beat_bitcoin_30d_pct": share,
        }
        for series, shares in above.items()
        for at, share in enumerate(shares)
    ]
    return frame("mart.breadth", *rows)


def map_rows(changes: tuple[float | None, ...] = (5.0, 2.0, -1.0)) -> pl.DataFrame:
    first, second, third = changes
    rows = [
        ("a", "ai", 10.0, 40.0, first, 4.0),
        ("b", "ai", 30.0, 40.0, second, 4.0),
        ("c", "l1", 60.0, 60.0, third, third),
    ]
    return frame(
        "mart.market_map",
        *(
            {"coin_id": coin, "series": series, "ts": LAST, "market_cap_usd": cap * 1e9, "series_usd": total * 1e9}
            | {"series_share_pct": total, "price_change_7d_pct": change, "series_price_change_7d_pct": of_part}
            | {"is_backfilled": False}
            for coin, series, cap, total, change, of_part in rows
        ),
    ).with_columns(label=pl.col("coin_id").str.to_uppercase())


def dominance_rows(bitcoin: Sequence[float | None], *, backfilled: int = 0) -> pl.DataFrame:
    rows = [
        {"ts": LAST - timedelta(days=len(bitcoin) - 1 - at), "n": 33, "is_backfilled": at < backfilled}
        | {"bitcoin_pct": share, "ethereum_pct": share and 11.0, "others_pct": share and 89.0 - share}
        for at, share in enumerate(bitcoin)
    ]
    return frame("mart.dominance", *rows)


def title(vega_lite: dict[str, Any]) -> str:
    found: str = vega_lite["title"]["text"]
    return found


THREE: dict[str, list[float | None]] = {
    "cohort": [40.0, 45.0, 50.0],
    "ai": [60.0, 70.0, 80.0],
    "made-in-usa": [10.0, 0.0, 20.0],
}


@pytest.mark.slow
def test_a_panel_has_a_row_a_series_with_the_last_values_beside_it() -> None:
    drawn = breadth_panel(breadth_rows(THREE), PANEL).to_dict()
    assert page_size(drawn)[0] == SIZES["deck"][0]
    assert title(drawn) == "Narratives: 80% of coins above their 50-day average in AI (50% of all coins in ranges)"
    written = texts(drawn)
    for text in ("All ranges", "AI", "Made in USA", "n 10", "80%", "+30", "\u221230", "Above their EMA 50"):
        assert text in written
    assert marks(drawn, "line")[0]["mark"].get("strokeDash") is None


@pytest.mark.slow
def test_what_is_back_filled_is_dashed_and_said_and_leads_to_the_solid_line() -> None:
    drawn = breadth_panel(breadth_rows(THREE, backfilled=2), PANEL).to_dict()
    dashed = [layer for layer in marks(drawn, "line") if layer["mark"].get("strokeDash") == DASH]
    solid = [layer for layer in marks(drawn, "line") if layer not in dashed]
    assert len(dashed) == len(solid) == 3
    # Two back-filled days, and the first of the others, to which the line goes on.
    assert len(rows_of(drawn, dashed[0])) == 9
    assert NOTE in texts(drawn)


@pytest.mark.slow
def test_a_series_that_never_has_8_coins_is_named_and_has_no_row() -> None:
    drawn = breadth_panel(breadth_rows({**THREE, "made-in-usa": [None] * 3}), PANEL).to_dict()
    written = texts(drawn)
    assert "never 8 coins: Made in USA" in written
    assert written.count("Made in USA") == 1


@pytest.mark.slow
def test_a_last_day_without_a_measure_is_a_dash() -> None:
    drawn = breadth_panel(breadth_rows({**THREE, "ai": [60.0, 70.0, None]}), PANEL).to_dict()
    assert "\u2013" in texts(drawn)
    assert title(drawn).startswith("Narratives: 20% of coins above their 50-day average in Made in USA")


@pytest.mark.slow
def test_where_no_coin_stands_above_the_title_says_so() -> None:
    drawn = breadth_panel(breadth_rows({**THREE, "ai": [0.0] * 3, "made-in-usa": [0.0] * 3}), PANEL).to_dict()
    assert title(drawn).startswith("Narratives: no coin stands above its 50-day average")


@pytest.mark.parametrize(
    ("above", "reason"),
    [
        ({"cohort": [50.0] * 5, "ai": [None] * 5}, "no series has 8 coins with known prices"),
        ({"ai": [50.0] * 2}, "2 days of breadth, a time series needs 3"),
    ],
)
def test_too_little_breadth_is_no_panel(above: Mapping[str, Sequence[float | None]], reason: str) -> None:
    assert PANEL.reason_to_skip(breadth_rows(above)) == reason


def test_a_map_shows_each_coin_as_large_as_its_cap_and_lists_the_parts() -> None:
    drawn = market_map_chart(map_rows(), MAP).to_dict()
    assert page_size(drawn) == SIZES["deck"]
    assert title(drawn) == "Layer 1 holds 60.0% of the followed market; AI rose most in 7 days, +4.0%"
    tiles = rows_of(drawn, marks(drawn, "rect")[0])
    assert len(tiles) == 3
    written = texts(drawn)
    for text in ("smallest first", "AI", "Layer 1", "40.0%", "60.0%", "2 coins, $40.0B", "A", "+5.0%"):
        assert text in written


def test_colours_of_a_rise_and_a_fall_differ_and_what_is_unknown_has_none() -> None:
    drawn = market_map_chart(map_rows((5.0, None, -5.0)), MAP).to_dict()
    fills = {tile["fill"] for tile in rows_of(drawn, marks(drawn, "rect")[0])}
    assert fills == {"#08559c", "#a84506", EMPTY_FILL}


def test_one_part_is_no_map() -> None:
    assert MAP.reason_to_skip(map_rows().filter(pl.col("series") == "ai")) == "all coins are in one part"


def test_dominance_says_the_share_and_its_change() -> None:
    drawn = dominance_chart(dominance_rows([60.0, 61.0, 58.5]), SHARED).to_dict()
    assert page_size(drawn) == SIZES["deck"]
    assert title(drawn) == "Bitcoin has 58.5% of the followed market, \u22121.5 points since 2 Mar 2026"
    assert "Ether 11.0%" in texts(drawn)
    # Nothing is known of stablecoins here.
    assert "Stablecoins" not in texts(drawn)
    assert marks(drawn, "line")[0]["encoding"]["y"]["scale"]["domain"][0] == 0


def test_a_line_of_dominance_breaks_where_a_day_is_unknown() -> None:
    drawn = dominance_chart(dominance_rows([60.0, 61.0, None, 59.0, 58.0]), SHARED).to_dict()
    runs = {row["run"] for row in rows_of(drawn, marks(drawn, "line")[0]) if row["series"] == "bitcoin_pct"}
    assert len(runs) == 2


def test_two_days_are_no_dominance_chart() -> None:
    assert SHARED.reason_to_skip(dominance_rows([60.0, 61.0])) == "2 days with a known total, a time series needs 3"


def series_rows() -> pl.DataFrame:
    labels = [("Narratives", "ai", "AI"), ("Narratives", "made-in-usa", "Made in USA"), ("Ranges", "1", "above $1")]
    return frame(
        "core.series",
        *({"category": category, "series": series, "label": label} for category, series, label in labels),
    )


CONTEXT = PictureContext(
    as_of=LAST,
    step=timedelta(days=1),
    smoothing_ema=10,
    hours_ago=(),
    source="Data provided by CoinGecko",
    symbols={"a": "aaa"},
    notes={},
)


@pytest.mark.slow
def test_every_chart_is_drawn_once_and_again_only_when_something_changed(tmp_path: Path) -> None:
    of_ranges = breadth_rows({"1": [50.0, 60.0, 70.0]}, category="Ranges")
    frames = {
        "breadth": pl.concat([breadth_rows(THREE, backfilled=1), of_ranges]),
        "market_map": map_rows().drop("label"),
        "dominance": dominance_rows([60.0, 61.0, 58.5], backfilled=1),
    }
    jobs = breadth_pictures(**frames, series=series_rows(), rule="smallest first", context=CONTEXT)
    names = ["MarketCaps_breadth_Narratives.png", "MarketCaps_breadth_Ranges.png"]
    names += ["MarketCaps_dominance.png", "MarketCaps_market_map.png"]
    assert sorted(render_all(jobs, tmp_path, 0.3).drawn) == names
    again = breadth_pictures(**frames, series=series_rows(), rule="smallest first", context=CONTEXT)
    assert sorted(render_all(again, tmp_path, 0.3).unchanged) == names
    other = breadth_pictures(**frames, series=series_rows(), rule="another rule", context=replace(CONTEXT))
    assert render_all(other, tmp_path, 0.3).drawn == ("MarketCaps_market_map.png",)


def test_coins_go_by_their_symbols_in_capitals() -> None:
    jobs = breadth_pictures(
        breadth=breadth_rows(THREE),
        market_map=map_rows().drop("label"),
        dominance=dominance_rows([]),
        series=series_rows(),
        rule="smallest first",
        context=CONTEXT,
    )
    (of_map,) = [job for job in jobs if isinstance(job.spec, MarketMapSpec)]
    assert of_map.frame["label"].to_list() == ["AAA", "B", "C"]
