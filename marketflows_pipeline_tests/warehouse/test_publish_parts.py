"""Parts of the published file: which are taken from this run, which carried over, which left out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps
from marketflows_pipeline_tests.warehouse.publishing import actions, answer, caps_and_volumes


def test_a_failed_run_of_a_part_leaves_its_published_tables_as_they_were(private: Path, link: Path) -> None:
    with Warehouse(private) as warehouse:
        run, fail = actions(warehouse, link)
        run("market_caps", "caps-1", 1.0)
        before = answer(link, "select * from meta.publish where part = 'market_caps' order by all")

        fail("market_caps", "caps-2", 2.0)
        report = run("exchanges", "volumes-1", 10.0)

        assert warehouse.read("raw.market_caps")["market_cap_usd"].to_list() == [2.0]
        assert caps_and_volumes(link) == [(1.0,), (10.0,)]
        assert answer(link, "select distinct value from mart.metrics") == [(1.0,)]
        assert report.carried_over == ("market_caps",)
        after = answer(link, "select * from meta.publish where part = 'market_caps' order by all")
        dates = [(row[0], row[3], row[4], row[5], row[6]) for row in before]
        assert [(row[0], row[3], row[4], row[5], row[6]) for row in after] == dates
        statuses = dict(answer(link, "select part, any_value(status) from meta.publish group by part"))
        # a part that never ran brings its empty history
        assert statuses == {
            "market_caps": "carried_over",
            "exchanges": "fresh",
            "cross_asset": "fresh",
            "meta": "fresh",
        }


def test_a_part_carried_over_twice_and_then_good_again_is_fresh(private: Path, link: Path) -> None:
    with Warehouse(private) as warehouse:
        run, fail = actions(warehouse, link)
        run("market_caps", "caps-1", 1.0)
        fail("market_caps", "caps-2", 2.0)
        run("exchanges", "volumes-1", 10.0)
        run("exchanges", "volumes-2", 11.0)
        assert caps_and_volumes(link) == [(1.0,), (11.0,)]

        report = run("market_caps", "caps-3", 3.0)

        assert caps_and_volumes(link) == [(3.0,), (11.0,)]
        assert report.carried_over == ()


@pytest.mark.parametrize("rows", [1, 5_000])
def test_either_half_may_be_the_larger_one(private: Path, link: Path, rows: int) -> None:
    with Warehouse(private) as warehouse:
        run, fail = actions(warehouse, link)
        begin_part(warehouse, "market_caps", "caps-1", NOW)
        warehouse.merge("raw.market_caps", caps(*((f"coin-{n}", NOW, 1.0) for n in range(rows))))
        run("market_caps", "caps-1", 1.0)
        fail("market_caps", "caps-2", 2.0)

        run("exchanges", "volumes-1", 10.0)

        totals = answer(link, "select sum(market_cap_usd), count(*) from raw.market_caps")
        assert totals == [(rows + 1.0, rows + 1)]
        assert answer(link, "select volume_24h_btc from raw.exchange_volumes") == [(10.0,)]
        assert answer(link, "select run_id, passed_at is null from meta.part_runs order by part") == [
            ("volumes-1", False),
            ("caps-2", True),
        ]


def test_a_part_that_never_passed_is_left_out(private: Path, link: Path) -> None:
    with Warehouse(private) as warehouse:
        run, fail = actions(warehouse, link)
        fail("market_caps", "caps-1", 1.0)
        report = run("exchanges", "volumes-1", 10.0)

    assert report.left_out == ("market_caps",)
    assert answer(link, "select count(*) from meta.tables where part = 'market_caps'") == [(0,)]
    assert answer(link, "select volume_24h_btc from raw.exchange_volumes") == [(10.0,)]


def test_a_part_that_never_ran_is_there_without_rows(private: Path, link: Path) -> None:
    with Warehouse(private) as warehouse:
        run, _ = actions(warehouse, link)
        report = run("market_caps", "caps-1", 1.0)

    assert (report.carried_over, report.left_out) == ((), ())
    assert caps_and_volumes(link) == [(1.0,)]


def test_a_new_private_file_keeps_the_parts_that_were_published_from_the_old_one(private: Path, link: Path) -> None:
    with Warehouse(private) as warehouse:
        run, _ = actions(warehouse, link)
        run("market_caps", "caps-1", 1.0)
        run("exchanges", "volumes-1", 10.0)
    private.unlink()
    with Warehouse(private) as warehouse:
        run, _ = actions(warehouse, link)
        report = run("market_caps", "caps-2", 2.0)

    assert report.carried_over == ("exchanges", "cross_asset")
    assert caps_and_volumes(link) == [(2.0,), (10.0,)]


def test_a_part_that_passed_without_a_new_run_keeps_its_date(private: Path, link: Path) -> None:
    with Warehouse(private) as warehouse:
        run, _ = actions(warehouse, link)
        run("market_caps", "caps-1", 1.0)
        other: Any = "exchanges"
        publish(warehouse, part=other, run_id="volumes-1", now=NOW + 9 * HOUR, published_path=link)

    sql = "select status, published_at from meta.publish where table_name = 'raw.market_caps'"
    assert answer(link, sql) == [("fresh", NOW + timedelta(minutes=5))]


@pytest.mark.parametrize(
    ("statement", "carried"),
    [
        ("create table scratch as select 1 as x", 2.0),
        ("update raw.market_caps set market_cap_usd = 666", 1.0),
        ("delete from mart.ema", 1.0),
        ("drop table meta.publish", 1.0),
    ],
)
def test_rows_that_a_session_changed_are_never_carried_over(
    private: Path, link: Path, statement: str, carried: float
) -> None:
    with Warehouse(private) as warehouse:
        run, fail = actions(warehouse, link)
        run("market_caps", "caps-1", 1.0)
        run("market_caps", "caps-2", 2.0)
        with duckdb.connect(str(link)) as session:
            session.execute(statement)
            session.execute("checkpoint")
        fail("market_caps", "caps-3", 3.0)

        run("exchanges", "volumes-1", 10.0)

    assert caps_and_volumes(link) == [(carried,), (10.0,)]
    assert answer(link, "select distinct value from mart.metrics") == [(carried,)]
    assert answer(link, "select count(*) from duckdb_tables() where table_name = 'scratch'") == [(0,)]
