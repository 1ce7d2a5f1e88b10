from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.report.model import MOST_POINTS, Section
from marketflows_pipeline.report.published import open_published_file
from marketflows_pipeline.report.sections.cross_asset import cross_asset
from marketflows_pipeline.report.sections.cross_flows import brief_title
from marketflows_pipeline.report.sections.cross_map import correlations_title, map_title
from marketflows_pipeline.report.sections.cross_models import models_title, scores_title
from marketflows_pipeline.report.sections.cross_ranking import against_price_title, ranking_title
from marketflows_pipeline.report.sections.cross_regimes import drawn, regimes_title
from marketflows_pipeline.report.sections.cross_rotation import rotation_title
from marketflows_pipeline.report.sections.fresh_money import STABLECOINS, fresh_money_title
from marketflows_pipeline.transforms.cross_asset.flow_map import OUTSIDE
from marketflows_pipeline_tests.cli.reports.cross_asset.published_rows import (
    CONFIG,
    EVALUATION,
    FLOWS,
    NOW,
    REGIMES,
    TABLES_OF_DATA,
    day,
    flow_maps,
    publish_market,
    rankings,
)
from marketflows_pipeline_tests.cli.reports.publishing import Rows, publish_tables
from marketflows_pipeline_tests.hostile_names import HOSTILE_NAMES
from marketflows_pipeline_tests.report.sections.cards import card_of, section_from
from marketflows_pipeline_tests.tutorial.run import TutorialRun

PAIRS: Rows = [
    {"symbol_a": a, "symbol_b": b, "window_sessions": 63, "session": day(19), "correlation": value}
    for a, b, value in [("GLD", "SPY", 0.1), ("SPY", "TLT", -0.4), ("GLD", "TLT", 0.3), ("IBIT", "SPY", None)]
]
# Million USD, and the last session of which TLT's count is not published is filled in.
KNOWN: Rows = [{**row, "flow_usd": row["flow_usd"] if row["symbol"] != "TLT" else 1e6} for row in FLOWS]


ROTATION: Rows = [
    {
        "universe": "cross-asset",
        "series": symbol,
        "benchmark": "SPY",
        "ts": NOW - timedelta(days=7 * back),
        "ratio": 101.0,
        "momentum": 99.0,
        "quadrant": quadrant,
    }
    for symbol, quadrant in [("GLD", "weakening"), ("TLT", "leading"), ("SLV", "weakening")]
    for back in range(3)
]


def published(folder: Path, **changed: Rows) -> Path:
    made = {name.replace("__", "."): rows for name, rows in changed.items()}
    extra = {
        "mart.flow_map": flow_maps(FLOWS).to_dicts(),
        "mart.correlations": PAIRS,
        "mart.cross_asset_rotation": ROTATION,
    }
    return publish_market(folder, {**TABLES_OF_DATA, **extra, **made})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Section:
    return section_from(published(tmp_path_factory.mktemp("market")), cross_asset, now=NOW)


def test_every_card_says_its_finding(made: Section) -> None:
    titles = {card.key: card.title for card in made.cards}
    assert titles == {
        "cross-asset-flows": "SPY had the largest flow, \u2212$295.0M in 5 sessions",
        "cross-asset-ranking": (
            "GLD took in most in 5 sessions, +$150.0M; SPY lost most, \u2212$295.0M (\u22122.95% of assets)"
        ),
        "cross-asset-flow-map": (
            "SPY to GLD is the largest attributed flow, $128.3M; 39.1% of $345.0M left the universe"
        ),
        "cross-asset-correlations": (
            "GLD moves most on its own, correlation 0.20 on average, signs aside; GLD and TLT most alike, +0.30"
        ),
        "cross-asset-price-flow": "Money and price went the same way at the only fund in 5 sessions",
        "cross-asset-rotation": ("Against SPY, leading: TLT; weakening: GLD, SLV (too short to tell from chance)"),
        "cross-asset-regimes": "Risk-off since 17 Nov 2026 (3 sessions); VIX 24.0, above 90% of 252 sessions",
        "cross-asset-fresh-money": (
            "Fresh money in a week, by measure: stablecoins issued +$600.0M, funds \u2212$295.0M"
        ),
        "cross-asset-models": "None of 2 models shows evidence of an edge over the base rate",
        "cross-asset-scores": "Furthest from its base rate: SPY (rank, 20 s), 40% beside 56%",
    }


def test_flows_say_that_they_are_no_price_and_issuance_is_never_added(made: Section) -> None:
    assert "flow, not price" in card_of(made, "cross-asset-ranking").caption.lower()
    assert "never added" in card_of(made, "cross-asset-fresh-money").caption.lower()
    assert "not observed transfers" in card_of(made, "cross-asset-flow-map").caption.lower()
    ranking = card_of(made, "cross-asset-ranking").caption
    assert "flow not known: QQQ" in ranking.replace("Flow", "flow")
    assert "BTC" in ranking


def test_sums_of_some_say_how_many_are_known(made: Section) -> None:
    money = card_of(made, "cross-asset-fresh-money").dataset.rows
    assert "all funds, 1 of 5 known" in money["of"].to_list()
    flows = card_of(made, "cross-asset-flows").dataset.rows
    assert flows.filter(unit="All funds")["known"].to_list() == ["1 of 5"]


def test_sources_are_those_of_the_rows(made: Section) -> None:
    assert card_of(made, "cross-asset-ranking").caption.startswith(
        "Prices from Yahoo, shares outstanding from BlackRock, SPDR Gold, State Street. As of the session of 19 Nov"
    )


def test_verdicts_are_those_of_the_card(made: Section) -> None:
    models = card_of(made, "cross-asset-models").dataset.rows
    assert models["horizon"].to_list() == [5, 20]
    assert all(verdict.startswith("No evidence of edge over the base rate") for verdict in models["verdict"])
    assert models["auc"].to_list() == [0.507, None]


@pytest.mark.slow
def test_titles_follow_the_data(tmp_path: Path) -> None:
    turned = [{**row, "flow_usd": None if row["flow_usd"] is None else -row["flow_usd"]} for row in FLOWS]
    edge = [
        {**row, "value": 0.6, "lower_95": 0.55, "upper_95": 0.65} if row["metric"] in {"auc", "brier_skill"} else row
        for row in EVALUATION
    ]
    ended = [{**row, "regime": "mixed" if row["session"] == day(19) else row["regime"], "vix": None} for row in REGIMES]
    section = section_from(
        published(
            tmp_path,
            mart__flow_rankings=rankings(turned).to_dicts(),
            mart__model_evaluation=edge,
            mart__regimes=ended,
            mart__correlations=PAIRS[:1],
            mart__flow_map=[],
        ),
        cross_asset,
        now=NOW,
        with_charts=False,
    )
    assert card_of(section, "cross-asset-ranking").title.startswith("SPY took in most in 5 sessions, +$295.0M")
    regimes = card_of(section, "cross-asset-regimes").title
    assert regimes == "Mixed since 19 Nov 2026 (1 session); VIX of that session not known"
    assert card_of(section, "cross-asset-correlations").title == "GLD and SPY: correlation +0.10 over 63 sessions"
    assert "Flow map: none of the figures is known." in section.notes
    verdicts = card_of(section, "cross-asset-models").dataset.rows
    assert "unusual: look for look-ahead first" in verdicts.filter(horizon=5)["verdict"][0]


@pytest.mark.slow
def test_empty_tables_have_no_card(tmp_path: Path) -> None:
    path = publish_tables(tmp_path, "cross_asset", {}, config=CONFIG, now=NOW)
    with open_published_file(path, is_tutorial=False, now=NOW) as file:
        section = cross_asset(file)
    assert section.cards == ()
    assert len(section.notes) == 10


@pytest.mark.slow
def test_hostile_names_are_shown_harmless(tmp_path: Path) -> None:
    names = [name.encode("utf-8", "replace").decode() for name in HOSTILE_NAMES.values()]
    ranked = rankings(KNOWN).to_dicts()
    several = [{**ranked[0], "symbol": f"X{place}", "name": name, "flow_usd": 1e6 * place, "flow_method": "shares",
                "window_sessions": 21, "flow_pct_of_market_cap": 1.0} for place, name in enumerate(names)]  # fmt: skip
    section = section_from(published(tmp_path, mart__flow_rankings=several), cross_asset, now=NOW)
    assert card_of(section, "cross-asset-ranking").dataset.rows.height == len(names)


def newest(**figures: Any) -> pl.DataFrame:
    row = {"level": "asset", "kind": "funds", "name": "A", "window_sessions": 5, "flow_usd": 1e6, "flow_pct": 1.0,
           "zscore": 3.0, "percentile_pct": 99.0, **figures}  # fmt: skip
    schema = {"flow_pct": pl.Float64, "zscore": pl.Float64, "percentile_pct": pl.Float64}
    return pl.DataFrame([row], schema_overrides=schema)


@pytest.mark.parametrize(
    ("figures", "title"),
    [
        ({}, "A took in $1.0M in 5 sessions (+1.00% of assets): more than in 99.0% of windows before, z +3.0"),
        ({"flow_usd": -2e6, "flow_pct": -1.0, "zscore": -3.0, "percentile_pct": 1.0, "window_sessions": 1},
         "A lost $2.0M in a session (\u22121.00% of assets): lower than 99.0% of windows before, z \u22123.0"),
        ({"zscore": 0.5}, "No asset's flow is unusual; furthest from its past: A took in $1.0M in 5 sessions "
         "(+1.00% of assets), z +0.5"),
        ({"zscore": None, "flow_pct": None}, "A had the largest flow, +$1.0M in 5 sessions"),
    ],
)  # fmt: skip
def test_brief_title(figures: dict[str, Any], title: str) -> None:
    assert brief_title(newest(**figures)) == title


def test_ranking_title_without_flows() -> None:
    still = pl.DataFrame({"symbol": ["A"], "flow_usd": [0.0], "window_sessions": [21]})
    assert ranking_title(still) == "No fund had a flow in 21 sessions"


def test_ranking_title_says_what_is_known_in_part() -> None:
    row = {"symbol": "A", "flow_usd": 1e6, "window_sessions": 21, "sessions_known": 7, "flow_pct_of_market_cap": 0.5}
    assert ranking_title(pl.DataFrame([row])) == (
        "A took in most in 21 sessions, +$1.0M (+0.50% of assets and 7 of 21 sessions known)"
    )


def test_against_price_title() -> None:
    both = pl.DataFrame(
        {"symbol": ["A", "B"], "flow_pct_of_market_cap": [-3.0, 2.0], "price_return_pct": [4.0, 1.0],
         "window_sessions": [21, 21]}
    )  # fmt: skip
    assert against_price_title(both) == (
        "Money went against price at 1 of 2 funds: A lost 3.00% of its assets while its price rose 4.0%"
    )
    assert against_price_title(both[1:]) == "Money and price went the same way at the only fund in 21 sessions"


def test_map_title_by_side_of_the_rest() -> None:
    pairs = pl.DataFrame({"from_symbol": ["A", OUTSIDE], "to_symbol": ["B", "B"], "flow_usd": [1e6, 3e6]})
    assert map_title(pairs) == "A to B is the largest attributed flow, $1.0M; 75.0% of $4.0M came from outside"
    assert map_title(pairs[:1]) == "A to B is the largest attributed flow, $1.0M"
    assert map_title(pairs[1:]) == "No fund gained what others lost: 100.0% of $3.0M came from outside"


def test_correlations_title_breaks_ties_by_name() -> None:
    pairs = [("A", "B"), ("B", "C"), ("A", "C")]
    known = pl.DataFrame(
        [(*each, 0.5, 63) for pair in pairs for each in (pair, pair[::-1])],
        schema=["symbol_a", "symbol_b", "correlation", "window_sessions"],
        orient="row",
    )
    assert correlations_title(known) == (
        "C moves most on its own, correlation 0.50 on average, signs aside; A and B most alike, +0.50"
    )


def test_what_moves_against_all_others_does_not_move_on_its_own() -> None:
    """A credit spread, the opposite of every fund, was said to move most on its own."""
    pairs = {("A", "B"): 0.3, ("A", "SPREAD"): -0.9, ("B", "SPREAD"): -0.7}
    known = pl.DataFrame(
        [(*each, value, 63) for pair, value in pairs.items() for each in (pair, pair[::-1])],
        schema=["symbol_a", "symbol_b", "correlation", "window_sessions"],
        orient="row",
    )
    assert correlations_title(known) == (
        "B moves most on its own, correlation 0.50 on average, signs aside; A and B most alike, +0.30"
    )


def sessions(*regimes: str | None) -> pl.DataFrame:
    first = date(2026, 1, 5)
    frame = pl.DataFrame(
        {"session": [first + timedelta(days=place) for place in range(len(regimes))], "regime": list(regimes)},
        schema_overrides={"regime": pl.String},
    )
    return frame.with_columns(vix=pl.lit(20.0), vix_percentile=pl.lit(None, pl.Float64))


def test_regimes_title() -> None:
    on = sessions("risk_on", "risk_on")
    assert regimes_title(on, on) == "Risk-on since 5 Jan 2026 or longer (2 sessions); VIX 20.0"
    lost = sessions("risk_on", None)
    assert regimes_title(lost, lost) == "Regime not known since 6 Jan 2026 (1 session); VIX 20.0"


def test_thinned_sessions_keep_every_run() -> None:
    many = sessions(*["mixed", "risk_on"] * 20, *["mixed"] * 600).with_columns(
        run_end=pl.when(pl.int_range(pl.len()) < 41).then("session")
    )
    shown, before = drawn(many)
    assert before == many.height
    assert shown.height <= MOST_POINTS
    assert shown["run_end"].count() == 41
    assert shown["session"][-1] == many["session"][-1]
    few, all_there = drawn(many[:300])
    assert (few.height, all_there) == (300, None)


def test_models_and_scores_titles() -> None:
    assert models_title(pl.DataFrame({"has_edge": [True, False]})) == (
        "1 of 2 models shows a small edge over the base rate in the past, not a promise"
    )
    assert models_title(pl.DataFrame({"has_edge": [False]})) == (
        "The only model shows no evidence of an edge over the base rate"
    )
    scores = pl.DataFrame({"symbol": ["A"], "above": [None]}, schema_overrides={"above": pl.Float64})
    assert scores_title(scores) == "Probabilities of 1 asset, without a base rate to compare"


def test_fresh_money_title_without_a_week() -> None:
    money = pl.DataFrame(
        {"measure": [STABLECOINS], "of": ["x"], "week_usd": [None]}, schema_overrides={"week_usd": pl.Float64}
    )
    assert fresh_money_title(money) == "Fresh money in a week, by measure: known for other measures and spans alone"


def test_rotation_title_stands_beside_chance() -> None:
    figure = {"statistic": "clockwise_pct", "value": 76.0, "lower": 74.0, "upper": 80.0, "reason": None}
    none = pl.DataFrame(schema={"label": pl.String, "quadrant": pl.String})
    assert rotation_title(none, "SPY", [figure]) == (
        "Against SPY, no asset has a place (76 % clockwise; chance alone gives 74 to 80 %)"
    )


@pytest.mark.slow
def test_the_tutorial_has_every_card_but_those_of_models(tutorial_run: TutorialRun) -> None:
    section = section_from(tutorial_run.published, cross_asset, now=NOW, is_tutorial=True)
    assert [note.partition(":")[0] for note in section.notes] == ["Models", "Probabilities"]
    assert all("made-up" in card.caption for card in section.cards)
    assert card_of(section, "cross-asset-regimes").dataset.thinned_from == 756
