"""Of a history table a publish brings the rows that were written since the last one, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps
from marketflows_pipeline_tests.warehouse.lakes import lake_in, needs_lake
from marketflows_pipeline_tests.warehouse.runs import Runs

pytestmark = [pytest.mark.slow, pytest.mark.lake, needs_lake]

MANY = [(f"coin-{number:03}", NOW - HOUR, 1.0) for number in range(200)]
DIFFERENCE = """
    select count(*) from (
        (from marketflows.raw.market_caps except all from pub.raw.market_caps)
        union all (from pub.raw.market_caps except all from marketflows.raw.market_caps)
    )
"""


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Warehouse]:
    with Warehouse(lake_in(tmp_path, exports=False)) as opened:
        yield opened


@pytest.fixture
def runs(lake: Warehouse, tmp_path: Path) -> Runs:
    """Runs after a first publish of many coins."""
    runs = Runs(lake, tmp_path / "published" / "marketflows.duckdb")
    lake.merge("raw.market_caps", caps(*MANY))
    runs.passes()
    return runs


def published_at(lake: Warehouse) -> int:
    return int(lake.query("from pub.current_snapshot()").item())


def n_written(lake: Warehouse, since: int) -> int:
    """How many rows of the published table came or went since a snapshot."""
    changes = f"ducklake_table_changes('pub', 'raw', 'market_caps', {since + 1}, {published_at(lake)})"
    return int(lake.query(f"select count(*) as n from {changes}").item())


def test_rows_that_came_changed_and_went_are_brought_alone(lake: Warehouse, runs: Runs) -> None:
    before = published_at(lake)
    lake.merge("raw.market_caps", caps(("coin-007", NOW - HOUR, 7.0), ("coin-new", NOW, 3.0)))
    lake.merge("raw.market_caps", caps(("coin-007", NOW - HOUR, 8.0)))
    lake.execute("delete from raw.market_caps where coin_id = 'coin-009'")
    runs.passes(run_id="run-2", value=2.0)

    assert lake.query(DIFFERENCE).item() == 0
    assert lake.query("select market_cap_usd from pub.raw.market_caps where coin_id = 'coin-007'").item() == 8.0
    # The row that every run of these tests writes is among them.
    assert 0 < n_written(lake, before) <= 8


def test_what_was_changed_there_by_hand_is_brought_as_a_whole(lake: Warehouse, runs: Runs) -> None:
    lake.execute("delete from pub.raw.market_caps where coin_id < 'coin-050'")
    lake.merge("raw.market_caps", caps(("coin-new", NOW, 3.0)))
    runs.passes(run_id="run-2", value=2.0)

    assert lake.query(DIFFERENCE).item() == 0


def test_where_most_rows_were_written_all_are_brought(lake: Warehouse, runs: Runs) -> None:
    lake.merge("raw.market_caps", caps(*((coin, at, 5.0) for coin, at, _ in MANY)))
    runs.passes(run_id="run-2", value=2.0)

    assert lake.query(DIFFERENCE).item() == 0
    assert lake.query("select min(market_cap_usd) from pub.raw.market_caps where coin_id like 'coin-%'").item() == 5.0


def test_a_table_that_nobody_wrote_is_left_alone(lake: Warehouse, runs: Runs) -> None:
    before = published_at(lake)
    runs.publish("market_caps", "run-2", NOW)

    assert n_written(lake, before) == 0
