"""Tables on daily closes are computed once a day, and again whenever what they are computed from has changed."""

from __future__ import annotations

import pytest
from polars.testing import assert_frame_equal

from marketflows_pipeline.schema import table
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.pipeline.environment import Environment

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("after_first_run", "measures")]

# Kinds of events are noted there too; those of the index are computed again when its first closes become final.
COMPUTED = """
    select table_name, computed_at from meta.computed where table_name not like 'mart.events:%' order by table_name
"""
TABLES = ("core.daily_closes", "mart.breadth", "mart.cap_attribution", "mart.range_chain")
KEYS = {name: ", ".join(table(name).key) for name in TABLES}


def change_stored(env: Environment, statement: str) -> None:
    with Warehouse(env.private, create=False) as warehouse:
        warehouse.execute(statement)


def computed(env: Environment) -> dict[str, object]:
    return dict(env.stored(COMPUTED).iter_rows())


def test_an_hour_on_which_no_day_closes_computes_none_of_them(env: Environment) -> None:
    before = computed(env)
    assert set(TABLES) <= set(before)

    assert env.run(hours_later=1), env.failure.lines

    assert computed(env) == before


def test_a_new_close_computes_all_of_them(env: Environment) -> None:
    before = computed(env)
    last = env.stored("select max(ts) as ts from core.daily_closes").item()

    assert env.run(hours_later=24), env.failure.lines

    after = computed(env)
    assert all(after[name] != before[name] for name in TABLES)
    assert env.stored("select max(ts) as ts from core.daily_closes").item() > last


@pytest.mark.parametrize(
    "change",
    [
        "update raw.market_caps set price_usd = 2 * price_usd"
        " where coin_id = 'bitcoin' and ts < timestamptz '2026-10-08 00:00:00Z'",
        "drop table mart.range_chain",
    ],
)
def test_changed_inputs_and_a_lost_table_are_computed_again(env: Environment, change: str) -> None:
    before = computed(env)
    change_stored(env, change)

    assert env.run(hours_later=1), env.failure.lines

    after = computed(env)
    assert after["mart.range_chain"] != before["mart.range_chain"]


def test_other_settings_are_other_inputs(env: Environment) -> None:
    env.configure(range_lower_limits=[1e9, 1e11])

    assert env.run(hours_later=1), env.failure.lines

    ranges = env.stored("select distinct series from mart.breadth where category = 'Ranges'")["series"]
    assert not ranges.is_empty()
    assert set(ranges) <= {"1000000000", "100000000000"}


def test_a_skipped_table_is_what_would_be_computed(env: Environment) -> None:
    assert env.run(hours_later=1), env.failure.lines
    kept = {name: env.stored(f"select * from {name} order by {KEYS[name]}") for name in TABLES}
    change_stored(env, "delete from meta.computed")

    assert env.run(), env.failure.lines

    for name, frame in kept.items():
        # The last bit of a sum depends on how polars cuts it up.
        assert_frame_equal(env.stored(f"select * from {name} order by {KEYS[name]}"), frame, rel_tol=1e-12)
