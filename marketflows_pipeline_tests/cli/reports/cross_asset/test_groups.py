"""`cross-asset groups`, its card and what they say of how much is known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from marketflows_pipeline.charts.cross_asset.wording import coverage_text
from marketflows_pipeline.report.sections.cross_asset import cross_asset
from marketflows_pipeline_tests.cli.asking import ask, fault
from marketflows_pipeline_tests.cli.reports.cross_asset.published_rows import NOW, TABLES_OF_DATA, day, publish_market
from marketflows_pipeline_tests.cli.reports.publishing import Rows
from marketflows_pipeline_tests.report.sections.cards import card_of, section_from

pytestmark = pytest.mark.usefixtures("clock")

BITCOIN = "spot crypto funds: bitcoin"


def row(group: str, number: int, usd: float | None, known: int, covered: float | None) -> dict[str, Any]:
    return {
        "asset_group": group,
        "session": day(number),
        "flow_usd": None if usd is None else usd * 1e6,
        "n_funds": 11,
        "n_known": known,
        "n_with_assets": 9,
        "assets_usd": 1e11,
        "coverage_pct": covered,
        "as_of": datetime(2026, 11, number, 21, tzinfo=UTC),
    }


GROUPS: Rows = [
    row(BITCOIN, 17, 100.0, 9, 100.0),
    row(BITCOIN, 18, None, 0, 0.0),
    row(BITCOIN, 19, -30.0, 7, 93.0),
    row("sector", 18, -5.0, 9, 100.0),
    row("sector", 19, -5.0, 9, 100.0),
]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("groups")
    publish_market(folder, {**TABLES_OF_DATA, "mart.fund_group_flows": GROUPS})
    return folder


@pytest.mark.slow
def test_groups_are_summed_over_what_is_known_and_say_how_much_that_is(published: Path) -> None:
    body = ask(published, "cross-asset groups --days 3")
    sector, bitcoin = body["groups"]
    assert (bitcoin["asset_group"], bitcoin["flow_usd"]) == (BITCOIN, 70e6)
    assert (bitcoin["sessions_known"], bitcoin["n_sessions"]) == (2, 3)
    assert (bitcoin["n_known"], bitcoin["n_funds"], bitcoin["coverage_pct"], bitcoin["least_coverage_pct"]) == (
        7, 11, 93, 0,
    )  # fmt: skip
    assert sector["flow_usd"] == -10e6
    assert {"as_of", "stale", "source", "method", "coverage"} <= set(body)


def test_a_window_is_of_the_newest_sessions(published: Path) -> None:
    assert ask(published, "cross-asset groups --days 1")["groups"][1]["flow_usd"] == -30e6


def test_without_groups_the_command_says_how_to_have_some(market: Path) -> None:
    assert 'universe_preset = "wide"' in str(fault(market, "cross-asset groups"))


def test_coverage_in_words() -> None:
    assert coverage_text(GROUPS[2]) == "7 of 11 funds, 93.0% of known assets; assets of 2 funds not known"
    assert coverage_text({"n_funds": 1, "n_known": 0, "n_with_assets": 0, "coverage_pct": None}) == (
        "0 of 1 fund; assets of 1 fund not known"
    )


@pytest.mark.slow
def test_the_card_says_the_largest_flow_and_the_coverage_of_each_group(published: Path) -> None:
    section = section_from(published / "warehouse" / "marketflows.duckdb", cross_asset, now=NOW)
    card = card_of(section, "cross-asset-groups")
    assert card.title == f"{BITCOIN} took in $70.0M in 3 sessions, 7 of 11 funds known"
    assert f"{BITCOIN} 7 of 11 funds, 93.0% of known assets" in card.caption
    assert "Nothing is filled in" in card.caption


@pytest.mark.slow
def test_without_groups_the_page_does_not_speak_of_them(market: Path) -> None:
    section = section_from(market / "warehouse" / "marketflows.duckdb", cross_asset, now=NOW, with_charts=False)
    assert not [note for note in section.notes if "roups" in note]
