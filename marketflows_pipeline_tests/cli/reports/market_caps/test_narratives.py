"""What `narratives` lists, finds, and says of how to follow a category."""

from __future__ import annotations

import csv
import io
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline_tests.cli.asking import ask, fault, invoke
from marketflows_pipeline_tests.cli.reports.exchanges.published_rows import NOW
from marketflows_pipeline_tests.cli.reports.publishing import publish_tables
from marketflows_pipeline_tests.warehouse.frames import frame

pytestmark = pytest.mark.usefixtures("clock")

OBSERVED = NOW - timedelta(hours=17)
CONFIG = """
[providers.coingecko]
flow_types = ["narratives"]
narratives = ["ai"]
"""


def category(slug: str, name: str, cap: float, zscore: float | None, **more: Any) -> list[dict[str, Any]]:
    """Its rows over all three periods; the change over a week is ten times the z-score."""
    return [
        {
            "category_id": slug,
            "period_days": days,
            "name": name,
            "kind": "narrative",
            "day": OBSERVED.date(),
            "observed_at": OBSERVED,
            "market_cap_usd": cap,
            "rank": 1,
            "cap_change_pct": None if zscore is None else zscore * 10 * days / 7,
            "cap_change_zscore": zscore,
            "n_past_cap_changes": 0 if zscore is None else 60,
            "reason": "no snapshot is stored of that day" if zscore is None else None,
            **more,
        }
        for days in (1, 7, 30)
    ]


ROWS = [
    *category("artificial-intelligence", "Artificial Intelligence (AI)", 30e9, 0.5),
    *category("ai-agents", "AI Agents", 10e9, -3.0, near_duplicate_of="artificial-intelligence", jaccard=0.5),
    *category("chain-tools", "Chain Tools", 5e9, 1.0),
    *category("x-ecosystem", "X Ecosystem", 99e9, 2.0, kind="ecosystem"),
    *category("new", "Brand New", 1e9, None),
]


@pytest.fixture(scope="module")
def categories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("categories")
    snapshots = [
        {"category_id": row["category_id"], "name": row["name"], "observed_at": OBSERVED}
        for row in ROWS
        if row["period_days"] == 7
    ]
    tables = {
        "raw.category_snapshots": frame("raw.category_snapshots", *snapshots),
        "mart.category_radar": frame("mart.category_radar", *ROWS),
    }
    publish_tables(made, "market_caps", tables, config=CONFIG, now=NOW)
    return made


def found(folder: Path, line: str) -> list[str]:
    return [row["category_id"] for row in ask(folder, line)["categories"]]


@pytest.mark.slow
def test_the_most_unusual_categories_come_first_whatever_their_sign(categories: Path) -> None:
    assert found(categories, "narratives") == [
        "ai-agents",
        "x-ecosystem",
        "chain-tools",
        "artificial-intelligence",
        "new",
    ]
    assert found(categories, "narratives --limit 1") == ["ai-agents"]
    assert found(categories, "narratives --kind ecosystem") == ["x-ecosystem"]


def test_the_period_is_chosen_by_days(categories: Path) -> None:
    row = ask(categories, "narratives --days 30 --limit 1")["categories"][0]
    assert (row["period_days"], row["cap_change_pct"]) == (30, pytest.approx(-3 * 10 * 30 / 7))
    assert invoke(categories, "narratives --days 3").exit_code == 2


def test_a_search_takes_whole_words_of_slug_and_name(categories: Path) -> None:
    """`ai` stands in `chain` too."""
    assert found(categories, "narratives --like ai") == ["ai-agents", "artificial-intelligence"]
    assert found(categories, "narratives --like AI-Agents") == ["ai-agents"]
    assert found(categories, "narratives --like ecosys") == ["x-ecosystem"]


def test_nothing_like_it_is_one_line_and_exit_code_2(categories: Path) -> None:
    caught = fault(categories, "narratives --like agentz")
    assert isinstance(caught, UserInputError)
    assert caught.exit_code == 2
    assert 'no category is like "agentz"' in str(caught)


def test_the_line_that_follows_the_first_new_one_is_printed(categories: Path) -> None:
    body = ask(categories, "narratives --like ai")
    # `ai` of the settings is the short name in brackets.
    assert body["followed"] == ["artificial-intelligence"]
    assert body["follow"]["category_id"] == "ai-agents"
    assert body["follow"]["config_table"] == "[providers.coingecko]"
    assert tomllib.loads(body["follow"]["config_line"]) == {"narratives": ["ai", "ai-agents"]}
    assert "To follow ai-agents, under [providers.coingecko]: narratives = " in invoke(
        categories, "narratives --like ai --format table"
    ).stdout.replace("\n  ", " ")
    assert ask(categories, "narratives")["follow"] is None


def test_what_is_not_known_is_null_and_counted_with_the_reason(categories: Path) -> None:
    body = ask(categories, "narratives")
    assert body["categories"][-1]["cap_change_pct"] is None
    assert body["categories"][-1]["reason"] == "no snapshot is stored of that day"
    assert (body["coverage"]["n_without_change"], body["coverage"]["n_without_zscore"]) == (1, 1)
    assert "no index levels" in body["method"]
    assert (body["stale"], body["as_of"]) == (False, OBSERVED.isoformat())


def test_csv_is_the_list_flat(categories: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(invoke(categories, "narratives --format csv").stdout)))
    assert [row["category_id"] for row in rows][:2] == ["ai-agents", "x-ecosystem"]
    assert rows[0]["near_duplicate_of"] == "artificial-intelligence"


def test_before_the_first_snapshot_the_command_that_fetches_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    assert "narratives --refresh" in str(fault(tmp_path, "narratives"))
