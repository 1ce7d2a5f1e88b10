"""The chained index over runs of the whole pipeline: closes are added, never changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from marketflows_pipeline_tests.pipeline.environment import Environment

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("after_first_run", "measures")]

CLOSES = "select * from core.index_closes order by all"
LAST = "select max(ts) as ts from core.index_closes"


def test_the_first_run_fills_the_window_and_shows_the_level_of_now(env: Environment) -> None:
    closes = env.stored("select * from core.index_closes where base_asset = 'us-dollar' order by category, series, ts")

    assert closes.group_by("series").len()["len"].unique().to_list() == [7]
    assert closes.group_by("series", maintain_order=True).first()["price_index"].unique().to_list() == [1000.0]
    assert closes["is_backfilled"].all()
    latest = env.stored("select * from mart.narrative_index where is_provisional")
    assert latest["ts"].n_unique() == 1
    assert latest.height == 2 * closes["series"].n_unique()


def test_an_hour_on_which_no_day_closes_adds_no_close(env: Environment) -> None:
    before = env.stored(CLOSES)

    assert env.run(hours_later=1), env.failure.lines

    assert env.stored(CLOSES).equals(before)


def test_three_days_without_a_run_are_closed_from_the_fetched_history(env: Environment) -> None:
    before = env.stored(CLOSES)
    last = env.stored(LAST).item()

    assert env.run(hours_later=73), env.failure.lines

    after = env.stored(CLOSES)
    assert after.filter(pl.col("ts") <= last).equals(before)
    added = after.filter(pl.col("ts") > last, pl.col("base_asset") == "us-dollar")
    assert added["ts"].unique().sort().to_list() == [last + timedelta(days=days) for days in (1, 2, 3)]
    assert added["coverage_pct"].min() == pytest.approx(100)
    assert not added["is_backfilled"].any()


def test_a_longer_window_and_another_grid_change_no_stored_close(env: Environment) -> None:
    before = env.stored(CLOSES)
    env.configure(days=120)

    assert env.run(hours_later=1), env.failure.lines

    assert env.stored(CLOSES).equals(before)


def test_a_base_asset_that_is_added_later_has_the_whole_index(env: Environment) -> None:
    env.configure(base_assets=["bitcoin", "ethereum"])

    assert env.run(hours_later=1), env.failure.lines

    rows = env.stored("select base_asset, count(*) as n, min(ts) as first from core.index_closes group by all")
    assert rows["n"].n_unique() == 1
    assert rows.filter(pl.col("base_asset") == "ethereum").height == 1


def test_a_changed_rule_starts_a_version_at_the_next_close(env: Environment) -> None:
    env.configure("narrative_index", weighting="equal")

    assert env.run(hours_later=60), env.failure.lines

    versions = env.stored(
        "select index_version, weighting, max(ts) as last from core.index_closes"
        " where base_asset = 'us-dollar' and series = 'layer-1' group by all order by all"
    )
    assert versions.rows() == [(1, "cap", datetime(2026, 10, 11, tzinfo=UTC)), (2, "equal", env.stored(LAST).item())]
    members = env.stored(
        "select effective_from, min(weight) as least, max(weight) as most from core.narrative_constituents"
        " where series = 'layer-1' and index_version = 2 group by all"
    )
    assert members["effective_from"].to_list() == [datetime(2026, 10, 11, tzinfo=UTC)]
    assert members["least"].to_list() == pytest.approx(members["most"].to_list())
