"""The brief of a published file, from headline to what it does not cover."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from marketflows_pipeline.report.brief.brief import NO_EVENTS, Brief, as_of_words, brief_of
from marketflows_pipeline.report.brief.wording import statement_of
from marketflows_pipeline.report.published import open_published_file
from marketflows_pipeline.schema import TABLES
from marketflows_pipeline_tests.report.brief.events import DAY, NOW, event, events, unexplained_numbers
from marketflows_pipeline_tests.report.brief.published_events import corrected_statements, published
from marketflows_pipeline_tests.tutorial.run import TutorialRun

NONE = TABLES["mart.events"].empty()
NOT_JUDGED = "whatever has less than 20 days of its own past"


def brief(
    folder: Path,
    changed: Mapping[str, pl.DataFrame] | None = None,
    *,
    now: datetime = NOW,
    since: datetime = NOW - DAY,
    is_tutorial: bool = False,
) -> Brief:
    with open_published_file(published(folder, changed or {}), is_tutorial=is_tutorial, now=now) as file:
        return brief_of(file, since)


def test_a_planted_event_is_told(tmp_path: Path) -> None:
    told = brief(tmp_path)

    assert told.headline == "1 unusual change since 19 Nov 2026 18:00 UTC."
    assert [each.statement_id for each in told.statements] == ["dominance_change:bitcoin:2026-11-20"]
    assert told.not_covered == (NOT_JUDGED,)
    assert not told.is_stale
    assert told.told_up_to == NOW
    assert told.event_ids == {"dominance_change:bitcoin:2026-11-20"}


@pytest.mark.slow
def test_nothing_unusual_is_said_in_so_many_words(tmp_path: Path) -> None:
    told = brief(tmp_path, {"mart.events": NONE})

    assert told.headline == "Nothing unusual since 19 Nov 2026 18:00 UTC."
    assert told.statements == ()


def test_unchanged_data_is_not_told_again(tmp_path: Path) -> None:
    assert brief(tmp_path, since=NOW, now=NOW + DAY).statements == ()


@pytest.mark.slow
def test_the_headline_counts_what_is_not_told(tmp_path: Path) -> None:
    rows = [event("index_move", f"s{place}") for place in range(12)]
    told = brief(tmp_path, {"mart.events": events(*rows)})

    assert told.headline == "12 unusual changes since 19 Nov 2026 18:00 UTC, the 10 most unusual first."
    assert len(told.statements) == 10


def test_each_part_says_of_when_it_is_and_whether_that_is_too_old(tmp_path: Path) -> None:
    told = brief(tmp_path, now=NOW + timedelta(minutes=105))

    assert told.is_stale
    assert as_of_words(told) == (
        "market caps 20 Nov 2026 00:00 UTC, exchanges 20 Nov 2026 17:30 UTC (STALE), cross-asset 19 Nov 2026 00:00 UTC"
    )
    assert told.not_covered == ("exchanges: STALE, so nothing newer is told", NOT_JUDGED)


def test_the_tutorials_figures_never_age(tmp_path: Path) -> None:
    told = brief(tmp_path, now=NOW + 300 * DAY, is_tutorial=True)

    assert told.is_tutorial
    assert not told.is_stale
    assert told.now == NOW


@pytest.mark.slow
def test_a_part_without_data_is_not_covered(tmp_path: Path) -> None:
    changed = {name: TABLES[name].empty() for name in ("mart.pressure", "mart.exchange_flows", "core.daily_closes")}
    told = brief(tmp_path, changed, since=NOW - 40 * DAY)

    assert as_of_words(told) == "no part has data"
    assert told.not_covered == (
        "market caps: nothing is published",
        "exchanges: nothing is published",
        "cross-asset: nothing is published",
        "what happened more than 30 days ago: events are kept no longer",
        NOT_JUDGED,
    )


def test_a_session_of_last_week_is_stale(tmp_path: Path) -> None:
    told = brief(tmp_path, now=NOW + 5 * DAY)

    assert {part for part, age in told.as_of.items() if age.is_stale} == {"market_caps", "exchanges", "cross_asset"}


@pytest.mark.slow
def test_corrections_stand_apart_from_moves(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir()
    told = brief(tmp_path, {"mart.events": NONE, "meta.brief_statements": corrected_statements(private)})

    assert told.headline.startswith("Nothing unusual")
    (correction,) = told.corrections
    assert correction.now == "+47.5 instead of +48.2"
    assert correction.figures["value"] == 48.25
    assert correction.corrected_figures is not None
    assert correction.corrected_figures["value"] == 47.5


@pytest.mark.slow
def test_a_file_of_an_earlier_version_holds_no_events(tmp_path: Path) -> None:
    link = published(tmp_path, {})
    with duckdb.connect(link) as connection:
        connection.execute("drop table mart.events")
        connection.execute("delete from meta.publish where table_name in ('mart.events', 'meta.brief_statements')")
    with open_published_file(link, is_tutorial=False, now=NOW) as file:
        told = brief_of(file, NOW - DAY)

    assert told.headline == NO_EVENTS
    assert not told.is_known


@pytest.mark.slow
def test_nulls_and_types_of_a_file_made_by_somebody_else_are_left_out(tmp_path: Path) -> None:
    link = published(tmp_path, {})
    with duckdb.connect(link) as connection:
        connection.execute("create table made as select * replace (7 as subject) from mart.events")
        connection.execute("insert into made (event_id) values ('empty')")
        connection.execute("drop table mart.events")
        connection.execute("create table mart.events as from made")
        connection.execute("drop table made")
    with open_published_file(link, is_tutorial=False, now=NOW) as file:
        (told,) = brief_of(file, NOW - DAY).statements

    assert told.subject == "7"


def test_the_evidence_gives_the_figures_again(tmp_path: Path) -> None:
    with open_published_file(published(tmp_path, {}), is_tutorial=False, now=NOW) as file:
        (told,) = brief_of(file, NOW - DAY).statements
        assert file.rows(told.evidence) == [dict(told.figures)]


@pytest.mark.slow
def test_every_number_of_the_tutorials_brief_comes_from_its_evidence(tutorial_run: TutorialRun) -> None:
    with open_published_file(tutorial_run.published, is_tutorial=True, now=NOW) as file:
        kept = file.rows("select * from meta.brief_statements")
        rows = file.rows("select * from mart.events")
        assert len(rows) > 10
        for each in map(statement_of, rows):
            assert unexplained_numbers(each) == [], each.text
            (found,) = file.rows(each.evidence)
            assert found == {name: _as_found(figure) for name, figure in each.figures.items()}, each.text
        assert {row["statement_id"] for row in kept} <= {row["event_id"] for row in rows}
        assert {row["corrected_at"] for row in kept} == {None}


def _as_found(figure: object) -> object:
    """A second way to a figure differs in its last digits."""
    return pytest.approx(figure, rel=1e-9, abs=1e-9) if isinstance(figure, float) else figure
