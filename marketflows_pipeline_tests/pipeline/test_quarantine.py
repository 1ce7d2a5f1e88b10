"""Impossible rows that are stored: the next run publishes, says what it left out, and is not moved by them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse.published import run_sql
from marketflows_pipeline.warehouse.quarantine import release_by_hand
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.pipeline.environment import Environment

pytestmark = pytest.mark.slow

DERIVED = ("core.market_cap_grid", "core.group_totals", "core.cohort", "mart.normalized", "mart.percent_gains")


def copy_of(env: Environment, folder: Path) -> Environment:
    """The same pipeline in another folder, as it is now."""
    shutil.copytree(env.folder, folder, symlinks=True, ignore=shutil.ignore_patterns(folder.name))
    return replace(env, folder=folder)


def store(env: Environment, *, coin: str = "bitcoin", cap: float = 1.2e12, **shifted: float) -> None:
    """Store one more observation of a coin, shifted from now."""
    now = env.clock.now()
    row = dict.fromkeys(TABLES["raw.market_caps"].column_names) | {"coin_id": coin, "market_cap_usd": cap}
    row |= {"ts": now + timedelta(**shifted), "source": "test", "fetched_at": now}
    with Warehouse(env.private) as warehouse:
        warehouse.merge("raw.market_caps", pl.DataFrame([row], schema=TABLES["raw.market_caps"].polars_schema))


def released(env: Environment, pattern: str) -> str:
    """Release by hand the one row whose key matches."""
    with Warehouse(env.private) as warehouse:
        rows = warehouse.read("meta.quarantine", where="key like ?", params=[pattern])
        key, column = rows.select("key", "column_name").row(0)
        release_by_hand(warehouse, "raw.market_caps", key, [column], at=env.clock.now())
    return str(key)


@pytest.mark.usefixtures("after_first_run")
def test_stored_impossible_rows_are_left_out_and_the_curves_are_those_without_them(
    env: Environment, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    """A cap of 1e30 ended each run, a stamp of 1970 drew a month as a line, a row of the future hid staleness."""
    clean = copy_of(env, tmp_path / "clean")
    store(env, cap=1e30, hours=-30, minutes=7)
    store(env, hours=-env.clock.now().timestamp() / 3600, days=20)
    store(env, cap=9e12, days=3)
    moment = env.clock.now()
    assert env.run(hours_later=1), env.failure.lines
    after = env.clock.now()
    env.clock.set(moment)
    assert clean.run(hours_later=1), clean.failure.lines
    assert clean.clock.now() == after

    for name in DERIVED:
        found, expected = (run_sql(each.published, f"from {name} order by all") for each in (env, clean))
        assert found.equals(expected), name
    said = [record.getMessage() for record in log.records if "impossible" in record.getMessage()]
    assert len(said) == 1, "once, not every hour"
    assert "bitcoin,2026-10-09T06:12:00Z: market_cap_usd is 1e+30" in said[0]
    assert "bitcoin,1970-01-21T00:00:00Z: ts is" in said[0]
    assert "bitcoin,2026-10-13T12:05:00Z: ts is" in said[0]
    assert run_sql(env.published, "select count(*) as n from raw.market_caps where source = 'test'").item() == 3
    left_out = run_sql(env.published, "select key, set_by, released_at from meta.quarantine order by key")
    assert left_out["key"].len() == 3
    assert set(left_out["set_by"]) == {"rule"}

    assert env.run(hours_later=1), env.failure.lines
    assert len([record for record in log.records if "impossible" in record.getMessage()]) == 1


@pytest.mark.usefixtures("after_first_run")
def test_a_row_of_the_future_does_not_pass_for_a_fresh_one(env: Environment) -> None:
    store(env, days=3)
    assert env.run(hours_later=1), env.failure.lines
    as_of = run_sql(env.published, "select as_of from meta.publish where table_name = 'raw.market_caps'").item()
    assert as_of <= env.clock.now()


@pytest.mark.usefixtures("after_first_run")
def test_a_gap_that_a_quarantined_row_leaves_is_asked_for_and_the_corrected_row_counts(
    env: Environment,
) -> None:
    """Rows of several hours went bad; the service has them right by now."""
    with Warehouse(env.private) as warehouse:
        warehouse.execute(
            "update raw.market_caps set market_cap_usd = 1e30 where coin_id = 'ethereum'"
            f" and ts between timestamptz '{env.clock.now() - timedelta(hours=30)}'"
            f" and timestamptz '{env.clock.now() - timedelta(hours=26)}'"
        )
    assert env.run(hours_later=1), env.failure.lines
    quarantined = env.stored("select key, released_by from meta.quarantine")
    assert quarantined.height >= 3
    assert set(quarantined["released_by"]) == {"rule"}
    assert env.stored("select max(market_cap_usd) as cap from raw.market_caps where coin_id = 'ethereum'").item() < 1e15
    fills = env.stored("select distinct fill from core.market_cap_grid where coin_id = 'ethereum'")["fill"]
    assert fills.to_list() == ["observed"]


@pytest.mark.usefixtures("after_first_run")
def test_a_row_released_by_hand_stays_in_and_ends_no_run(env: Environment) -> None:
    store(env, cap=1e32, hours=-30, minutes=7)
    assert env.run(hours_later=1), env.failure.lines
    key = released(env, "bitcoin,%")
    for _ in range(2):
        assert env.run(hours_later=1), env.failure.lines
    assert env.stored(f"select released_by from meta.quarantine where key = '{key}'")["released_by"].to_list() == [
        "user"
    ]
    assert env.stored("select max(market_cap_usd) as cap from core.group_totals").item() > 1e29, "as the user wants it"
