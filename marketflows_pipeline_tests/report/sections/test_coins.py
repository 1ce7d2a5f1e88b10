from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.style.wording import MINUS
from marketflows_pipeline.report.credits import MADE_UP
from marketflows_pipeline.report.model import Section
from marketflows_pipeline.report.published import open_published_file
from marketflows_pipeline.report.sections.controls import control_options, field_of
from marketflows_pipeline_tests.cli.reports.publishing import publish_tables
from marketflows_pipeline_tests.report.sections import published_coins as data
from marketflows_pipeline_tests.report.sections.coin_cards import all_cards, card_of, drawn, sections_of
from marketflows_pipeline_tests.tutorial.run import TutorialRun
from marketflows_pipeline_tests.warehouse.frames import frame

pytestmark = pytest.mark.slow

TITLES = {
    "narratives-curves": "AI gained most since 12 Oct 2026 in US dollars, +20.0%; Made in USA fell most, -5.0%",
    "narratives-index": "Layer 1 gained most over 28 days by chained index in US dollars, +10.0%; AI fell most, -10.0%",
    "narratives-rotation-bitcoin": "AI leading and Layer 1 lagging against BTC: 76 % clockwise; "
    "chance alone gives 74 to 80 %",
    "narratives-attribution": "AI -7.0% in 28 days, price -$100 of -$70",
    "narratives-contributions": "SOL took 5.0 points from AI in 28 days, the largest contribution, and "
    "moved 1 other index",
    "narratives-gains": "AI gained most in a week in US dollars, +5.0%; Made in USA fell most, -1.0%",
    "breadth-averages": "75 % of coins (All ranges) with 50 closes stand above their average of 50 days, "
    "the most in 39 days",
    "breadth-advances": "5 of 16 coins (All ranges) rose on the newest day, 3 fell: breadth is falling, McClellan -12",
    "breadth-bitcoin": "75 % of coins (All ranges) gained more than bitcoin in 30 days, more than half",
    "dominance": "Bitcoin holds 60.0 % of the followed coins' market cap, +2.0 points in 28 days; All others -2.0",
    "market-map": "Coins in Layer 1 are 70.0 % of the map; in no narrative moved most in 7 days, -9.0 % by price",
    "narratives-overlap": "AI and Layer 1 share 2 coins, 75.0 % of the smaller",
    "ranges-curves": "above $10B gained most since 12 Oct 2026 in US dollars, +8.0%; $1B to $10B fell most, -4.0%",
    "ranges-shares": "Coins above $10B hold 80 % of the cohort",
    "ranges-migration": "3 coins crossed a limit in 30 days, 1 up and 2 down: most by market cap from $1B to $10B into "
    "above $10B",
    "ranges-chain": "above $10B gained most over 30 days by the coins that stay, +10.0%; $1B to $10B fell most, "
    "-10.0%; with those that crossed a limit above $10B shows +50.0%",
    "ranges-attribution": "$1B to $10B -7.0% in 28 days, price -$100 of -$70",
    "ranges-breadth": "75 % of coins ($1B to $10B) with 50 closes stand above their average of 50 days, "
    "the most in 39 days",
    "ranges-gains": "above $10B gained most in a week in US dollars, +2.0%; $1B to $10B rose least, +1.0%",
    "portfolios-curves": "Mine gained 3.0% since 12 Oct 2026 in US dollars",
    "portfolios-index": "Mine did not move over 28 days by chained index in US dollars",
    "portfolio-1": "BTC gained 3.0% since 12 Oct 2026 in US dollars",
    "portfolios-attribution": "Mine -7.0% in 28 days, price -$100 of -$70",
    "portfolios-gains": "Mine lost 3.0% in a week in US dollars",
}


def titles_of(sections: dict[str, Section]) -> dict[str, str]:
    """Titles by card, with a plain minus sign."""
    return {card.key: card.title.replace(MINUS, "-") for card in all_cards(sections)}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Section]:
    """The sections of the usual figures, whose charts are held to Vega-Lite's schema and compiled."""
    return sections_of(data.publish_changed(tmp_path_factory.mktemp("usual")), now=data.NOW, compiles=True)


def test_every_title_says_what_the_figures_say(usual: dict[str, Section]) -> None:
    sections = usual

    assert titles_of(sections) == TITLES


def test_other_figures_give_other_titles(tmp_path: Path) -> None:
    levels = data.normalized({**data.GROWTH, "ai": -30.0, "layer-1": -30.0, "usa": -30.0})
    changed: dict[str, Any] = {
        "normalized": levels,
        "percent_gains": data.gains({"ai": 2.0, "layer-1": 2.0, "usa": None}),
        "index_closes": data.levels({"ai": 1200.0, "layer-1": 1100.0, "Mine": 1000.0}),
        "index_contributions": data.CONTRIBUTIONS[28:],
        "rotation": data.rotation({"ai": "weakening", "layer-1": "weakening"}),
        "rotation_placebo": data.clockwise(
            value=90.0, lower=None, upper=None, reason="too short to tell: 5 of 30 entries"
        ),
        "breadth": data.breadth(50.0),
        "dominance": data.dominance(50.0),
        "market_map": [*data.MAP[:1], {**data.MAP[1], "series_price_change_7d_pct": 0.5}],
        "narrative_overlap": [{**data.OVERLAP[0], "n_shared": 0}],
        "cap_attribution_totals": data.totals(10.0, 200.0),
        "range_migration": [],
        "range_chain": [{**row, "chain_index": 1000.0} for row in data.CHAIN],
        "group_totals": [{**row, "market_cap_usd": 5.0} for row in data.LEVELS],
    }
    sections = sections_of(data.publish_changed(tmp_path, **changed), now=data.NOW)
    titles = titles_of(sections)

    assert titles["narratives-curves"] == "All 3 narratives stand alike since 12 Oct 2026 in US dollars: -30.0%"
    assert titles["narratives-gains"] == "All 2 narratives stand alike in a week in US dollars: +2.0%"
    assert titles["narratives-index"].startswith("AI gained most over 28 days by chained index")
    assert titles["narratives-rotation-bitcoin"] == (
        "AI and Layer 1 weakening against BTC: 90 % clockwise; too short to tell: 5 of 30 entries"
    )
    assert titles["narratives-contributions"] == "BTC added 3.0 points to Layer 1 in 28 days, the largest contribution"
    assert titles["narratives-attribution"] == "AI +21.0% in 28 days, arrivals +$200 of +$210"
    assert (
        titles["breadth-averages"] == "50 % of coins (All ranges) with 50 closes stand above their average of 50 days"
    )
    assert titles["breadth-bitcoin"].endswith("in 30 days, half")
    assert titles["dominance"].endswith("-8.0 points in 28 days; All others +8.0")
    assert "Layer 1 moved most in 7 days, +1.0 %" in titles["market-map"]
    assert titles["narratives-overlap"] == "No two narratives share a coin"
    assert titles["ranges-chain"].startswith("All 2 ranges stand alike over 30 days by the coins that stay: 0.0%")
    assert titles["ranges-shares"] == "No single one of 2 ranges holds most of the market cap"
    assert "ranges-migration" not in titles, "without a crossing there is no matrix"
    assert set(TITLES) - set(titles) == {"ranges-migration", "ranges-gains", "portfolios-gains"}


def test_captions_say_what_is_held_back_filled_or_provisional(usual: dict[str, Section]) -> None:
    sections = usual
    curves, index = (card_of(sections, f"narratives-{name}").caption for name in ("curves", "index"))
    assert "As of 20 Nov 2026 00:00 UTC" in curves
    assert "25.0 % held flat. 1 coin held at an older value at the newest time" in curves
    assert "survivor-biased" in curves
    assert "not money that came in" in curves
    assert "loses up to 20 Oct 2026 are made with later members, by hindsight" in index
    assert "o column for 4h" in card_of(sections, "narratives-gains").caption


def test_without_figures_there_are_no_cards_but_notes(tmp_path: Path) -> None:
    """One series has no curve, and nothing else is known."""
    only = {"core.series": frame("core.series", *data.SERIES)}
    sections = sections_of(publish_tables(tmp_path, "market_caps", only, config="", now=data.NOW), now=data.NOW)

    assert all_cards(sections) == []
    named = ("Curves of narratives", "Chained index", "Rotation", "Attribution")
    assert sections["narratives"].notes[:4] == tuple(f"{what}: none of the figures is known." for what in named)
    with open_published_file(tmp_path / "warehouse" / "marketflows.duckdb", is_tutorial=False, now=data.NOW) as file:
        assert control_options(file) == {}


def test_unknown_values_and_series_cost_no_card(tmp_path: Path) -> None:
    unknown = {**data.GROWTH, "ai": None, "layer-1": None}
    sections = sections_of(data.publish_changed(tmp_path, normalized=data.normalized(unknown)), now=data.NOW)

    assert card_of(sections, "narratives-curves").title == "Made in USA lost 5.0% since 12 Oct 2026 in US dollars"


def test_controls_offer_what_the_file_has(tmp_path: Path) -> None:
    with open_published_file(data.publish_changed(tmp_path), is_tutorial=False, now=data.NOW) as file:
        options = control_options(file)

    assert options["base"] == [("b0", "US dollar"), ("b1", "BTC")]
    assert options["ema"] == [("1", "none"), ("20", "EMA 20")]
    assert options["order"] == [("0", "level"), ("1", "growth"), ("2", "inflection")]
    assert [value for value, _ in options["scale"]] == ["as-is", "0-1"]


def test_each_choice_of_the_control_bar_draws_its_own_curve(usual: dict[str, Section]) -> None:
    card = card_of(usual, "narratives-curves")
    choices = {(base, ema, order) for base in ("b0", "b1") for ema in ("1", "20") for order in ("0", "1", "2")}

    assert {field_of(base, int(ema), int(order)) for base, ema, order in choices} <= set(card.dataset.rows.columns)
    notes = {
        "Change since 12 Oct 2026 in US dollars, %": {},
        "Growth per day against BTC, EMA 20, % of the start": {"base": "b1", "ema": "20", "order": "1"},
        "Change of growth per day in US dollars, 0 to 1 at each time": {"order": "2", "scale": "0-1"},
    }
    for note, signals in notes.items():
        assert note in drawn(card, **signals)


def test_0_to_1_places_series_between_the_lowest_and_the_highest(usual: dict[str, Section]) -> None:
    """At the newest time 20, 10 and -5 %: 1, 0.6 and 0, as the pictures have them."""
    card = card_of(usual, "narratives-curves")
    svg = drawn(card, scale="0-1")
    ends = [
        float(line.rsplit(",", 1)[1])
        for line in re.findall(r'stroke="var\(--s\d\)"[^>]*d="([^"]+)"|d="([^"]+)"[^>]*stroke="var\(--s\d\)"', svg)
        for line in line
        if line
    ]

    assert sorted(round(1 - end / card.spec["height"], 2) for end in ends) == [0.0, 0.6, 1.0]  # type: ignore[index]


HOSTILE = ('"] + alert(1) + ["', "a'b\\c\u2028d", "</script><b>", "datum.ts", "__proto__", "a.b[0]")


@pytest.mark.slow
def test_a_name_stays_a_name_in_every_chart(tmp_path: Path) -> None:
    named = [{**row, "label": HOSTILE[at % len(HOSTILE)]} for at, row in enumerate(data.SERIES)]
    coins = [{**row, "symbol": HOSTILE[0]} for row in data.COINS]
    path = data.publish_changed(tmp_path, series=named, coins=coins)
    sections = sections_of(path, now=data.NOW, compiles=True)

    assert len(all_cards(sections)) == len(TITLES)
    assert "Change since" in drawn(card_of(sections, "narratives-curves"))


@pytest.mark.slow
def test_many_series_stay_small(tmp_path: Path) -> None:
    """50 narratives, hourly over 90 days: thinned after growth and inflection, with every one of the newest steps."""
    hours = [data.CLOSE - timedelta(hours=back) for back in range(2161)]
    names = [f"narrative-{place}" for place in range(50)]
    series = [
        {"category": "Narratives", "series": name, "label": name, "sort_order": at} for at, name in enumerate(names)
    ]
    rows = (
        pl.DataFrame({"series": names})
        .join(pl.DataFrame({"ts": hours}), how="cross")
        .with_columns(
            category=pl.lit("Narratives"),
            value=1 + (pl.int_range(pl.len()) * 7919 % 100_003) / 314_159,
            base_asset=pl.lit("us-dollar"),
            ema_period=pl.lit(1, pl.Int32),
        )
    )
    both = pl.concat([rows, rows.with_columns(base_asset=pl.lit("bitcoin"))])
    spans = [both.with_columns(ema_period=pl.lit(span, pl.Int32)) for span in (1, 20)]
    orders = [each.with_columns(diff_order=pl.lit(order, pl.Int32)) for each in spans for order in (1, 2)]
    curves = {"mart.normalized": both, "mart.ema": spans[1], "mart.derivatives": pl.concat(orders)}
    every = {"core.series": frame("core.series", *series), "raw.coins": frame("raw.coins", *data.COINS)}
    every["mart.unit_normalized"] = frame("mart.unit_normalized")
    every |= {name: each.select(list(frame(name, {}).columns)) for name, each in curves.items()}
    sections = sections_of(publish_tables(tmp_path, "market_caps", every, config="", now=data.NOW), now=data.NOW)
    card = card_of(sections, "narratives-curves")

    assert card.dataset.thinned_from == 2161
    assert card.dataset.rows.filter(pl.col("back") < 50).height == 50 * 50
    assert card.dataset.rows["ts"].min() == hours[-1]
    assert len(columns_as_text(card.dataset.rows)) < 2_500_000
    assert "every hour" in card.subtitle


def columns_as_text(rows: pl.DataFrame) -> str:
    """Five significant digits, times as seconds: about what the page writes."""
    short = rows.with_columns(pl.col(pl.Float64).round_sig_figs(5), pl.col("ts").dt.timestamp("ms") // 1000)
    return json.dumps(short.to_dict(as_series=False), separators=(",", ":"))


@pytest.mark.slow
def test_the_tutorial_has_every_card(tutorial_run: TutorialRun) -> None:
    sections = sections_of(tutorial_run.published, now=data.NOW, is_tutorial=True, compiles=True)
    keys = {card.key for card in all_cards(sections)}

    assert keys == set(TITLES) | {"portfolio-2", "portfolios-contributions"}
    assert all(not section.notes for section in sections.values())
    assert all(MADE_UP in card.caption for card in all_cards(sections))
    drawn_pictures = {path.name for path in (tutorial_run.folder / "output_plots_tutorial").glob("*.png")}
    assert {name for card in all_cards(sections) for name in card.pictures} <= drawn_pictures
