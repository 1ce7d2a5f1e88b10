from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.report.model import Section
from marketflows_pipeline.report.sections.quality import quality
from marketflows_pipeline.report.sections.quality_corrections import quarantine_title, revisions_title
from marketflows_pipeline.report.sections.quality_rows import held_title, index_title
from marketflows_pipeline.report.sections.quality_state import (
    calls_title,
    checks_title,
    failures_title,
    freshness_title,
    with_ages,
)
from marketflows_pipeline_tests.cli.reports.exchanges.published_rows import CONFIG, COVERAGE, NOW
from marketflows_pipeline_tests.cli.reports.publishing import Rows, publish_copy, publish_tables
from marketflows_pipeline_tests.hostile_names import HOSTILE_NAMES
from marketflows_pipeline_tests.report.sections.cards import card_of, section_from
from marketflows_pipeline_tests.tutorial.run import TutorialRun
from marketflows_pipeline_tests.warehouse.frames import frame

HOUR = timedelta(hours=1)

CHECKS: Rows = [
    {"check_name": name, "table_name": "mart.x", "run_id": run, "part": "exchanges", "checked_at": at,
     "is_blocking": blocking, "passed": passed, "offending_rows": None if passed else 3,
     "evidence": None if passed else "worst: 12 %\nabove 10 %"}
    for name, run, at, blocking, passed in [
        ("a_range", "run-1", NOW, False, False),
        ("b_key", "run-1", NOW, True, True),
        ("a_range", "run-0", NOW - HOUR, False, True),
        ("gone", "run-0", NOW - HOUR, False, False),
    ]
]  # fmt: skip
CALLS: Rows = [
    {"call_id": str(place), "sent_at": at, "provider": provider, "attempt": attempt, "outcome": outcome}
    for place, (at, provider, attempt, outcome) in enumerate([
        (NOW, "coingecko", 1, "retry"),
        (NOW, "coingecko", 2, "ok"),
        (NOW, "defillama", 1, "failed"),
        # Of the month before.
        (NOW - timedelta(days=25), "coingecko", 1, "ok"),
    ])
]  # fmt: skip
REVISIONS: Rows = [
    {"table_name": "raw.market_caps", "key": f"coin,{place}", "column_name": "price_usd", "old": 10.0, "new": new,
     "seen_at": NOW - place * HOUR, "cause": "history", "n_changes": 1, "change_pct": change}
    for place, (new, change) in enumerate([(11.0, 10.0), (5.0, -50.0), (None, None)])
]  # fmt: skip
TOLD: Rows = [
    {"statement_id": "x", "publish": "run-0", "told_at": NOW, "as_of": NOW, "text": "A rose 5 %.", "figures": "{}",
     "corrected_at": NOW, "corrected_figures": None},
    {"statement_id": "y", "publish": "run-0", "told_at": NOW, "as_of": NOW, "text": "It holds."},
]  # fmt: skip
QUARANTINED: Rows = [
    {"table_name": "raw.market_caps", "key": "coin,1", "column_name": "", "reason": "price is 0", "set_by": "rule",
     "added_at": NOW, "released_at": released}
    for released in (None, NOW)
]  # fmt: skip
DATA: dict[str, Rows] = {
    "meta.check_results": CHECKS,
    "meta.api_calls": CALLS,
    "meta.revisions": REVISIONS,
    "meta.brief_statements": TOLD,
    "meta.quarantine": [QUARANTINED[0], {**QUARANTINED[1], "key": "coin,2"}],
}


def publish_coverage(folder: Path) -> Path:
    tables = {"mart.exchange_coverage": frame("mart.exchange_coverage", *COVERAGE)}
    return publish_tables(folder, "exchanges", tables, config=CONFIG, now=NOW)


def published(folder: Path, data: dict[str, Rows]) -> Path:
    frames = {name: frame(name, *rows) for name, rows in data.items()}
    return publish_copy(folder, publish_coverage, frames, config=CONFIG)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Section:
    return section_from(published(tmp_path_factory.mktemp("quality"), DATA), quality, now=NOW)


def test_every_card_says_its_finding(made: Section) -> None:
    titles = {card.key: card.title for card in made.cards}
    assert titles.pop("quality-freshness").endswith("tables are of the latest run of their part")
    assert titles == {
        "quality-checks": "1 of 2 checks failed, none blocks: a_range",
        "quality-failures": "a_range of mart.x warns, 3 rows at fault",
        "quality-exchange-coverage": "Exchanges tracked without a volume: 2 and without reserves: 2",
        "quality-credits": "3 requests this month, 2 of them to coingecko; 1 failed",
        "quality-corrections": (
            "3 figures were corrected by their services; the largest lately: price_usd of coin,1, \u221250.0%"
        ),
        "quality-told": "A sentence of earlier briefs no longer holds: A rose 5 %.",
        "quality-quarantine": "1 stored row is left out as impossible, most of raw.market_caps",
    }
    assert made.notes == (
        "Held values: core.market_cap_grid is not published.",
        "Coverage of indices: mart.narrative_index is not published.",
        "Market caps of a second provider: core.provider_comparison is not published.",
    )


def test_evidence_stands_in_one_line(made: Section) -> None:
    assert card_of(made, "quality-failures").dataset.rows["evidence"].to_list() == ["worst: 12 % above 10 %"]


@pytest.mark.slow
def test_nothing_wrong_is_said_in_words(tmp_path: Path) -> None:
    passed = [{**row, "passed": True} for row in CHECKS]
    section = section_from(published(tmp_path, {"meta.check_results": passed}), quality, now=NOW, with_charts=False)
    assert card_of(section, "quality-checks").title == "All 2 checks passed"
    assert "Failed checks: none failed, as far as any is recorded." in section.notes
    assert "Quarantine: no stored row is left out." in section.notes
    assert "Corrections of the brief: no sentence that was told is wrong now." in section.notes


@pytest.mark.slow
def test_hostile_texts_are_shown_harmless(tmp_path: Path) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in HOSTILE_NAMES.values()]
    revisions = [{**REVISIONS[0], "key": text, "seen_at": NOW + place * HOUR} for place, text in enumerate(texts)]
    checks = [{**CHECKS[0], "check_name": f"c{place}", "evidence": text} for place, text in enumerate(texts)]
    told = [{**TOLD[0], "statement_id": str(place), "text": text} for place, text in enumerate(texts)]
    data = {"meta.revisions": revisions, "meta.check_results": checks, "meta.brief_statements": told}
    section = section_from(published(tmp_path, data), quality, now=NOW)
    assert card_of(section, "quality-told").dataset.rows.height == len(texts)


def tables(*rows: tuple[str, str, float | None]) -> pl.DataFrame:
    """Table of the exchange part, status, hours since its as-of."""
    made = [
        {"table_name": name, "part": "exchanges", "status": status, "as_of": None if age is None else NOW - age * HOUR}
        for name, status, age in rows
    ]
    return with_ages(pl.DataFrame(made, schema_overrides={"as_of": pl.Datetime("us", "UTC")}), NOW)


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        ([("a", "fresh", 1.0)], "The only table is of the latest run of its part; the oldest, a, is 1 hour old"),
        ([("a", "fresh", 0.5), ("b", "fresh", None)],
         "All 2 tables are of the latest run of their part; the oldest, a, is less than an hour old"),
        ([("a", "fresh", 60.0), ("b", "carried_over", 49.0)],
         "1 of 2 tables is carried over from an earlier publish: b; the oldest, a, is 2 days old"),
        ([("a", "carried_over", None), ("b", "carried_over", None)],
         "All 2 tables are carried over from an earlier publish: a, b"),
    ],
)  # fmt: skip
def test_freshness_title(rows: list[Any], title: str) -> None:
    assert freshness_title(tables(*rows)) == title


def test_ages_fall_into_bands() -> None:
    ages = [-1.0, 2.0, 2.1, 26.0, 168.0, 168.1, None]
    found = tables(*(("t", "fresh", age) for age in ages))
    assert found["band"].to_list() == ["to 2 h", "to 2 h", "to 26 h", "to 26 h", "to 7 d", "older", "no time"]
    assert found["age_hours"][0] == 0


def checks(*states: tuple[bool, bool]) -> pl.DataFrame:
    """Whether each passed and blocks."""
    return pl.DataFrame(
        {"check_name": [f"c{place}" for place in range(len(states))], "table_name": "t",
         "passed": [state[0] for state in states], "is_blocking": [state[1] for state in states],
         "state": ["blocks" if state[1] else "warns" for state in states], "offending_rows": range(len(states))}
    )  # fmt: skip


def test_checks_titles() -> None:
    assert checks_title(checks((True, True))) == "The only check passed"
    assert checks_title(checks((False, True), (False, True), (True, False))) == (
        "2 of 3 checks failed, 2 of them block: c0, c1"
    )
    assert failures_title(checks((False, False), (False, True), (False, False))) == (
        "c1 of t blocks, 1 row at fault; 2 others failed too"
    )


def test_calls_title_of_one_service() -> None:
    calls = pl.DataFrame({"provider": ["coingecko"], "attempts": [1], "failed": [0]})
    assert calls_title(calls) == "1 request this month to coingecko; none failed"


def test_held_title() -> None:
    held = pl.DataFrame({"coin_id": ["new"], "not_observed_pct": [75.0]})
    assert held_title(held, {"n": 8, "n_held": 3, "n_coins": 2}) == (
        "37.5% of 8 grid values of 2 coins are not observed, most of new, 75.0%"
    )


def test_index_title() -> None:
    found = pl.DataFrame({"series": ["ai", "l1"], "coverage_pct": [89.0, 100.0], "backfilled_pct": [100.0, 0.0]})
    past = "50.0% of closes are back-filled, on average"
    assert index_title(found) == f"11.0% of ai is held at old prices; {past}"
    assert index_title(found[1:]).startswith("All prices of the only index are known now")


def test_corrections_titles_without_a_size() -> None:
    found = pl.DataFrame({"change_pct": [None]}, schema_overrides={"change_pct": pl.Float64})
    assert revisions_title(found, 1) == "1 figure was corrected by their services"
    assert revisions_title(found, 1_200) == "1,200 figures were corrected by their services"
    tied = pl.DataFrame({"table_name": ["b", "a"]})
    assert quarantine_title(tied, 2) == "2 stored rows are left out as impossible, most of a"


@pytest.mark.slow
def test_the_tutorial_has_its_cards(tutorial_run: TutorialRun) -> None:
    section = section_from(tutorial_run.published, quality, now=NOW, is_tutorial=True)
    keys = {card.key for card in section.cards}
    assert {"quality-freshness", "quality-held", "quality-index-coverage", "quality-exchange-coverage"} <= keys
