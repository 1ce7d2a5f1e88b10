"""The published file: what is in it, and where it comes from."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import TABLES, tables_of
from marketflows_pipeline.warehouse.accepted import accepted_name
from marketflows_pipeline.warehouse.publish import begin_part
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.published_answers import run_sql
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps, fill, frame
from marketflows_pipeline_tests.warehouse.runs import Runs, answer, caps_and_volumes

pytestmark = pytest.mark.slow


def raise_no_space(*_: object) -> None:
    raise OSError("no space left on device")


@pytest.mark.slow
@pytest.mark.usefixtures("published")
def test_every_registered_table_and_no_other_is_published(warehouse: Warehouse, link: Path, runs: Runs) -> None:
    warehouse.execute("create table raw.of_an_older_version as select 1 as x")
    for part in ("exchanges", "cross_asset"):
        runs.passes(part)

    found = answer(
        link,
        "select schema_name || '.' || table_name from duckdb_tables() where not internal union all "
        "select schema_name || '.' || view_name from duckdb_views() where not internal",
    )
    accepted = {accepted_name(name) for name in TABLES if name.startswith("raw.")}
    assert sorted(found) == sorted((name,) for name in {*TABLES, *accepted})


@pytest.mark.usefixtures("published")
def test_published_rows_are_those_of_the_private_file(warehouse: Warehouse, link: Path) -> None:
    for entry in tables_of("market_caps"):
        rows = f"select * from {entry.name} order by all"
        assert_frame_equal(run_sql(link, rows), warehouse.query(rows))
        assert answer(link, f"select count(*) > 0 from {entry.name}") == [(True,)]


@pytest.mark.slow
def test_the_file_says_what_it_is(link: Path, runs: Runs) -> None:
    runs.passes("exchanges", run_id="run-0")
    runs.passes("cross_asset", run_id="run-0")
    runs.passes(run_id="run-1")

    assert answer(
        link,
        "select status, as_of, n_rows, run_id, published_at from meta.publish where table_name = 'raw.market_caps'",
    ) == [("fresh", NOW, 1, "run-1", NOW + timedelta(minutes=5))]
    assert answer(link, "select kind, grain from meta.tables where table_name = 'mart.metrics'") == [
        ("view", TABLES["mart.metrics"].grain)
    ]
    described = [*TABLES.values(), *(entry for entry in TABLES.values() if entry.schema_name == "raw")]
    assert answer(link, "select count(*) from meta.tables") == [(len(described),)], "raw tables as accepted.* too"
    columns = sum(len(entry.columns) for entry in described)
    assert answer(link, "select count(*) from meta.columns") == [(columns,)]
    assert answer(link, "select source_table, source_column from meta.lineage where table_name = 'core.cohort'") == [
        ("core.market_cap_grid", "market_cap_usd")
    ]
    assert answer(link, "select n_rows from meta.publish where table_name = 'meta.publish'") == [(len(TABLES),)]


def test_no_figure_is_as_of_a_time_to_come(warehouse: Warehouse, link: Path, runs: Runs) -> None:
    """Lists of members, which stand at the next midnight, were published as of it."""
    runs.passes("exchanges", run_id="run-0")
    midnight = NOW.replace(hour=0) + timedelta(days=1)
    members = {"series": "ai", "coin_id": "bitcoin", "ts": midnight}
    begin_part(warehouse, "market_caps", "run-1", NOW)
    fill(warehouse, "market_caps", 1.0)
    warehouse.replace("core.listed_members", frame("core.listed_members", members))
    warehouse.merge("raw.market_caps", caps(("bitcoin", NOW + 2 * HOUR, 1.0)))
    published_at = NOW + timedelta(minutes=5)
    runs.publish("market_caps", "run-1", published_at)

    asked = "select distinct as_of from meta.publish where table_name in ('core.listed_members', 'raw.market_caps')"
    assert answer(link, asked) == [(published_at,)]
    assert answer(link, "select table_name from meta.publish where as_of > published_at") == []
    # As it was, where the part is carried over by a later publish.
    runs.passes("exchanges", run_id="run-2", hour=48)
    assert answer(link, asked) == [(published_at,)]


@pytest.mark.usefixtures("published")
def test_every_table_and_column_of_the_file_has_its_words(link: Path) -> None:
    for kind in ("tables", "views", "columns"):
        assert answer(link, f"select count(*) from duckdb_{kind}() where not internal and comment is null") == [(0,)]


@pytest.mark.usefixtures("published")
def test_meta_columns_agrees_with_the_file(link: Path) -> None:
    assert answer(
        link,
        "select count(*) from meta.columns c full join (select * from duckdb_columns() where not internal) d on "
        "c.table_name = d.schema_name || '.' || d.table_name and c.column_name = d.column_name and "
        "c.position = d.column_index where c.column_name is null or d.column_name is null",
    ) == [(0,)]


@pytest.mark.usefixtures("published")
def test_only_a_link_and_two_versions_stay(link: Path, runs: Runs) -> None:
    paths = [runs.passes(run_id=f"run-{hour}", hour=hour).path for hour in range(1, 4)]

    assert sorted(link.parent.iterdir()) == sorted([link, *paths[-2:]])
    assert link.readlink() == Path(paths[-1].name)
    assert paths[-1].name == "marketflows.000004.20261120T210500Z.run3.duckdb"


def test_publishes_of_one_second_and_a_clock_set_back_keep_their_order(link: Path, runs: Runs) -> None:
    runs.passes(value=1.0, hour=5)
    runs.passes(value=2.0, hour=0)
    runs.passes(value=3.0, hour=0)

    assert answer(link, "select market_cap_usd from raw.market_caps") == [(3.0,)]


@pytest.mark.usefixtures("published")
def test_a_failed_run_of_a_part_leaves_its_published_tables_as_they_were(private: Path, link: Path) -> None:
    with Warehouse(private) as warehouse:
        runs = Runs(warehouse, link)
        before = answer(link, "select * from meta.publish where part = 'market_caps' order by all")

        runs.fails("market_caps", "caps-2", 2.0)
        report = runs.passes("exchanges", "volumes-1", 10.0)

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


@pytest.mark.slow
@pytest.mark.usefixtures("published")
def test_a_part_carried_over_twice_and_then_good_again_is_fresh(private: Path, link: Path) -> None:
    with Warehouse(private) as warehouse:
        runs = Runs(warehouse, link)
        runs.fails("market_caps", "caps-2", 2.0)
        runs.passes("exchanges", "volumes-1", 10.0)
        runs.passes("exchanges", "volumes-2", 11.0)
        assert caps_and_volumes(link) == [(1.0,), (11.0,)]

        report = runs.passes("market_caps", "caps-3", 3.0)

        assert caps_and_volumes(link) == [(3.0,), (11.0,)]
        assert report.carried_over == ()


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 5_000])
def test_either_half_may_be_the_larger_one(private: Path, link: Path, rows: int) -> None:
    with Warehouse(private) as warehouse:
        runs = Runs(warehouse, link)
        begin_part(warehouse, "market_caps", "caps-1", NOW)
        warehouse.merge("raw.market_caps", caps(*((f"coin-{n}", NOW, 1.0) for n in range(rows))))
        runs.passes("market_caps", "caps-1", 1.0)
        runs.fails("market_caps", "caps-2", 2.0)

        runs.passes("exchanges", "volumes-1", 10.0)

        totals = answer(link, "select sum(market_cap_usd), count(*) from raw.market_caps")
        assert totals == [(rows + 1.0, rows + 1)]
        assert answer(link, "select volume_24h_btc from raw.exchange_volumes") == [(10.0,)]
        assert answer(link, "select run_id, passed_at is null from meta.part_runs order by part") == [
            ("volumes-1", False),
            ("caps-2", True),
        ]


def test_a_part_that_never_passed_is_left_out(private: Path, link: Path) -> None:
    with Warehouse(private) as warehouse:
        runs = Runs(warehouse, link)
        runs.fails("market_caps", "caps-1", 1.0)
        report = runs.passes("exchanges", "volumes-1", 10.0)

    assert report.left_out == ("market_caps",)
    assert answer(link, "select count(*) from meta.tables where part = 'market_caps'") == [(0,)]
    assert answer(link, "select volume_24h_btc from raw.exchange_volumes") == [(10.0,)]


def test_a_part_that_never_ran_is_there_without_rows(private: Path, link: Path) -> None:
    with Warehouse(private) as warehouse:
        runs = Runs(warehouse, link)
        report = runs.passes("market_caps", "caps-1", 1.0)

    assert (report.carried_over, report.left_out) == ((), ())
    assert caps_and_volumes(link) == [(1.0,)]


@pytest.mark.slow
@pytest.mark.usefixtures("published")
def test_a_new_private_file_keeps_the_parts_that_were_published_from_the_old_one(private: Path, link: Path) -> None:
    with Warehouse(private) as warehouse:
        runs = Runs(warehouse, link)
        runs.passes("exchanges", "volumes-1", 10.0)
    private.unlink()
    with Warehouse(private) as warehouse:
        runs = Runs(warehouse, link)
        report = runs.passes("market_caps", "caps-2", 2.0)

    assert report.carried_over == ("exchanges", "cross_asset")
    assert caps_and_volumes(link) == [(2.0,), (10.0,)]


@pytest.mark.usefixtures("published")
def test_a_publish_that_failed_changes_no_dates(
    warehouse: Warehouse, link: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = warehouse.read("meta.publish")
    monkeypatch.setattr("marketflows_pipeline.warehouse.publish.copy_in_subprocess", raise_no_space)
    with pytest.raises(WarehouseError, match="no space left on device"):
        runs.passes(run_id="run-2", value=2.0, hour=1)
    assert_frame_equal(warehouse.read("meta.publish"), before)


@pytest.mark.usefixtures("published")
def test_a_part_that_passed_without_a_new_run_keeps_its_date(private: Path, link: Path) -> None:
    with Warehouse(private) as warehouse:
        runs = Runs(warehouse, link)
        runs.publish("exchanges", "volumes-1", NOW + 9 * HOUR)

    sql = "select status, published_at from meta.publish where table_name = 'raw.market_caps'"
    assert answer(link, sql) == [("fresh", NOW + timedelta(minutes=5))]
