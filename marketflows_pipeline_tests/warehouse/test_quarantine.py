"""Rows that are left out: by a rule, by hand, and whose word counts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse.accepted import accepted_name
from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.quarantine import (
    active,
    active_columns,
    nearest_keys,
    quarantine,
    quarantine_by_hand,
    release_by_hand,
)
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.published_answers import run_sql
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps

CAPS = "raw.market_caps"
BAD = "bitcoin,2026-11-20T18:00:00Z"


@pytest.fixture
def stored(warehouse: Warehouse) -> Warehouse:
    warehouse.merge(CAPS, caps(("bitcoin", NOW, 1e30), ("bitcoin", NOW - HOUR, 2e12), ("ethereum", NOW, 4e11)))
    return warehouse


def found(*hours: int, column: str = "market_cap_usd") -> pl.DataFrame:
    """A rule's finding about bitcoin, so many hours ago."""
    rows = caps(*(("bitcoin", NOW - hour * HOUR, 1.0) for hour in hours)) if hours else TABLES[CAPS].empty()
    return rows.select("coin_id", "ts", column_name=pl.lit(column), reason=pl.lit("too large"))


def run_rule(warehouse: Warehouse, rows: pl.DataFrame, *, later: int = 0, rule: str = "bounds") -> list[str]:
    return quarantine(warehouse, CAPS, rows, rule=rule, at=NOW + later * HOUR)["key"].to_list()


def counted(warehouse: Warehouse) -> set[tuple[str, float]]:
    return set(warehouse.accepted(CAPS, columns=["coin_id", "market_cap_usd"]).iter_rows())


def test_a_quarantined_row_counts_for_nothing_and_stays_stored(stored: Warehouse) -> None:
    assert run_rule(stored, found(0)) == [BAD]
    assert counted(stored) == {("bitcoin", 2e12), ("ethereum", 4e11)}
    assert stored.query("select max(market_cap_usd) as cap from accepted.market_caps").item() == 2e12
    assert stored.read(CAPS).height == 3


def test_every_raw_table_can_be_read_without_its_quarantined_rows(warehouse: Warehouse) -> None:
    for name, entry in TABLES.items():
        if entry.schema_name == "raw":
            assert accepted_name(name) != name
            assert warehouse.accepted(name).schema == entry.polars_schema


def test_what_is_left_out_already_is_not_set_again(stored: Warehouse) -> None:
    run_rule(stored, found(0))
    assert run_rule(stored, found(0), later=1) == []
    assert active(stored, CAPS)["added_at"].to_list() == [NOW]


def test_a_corrected_value_counts_again_by_itself(stored: Warehouse) -> None:
    """A row is known by its key: without this a figure that the service has put right would stay left out for ever."""
    run_rule(stored, found(0, 1))
    run_rule(stored, found(1), later=1)
    assert active(stored, CAPS)["key"].to_list() == ["bitcoin,2026-11-20T17:00:00Z"]
    released = stored.read("meta.quarantine", where="released_at is not null")
    assert released.select("key", "released_by", "released_at").rows() == [(BAD, "rule", NOW + HOUR)]
    assert run_rule(stored, found(0, 1), later=2) == [BAD], "and is left out anew if it goes bad again"


def test_a_rule_releases_nothing_of_another_rule_or_of_a_person(stored: Warehouse) -> None:
    run_rule(stored, found(0), rule="unit_slip")
    quarantine_by_hand(stored, CAPS, BAD, "", reason="by hand", at=NOW)
    run_rule(stored, found(), later=1)
    assert active_columns(stored, CAPS, BAD) == ["", "market_cap_usd"]


@pytest.mark.slow
def test_a_release_by_hand_is_never_undone_by_a_rule(stored: Warehouse) -> None:
    run_rule(stored, found(0))
    release_by_hand(stored, CAPS, BAD, ["market_cap_usd"], at=NOW + HOUR)
    for later in (2, 3):
        assert run_rule(stored, found(0), later=later) == []
        assert run_rule(stored, found(0), later=later, rule="unit_slip") == []
    assert ("bitcoin", 1e30) in counted(stored)


def test_a_release_by_hand_can_be_taken_back_by_hand(stored: Warehouse) -> None:
    run_rule(stored, found(0))
    release_by_hand(stored, CAPS, BAD, ["market_cap_usd"], at=NOW + HOUR)
    assert quarantine_by_hand(stored, CAPS, BAD, "market_cap_usd", reason="after all", at=NOW + 2 * HOUR)
    assert ("bitcoin", 1e30) not in counted(stored)
    run_rule(stored, found(), later=3)
    assert active_columns(stored, CAPS, BAD) == ["market_cap_usd"], "a rule that finds nothing doesn't release it"
    release_by_hand(stored, CAPS, BAD, ["market_cap_usd"], at=NOW + 4 * HOUR)
    assert run_rule(stored, found(0), later=5) == []


def test_two_faults_of_a_row_are_two_entries_and_one_is_enough_to_leave_it_out(stored: Warehouse) -> None:
    run_rule(stored, pl.concat([found(0), found(0, column="ts")]))
    release_by_hand(stored, CAPS, BAD, ["ts"], at=NOW + HOUR)
    assert active_columns(stored, CAPS, BAD) == ["market_cap_usd"]
    assert ("bitcoin", 1e30) not in counted(stored)


def test_adding_by_hand_what_is_left_out_already_changes_nothing(stored: Warehouse) -> None:
    assert quarantine_by_hand(stored, CAPS, BAD, "", reason="one", at=NOW)
    assert not quarantine_by_hand(stored, CAPS, BAD, "", reason="two", at=NOW + HOUR)
    assert active(stored, CAPS)["reason"].to_list() == ["one"]


def test_another_tables_row_of_the_same_key_is_not_touched(stored: Warehouse) -> None:
    run_rule(stored, found(0))
    assert active(stored, "raw.exchange_volumes").is_empty()


def test_the_nearest_rows_are_those_of_the_same_id_by_time(stored: Warehouse) -> None:
    key = "bitcoin,2026-11-20T18:10:00Z"
    assert nearest_keys(stored, CAPS, key) == [BAD, "bitcoin,2026-11-20T17:00:00Z"]
    assert nearest_keys(stored, CAPS, "dogecoin,2026-11-20T18:10:00Z") == []


@pytest.mark.slow
def test_the_published_file_says_what_is_left_out_and_how_new_the_rest_is(stored: Warehouse, link: Path) -> None:
    """A row dated three days ahead once made ten days of staleness look fresh."""
    stored.merge(CAPS, caps(("bitcoin", NOW + timedelta(days=3), 2e12)))
    run_rule(stored, pl.concat([found(-72, column="ts"), found(0)]))
    begin_part(stored, "market_caps", "run", NOW)
    publish(stored, part="market_caps", run_id="run", now=NOW + HOUR, published_path=link)
    assert run_sql(link, "select key from meta.quarantine order by key")["key"].to_list() == [
        BAD,
        "bitcoin,2026-11-23T18:00:00Z",
    ]
    assert run_sql(link, "select count(*) as n from raw.market_caps").item() == 4
    assert run_sql(link, "select count(*) as n from accepted.market_caps").item() == 2
    newest = run_sql(link, f"select as_of, n_rows from meta.publish where table_name = '{CAPS}'")
    assert newest.rows() == [(NOW, 4)]
