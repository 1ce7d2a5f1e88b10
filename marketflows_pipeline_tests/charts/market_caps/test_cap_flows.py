"""Charts of attribution and migration: what is drawn, and that the title says it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.market_caps.attribution_bars import (
    MEMBERS_FILL,
    PRICE_FILL,
    SUPPLY_FILL,
    attribution_chart,
)
from marketflows_pipeline.charts.market_caps.cap_flow_catalog import cap_flow_pictures
from marketflows_pipeline.charts.market_caps.chain_bars import chain_chart
from marketflows_pipeline.charts.market_caps.migration_matrix import OUTSIDE, migration_chart, nets
from marketflows_pipeline.charts.market_caps.spec import AttributionSpec, ChainSpec, MigrationSpec
from marketflows_pipeline.charts.style.look import SIZES
from marketflows_pipeline_tests.charts.exchanges.frames import page_size, texts
from marketflows_pipeline_tests.charts.heatmaps import cells
from marketflows_pipeline_tests.charts.ranked import drawn_bars, ranked_rows

CLOSE = datetime(2026, 3, 4, tzinfo=UTC)
SMALL, LARGE = "1000000000", "10000000000"
BARS = AttributionSpec(
    category="Narratives", labels=(("ai", "AI"), ("l1", "Layer 1")), days=30, source="Source", as_of=CLOSE
)
MATRIX = MigrationSpec(ranges=((SMALL, "$1B to $10B"), (LARGE, "above $10B")), days=7, source="Source", as_of=CLOSE)
CHAIN = ChainSpec(ranges=MATRIX.ranges, days=30, source="Source", as_of=CLOSE)
CHANGES = pl.DataFrame(
    {
        "series": [SMALL, LARGE],
        "chain_change_pct": [-25.6, 2.0],
        "level_change_pct": [59.9, None],
        "level_usd": [1e9, None],
    }
)


def sums(rows: dict[str, tuple[float, float, float, float]], days_known: int = 30) -> pl.DataFrame:
    """Series to price, supply, large step and membership on a market cap of 1 billion before."""
    return pl.DataFrame(
        [
            {
                "category": "Narratives",
                "series": series,
                "market_cap_before_usd": 1e9,
                "change_usd": 1e9 * sum(parts),
                "change_pct": 100 * sum(parts),
                **dict(
                    zip(
                        ("price_effect_usd", "supply_effect_usd", "large_supply_step_usd", "membership_usd"),
                        (1e9 * part for part in parts),
                        strict=True,
                    )
                ),
                "rest_usd": 1e5,
                "days_known": days_known,
            }
            for series, parts in rows.items()
        ]
    )


SUMS = sums({"ai": (-0.3, 0.01, 0.0, 0.05), "l1": (-0.1, 0.0, 0.0, 0.0)})
PAIRS = pl.DataFrame(
    {
        "from_range": [LARGE, SMALL, None],
        "to_range": [SMALL, None, SMALL],
        "crossed_usd": [8e9, 9e8, 2e9],
        "n_coins": [2, 1, 1],
    },
    schema={"from_range": pl.String, "to_range": pl.String, "crossed_usd": pl.Float64, "n_coins": pl.Int32},
)


def drawn(chart: Any) -> dict[str, Any]:
    vega_lite: dict[str, Any] = chart.to_dict()
    return vega_lite


def test_each_effect_is_a_bar_in_percent_of_the_cap_before() -> None:
    picture = drawn(attribution_chart(SUMS, BARS))

    assert [(name, round(end, 6), fill) for name, _, end, fill in drawn_bars(picture)] == [
        ("Layer 1", -10.0, PRICE_FILL),
        ("AI", -30.0, PRICE_FILL),
        ("AI", 1.0, SUPPLY_FILL),
        ("AI", 5.0, MEMBERS_FILL),
    ]
    first = ranked_rows(picture)[1]
    assert [text for text, _ in first["bars"]] == [
        "\u221230.0% (\u2212$300.0M)",
        "+1.0% (+$10.0M)",
        "+5.0% (+$50.0M)",
    ]
    assert [text for text, _ in first["columns"]] == ["\u221224.0%", "\u2212$240.0M"]
    assert page_size(picture)[0] == SIZES["deck"][0]


def test_the_title_names_the_series_that_moved_most_and_why() -> None:
    title = drawn(attribution_chart(SUMS, BARS))["title"]["text"]

    assert title == "AI lost 24.0% in 30 days: price \u221230.0%, coming and going +5.0%, new supply +1.0%"


def test_what_did_not_change_is_not_said_to_have_lost() -> None:
    """A series whose effects cancelled had "lost 0.0%"."""
    title = drawn(attribution_chart(sums({"ai": (0.1, -0.1, 0.0, 0.0)}), BARS))["title"]["text"]
    still = drawn(attribution_chart(sums({"ai": (0.0, 0.0, 0.0, 0.0)}), BARS))["title"]["text"]

    assert title == "AI is where it was 30 days ago: price +10.0%, new supply \u221210.0%"
    assert still == "AI is where it was 30 days ago"


def test_a_large_step_is_new_supply_and_members_that_stay_have_no_bar() -> None:
    picture = drawn(attribution_chart(sums({"ai": (0.1, 0.01, 0.2, 0.0)}), BARS))

    assert picture["title"]["text"] == "AI gained 31.0% in 30 days: new supply +21.0%, price +10.0%"
    assert "coming and going" not in texts(picture)


def test_ranges_stand_by_their_size() -> None:
    spec = replace(BARS, category="Ranges", labels=((SMALL, "$1B to $10B"), (LARGE, "above $10B")))
    picture = drawn(attribution_chart(sums({SMALL: (0.5, 0, 0, 0), LARGE: (0.1, 0, 0, 0)}), spec))

    assert [row["name"] for row in ranked_rows(picture)] == ["above $10B", "$1B to $10B"]
    assert picture["title"]["text"].startswith("The range $1B to $10B gained 50.0%")


@pytest.mark.parametrize(
    "frame", [SUMS.clear(), sums({"ai": (0.1, 0, 0, 0)}, days_known=29), sums({"x": (1, 0, 0, 0)})]
)
def test_without_known_days_there_is_no_chart(frame: pl.DataFrame) -> None:
    reason = BARS.reason_to_skip(frame)

    assert reason == "members are not known at two closes that far apart yet"
    with pytest.raises(ValueError, match=reason):
        attribution_chart(frame, BARS)


def test_the_matrix_has_a_cell_for_each_pair_with_its_coins() -> None:
    picture = drawn(migration_chart(PAIRS, MATRIX))

    written = {(cell["row"], cell["column"]): cell["text"] for cell in cells(picture) if cell["text"]}
    assert written == {
        (LARGE, SMALL): "$8.0B \u00b7 2 coins",
        (SMALL, OUTSIDE): "$900.0M \u00b7 1 coin",
        (OUTSIDE, SMALL): "$2.0B \u00b7 1 coin",
    }
    assert picture["title"]["text"] == "2 coins worth $8.0B went from above $10B to the range $1B to $10B in 7 days"
    shown = texts(picture)
    assert "+$9.1B" in shown
    assert "\u2212$8.0B" in shown


def test_up_is_blue_and_down_is_orange() -> None:
    fills = {(cell["row"], cell["column"]): cell["fill"] for cell in cells(drawn(migration_chart(PAIRS, MATRIX)))}

    red, blue = slice(1, 3), slice(5, 7)
    up, down = fills[OUTSIDE, SMALL], fills[LARGE, SMALL]
    assert int(up[blue], 16) > int(up[red], 16)
    assert int(down[blue], 16) < int(down[red], 16)


@pytest.mark.parametrize(
    ("pair", "title"),
    [
        (1, "1 coin worth $900.0M left the range $1B to $10B and all ranges in 7 days"),
        (2, "1 coin worth $2.0B came into the range $1B to $10B from below or as new in 7 days"),
    ],
)
def test_the_title_says_where_coins_went_that_no_range_holds(pair: int, title: str) -> None:
    assert drawn(migration_chart(PAIRS[pair : pair + 1], MATRIX))["title"]["text"] == title


def test_nets_of_all_ranges_and_the_outside_cancel() -> None:
    found = nets({("a", "b"): (5.0, 1), ("b", ""): (2.0, 1)})

    assert found == {"a": -5.0, "b": 3.0, "": 2.0}


def test_a_range_of_older_settings_goes_by_its_limit() -> None:
    pairs = PAIRS[:1].with_columns(to_range=pl.lit("5000000000"))

    assert "5000000000" in drawn(migration_chart(pairs, MATRIX))["title"]["text"]


def test_without_a_crossing_there_is_no_matrix() -> None:
    assert MATRIX.reason_to_skip(PAIRS.clear()) == "no coin is known to be in another range than before"


def test_each_category_has_bars_and_each_period_a_matrix() -> None:
    series = pl.DataFrame(
        {
            "category": ["Narratives", "Portfolios", "Ranges", "Mine"],
            "series": ["ai", "Mine", SMALL, "bitcoin"],
            "label": ["AI", "Mine", "above $1B", "BTC"],
            "sort_order": [1, 1, 1, 1],
        }
    )
    jobs = cap_flow_pictures(SUMS, {30: PAIRS, 7: PAIRS}, CHANGES, series, source="Source", as_of=CLOSE)

    assert [job.file_name for job in jobs] == [
        "Narratives_attribution_30d.png",
        "Portfolios_attribution_30d.png",
        "Ranges_attribution_30d.png",
        "Ranges_migration_7d.png",
        "Ranges_migration_30d.png",
        "Ranges_chain_30d.png",
    ]
    assert cap_flow_pictures(SUMS, {7: PAIRS}, CHANGES, series.clear(), source="Source", as_of=CLOSE) == []


def test_a_range_has_a_bar_of_its_coins_and_a_hollow_one_of_its_level() -> None:
    chart = drawn(chain_chart(CHANGES, CHAIN))

    assert chart["title"]["text"] == "Coins of $1B to $10B changed by \u221225.6%, its level by +59.9%"
    drawn_texts = json.dumps(chart, ensure_ascii=False)
    for text in ("\u221225.6%", "+59.9%", "+2.0%", "level not known", "+85.5"):
        assert f'"{text}"' in drawn_texts


def test_without_members_at_both_closes_there_is_no_chart_of_chains() -> None:
    unknown = CHANGES.with_columns(chain_change_pct=pl.lit(None, pl.Float64))

    assert CHAIN.reason_to_skip(unknown) == "no range had members at two closes that far apart"
