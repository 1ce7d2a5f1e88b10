"""The card of two providers side by side says how many coins were compared, and which differ."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from marketflows_pipeline.report.model import Section
from marketflows_pipeline.report.sections import quality_corrections
from marketflows_pipeline.report.sections.quality import quality
from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.transforms.market_caps.provider_differences import TOLERANCE
from marketflows_pipeline_tests.cli.reports.publishing import publish_tables
from marketflows_pipeline_tests.report.sections.cards import card_of, section_from
from marketflows_pipeline_tests.warehouse.frames import NOW, frame

COMPARED = "core.provider_comparison"
DIFFERING = "mart.provider_differences"


def row(coin: str, difference_pct: float, days_ago: int = 0) -> dict[str, Any]:
    return {
        "coin_id": coin,
        "other_id": f"{coin[:3]}-{coin}",
        "provider": "coinpaprika",
        "source": "coingecko:markets",
        "other_source": "coinpaprika:tickers",
        "ts": NOW - timedelta(days=days_ago),
        "cap_usd": 100.0,
        "other_cap_usd": 100.0 + difference_pct,
        "difference_pct": difference_pct,
        "cap_as_of": NOW,
        "other_cap_as_of": NOW,
    }


def section(folder: Path, compared: list[dict[str, Any]], differing: list[dict[str, Any]]) -> Section:
    tables = {COMPARED: frame(COMPARED, *compared), DIFFERING: frame(DIFFERING, *differing)}
    path = publish_tables(folder, "market_caps", tables, config="", now=NOW)
    return section_from(path, quality, now=NOW, with_charts=False)


@pytest.mark.slow
def test_the_newest_check_is_shown_with_its_largest_differences(tmp_path: Path) -> None:
    compared = [row("bitcoin", 0.5), row("bittensor", -14.0), row("ripple", 11.0), row("bitcoin", 99.0, days_ago=1)]

    made = section(tmp_path, compared, [row("bittensor", -14.0), row("ripple", 11.0), row("bitcoin", 99.0, days_ago=1)])

    card = card_of(made, "quality-providers")
    assert card.title == (
        "Market caps of 2 of 3 coins differ by more than 10 % from those at CoinPaprika, most that of bittensor: "
        "\u221214.0%"
    )
    assert card.caption.startswith("Data provided by CoinGecko, CoinPaprika. As of")
    assert card.dataset.rows.select("coin_id", "differs").rows() == [
        ("bittensor", True),
        ("ripple", True),
        ("bitcoin", False),
    ]


@pytest.mark.slow
def test_where_none_differs_the_check_is_shown_all_the_same(tmp_path: Path) -> None:
    made = section(tmp_path, [row("bitcoin", 0.5), row("ripple", 2.0)], [])

    title = card_of(made, "quality-providers").title
    assert title == "Market caps of none of 2 coins differ by more than 10 % from those at CoinPaprika"


def test_the_limit_is_the_one_of_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality_corrections, "TOLERANCE", 0.025)

    title = quality_corrections.providers_title(frame(COMPARED), 0, 2, "CoinPaprika")

    assert title == "Market caps of none of 2 coins differ by more than 2.5 % from those at CoinPaprika"


def test_the_table_is_described_with_the_limit_of_the_comparison() -> None:
    limit = f"more than {100 * TOLERANCE:g} %"

    assert limit in TABLES[DIFFERING].grain
    assert limit in TABLES[DIFFERING].description


def test_without_a_second_provider_the_section_says_where_it_is_chosen(tmp_path: Path) -> None:
    made = section(tmp_path, [], [])

    assert "quality-providers" not in {card.key for card in made.cards}
    assert (
        "Market caps of a second provider: none is compared: see market_caps.cross_check in docs/settings.md."
        in made.notes
    )
