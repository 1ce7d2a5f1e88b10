"""The tutorial's events: those that are planted in its figures are found, and each can be checked by its query."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import polars as pl
import pytest

from marketflows_pipeline.queries.events.evidence import evidence_sql
from marketflows_pipeline.queries.events.finding import KINDS
from marketflows_pipeline.queries.events.kinds import Kind, Measured
from marketflows_pipeline.transforms.events.measured import zscores_of_past
from marketflows_pipeline_tests.tutorial.run import TutorialRun

pytestmark = pytest.mark.slow

# Kind, subject and UTC day of what is planted into the last 30 days, as the tutorial's pages list it.
PLANTED = {
    "netflow_outlier:okx:2026-02-03",
    "netflow_outlier:bybit:2026-02-09",
    "staleness:core.daily_closes:synthetic-ember:2026-02-12",
    "coverage_lost:artificial-intelligence:2026-02-12",
    "member_change:artificial-intelligence:2026-03-01",
    "volume_spike:kucoin:2026-03-04",
}


@pytest.fixture
def session(tutorial_run: TutorialRun) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(tutorial_run.published), read_only=True) as connection:
        connection.execute("set TimeZone = 'America/Los_Angeles'")
        yield connection


def test_what_is_planted_is_found(session: duckdb.DuckDBPyConnection) -> None:
    found = {event_id for (event_id,) in session.execute("select event_id from mart.events").fetchall()}
    assert found >= PLANTED


def test_what_is_unusual_is_rare(session: duckdb.DuckDBPyConnection) -> None:
    assert session.execute("select count(*) <= 30 from mart.events").fetchall() == [(True,)]


def test_every_event_is_found_again_by_its_query(session: duckdb.DuckDBPyConnection) -> None:
    events = session.sql("select * from mart.events").pl().to_dicts()
    assert events
    for event in events:
        answer = session.sql(event["evidence_sql"])
        (row,) = answer.fetchall()
        figures = dict(zip(answer.columns, row, strict=True))
        assert figures == {
            name: pytest.approx(event[name], rel=1e-9, abs=1e-9) if isinstance(value, float) else event[name]
            for name, value in figures.items()
        }, event["event_id"]
        is_measured = event["z"] is not None
        assert set(figures) == (
            {"value", "reference", "z", "percentile"} if is_measured else {"was", "became", "value", "reference"}
        )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.part}-{kind.name}")
def test_the_query_of_any_figure_agrees_with_the_pipeline(session: duckdb.DuckDBPyConnection, kind: Kind) -> None:
    """Not of events alone: the newest figure, or change, of every subject."""
    rows = session.sql(kind.sql).pl()
    assert rows.select("subject", pl.col("ts").dt.date()).is_duplicated().sum() == 0
    if isinstance(kind, Measured):
        rows = zscores_of_past(rows).drop_nulls("z")
    names = ["value", "reference", *(("z", "percentile") if isinstance(kind, Measured) else ("was", "became"))]
    for row in rows.group_by("subject").last().to_dicts():
        answer = session.sql(evidence_sql(kind, row["subject"], row["ts"])).pl().select(names)
        (found,) = answer.to_dicts()
        assert found == {
            name: pytest.approx(row[name], rel=1e-9, abs=1e-9) if isinstance(row[name], float) else row[name]
            for name in names
        }
