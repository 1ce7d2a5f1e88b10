"""Sessions that hold the published file open never fail a publish, and a new reader sees exactly what was published.

DuckDB keeps a session's log beside the file it opened; with one file replaced by rename, a log left or written there
after the publish would be replayed into the new file by its next opener, or keep it from opening.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.published import query_rows
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.frames import NOW, caps, fill
from marketflows_pipeline_tests.warehouse.sessions import Session

pytestmark = pytest.mark.slow

VERSIONS = ["1.5.5", "2.0.0"]
CAPS = "select market_cap_usd from raw.market_caps"
VANDALISM = "update raw.market_caps set market_cap_usd = 666"


@pytest.fixture
def published(warehouse: Warehouse, link: Path) -> Warehouse:
    """A warehouse whose market cap of 1 USD is published."""
    begin_part(warehouse, "market_caps", "run-1", NOW)
    fill(warehouse, "market_caps", 1.0)
    publish(warehouse, part="market_caps", run_id="run-1", now=NOW, published_path=link)
    return warehouse


def publish_two_dollars(warehouse: Warehouse, link: Path, run_id: str = "run-2") -> None:
    begin_part(warehouse, "market_caps", run_id, NOW)
    warehouse.merge("raw.market_caps", caps(("x", NOW, 2.0)))
    publish(warehouse, part="market_caps", run_id=run_id, now=NOW, published_path=link)


@pytest.mark.parametrize(("version", "end"), list(product(VERSIONS, ["closed", "killed"])))
def test_a_session_that_wrote_before_the_publish(published: Warehouse, link: Path, version: str, end: str) -> None:
    with Session(link, version, "write") as session:
        session.ask(VANDALISM)

        publish_two_dollars(published, link)

        assert query_rows(link, CAPS).rows == [(2.0,)]
        assert session.ask(CAPS) == [[666.0]]
        session.end(end)
    assert query_rows(link, CAPS).rows == [(2.0,)]
    publish_two_dollars(published, link, "run-3")
    assert query_rows(link, CAPS).rows == [(2.0,)]


@pytest.mark.parametrize(("version", "end"), list(product(VERSIONS, ["closed", "killed"])))
def test_a_session_that_first_writes_after_the_publish(
    published: Warehouse, link: Path, version: str, end: str
) -> None:
    with Session(link, version, "write") as session:
        publish_two_dollars(published, link)

        session.ask(VANDALISM)

        assert query_rows(link, CAPS).rows == [(2.0,)]
        session.end(end)
    assert query_rows(link, CAPS).rows == [(2.0,)]
    publish_two_dollars(published, link, "run-3")
    assert query_rows(link, CAPS).rows == [(2.0,)]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_killed_in_the_file_before_the_publish(published: Warehouse, link: Path, version: str) -> None:
    with Session(link, version, "write") as session:
        session.ask(VANDALISM)
        session.end("killed")

    publish_two_dollars(published, link)

    for reader in VERSIONS:
        with Session(link, reader, "read") as session:
            assert session.ask(CAPS) == [[2.0]]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_reader_keeps_its_answers_and_a_new_one_sees_the_new_rows(
    published: Warehouse, link: Path, version: str
) -> None:
    with Session(link, version, "read") as old:
        for run in range(3):
            publish_two_dollars(published, link, f"run-{run + 2}")
        with Session(link, version, "read") as new:
            assert (old.ask(CAPS), new.ask(CAPS)) == ([[1.0]], [[2.0]])


def test_a_session_of_an_old_duckdb_that_was_killed_leaves_nothing_in_the_new_file(
    published: Warehouse, link: Path
) -> None:
    # DuckDB 1.2 keeps its log at the name it was given, the link, and not beside the file behind it.
    with Session(link, "1.2.2", "write") as session:
        session.ask(VANDALISM)
        session.end("killed")
    assert link.with_name("marketflows.duckdb.wal").exists()

    publish_two_dollars(published, link)

    with Session(link, "1.2.2", "read") as reader:
        assert reader.ask(CAPS) == [[2.0]]


def test_logs_of_removed_versions_are_removed(published: Warehouse, link: Path) -> None:
    with Session(link, VERSIONS[0], "write") as session:
        for run in range(3):
            publish_two_dollars(published, link, f"run-{run + 2}")
        session.ask(VANDALISM)
        session.end("killed")
    publish_two_dollars(published, link, "run-9")

    assert not list(link.parent.glob("*.wal"))
