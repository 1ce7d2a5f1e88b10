"""The pipeline as a whole, from the first run on."""

from __future__ import annotations

import math
from datetime import timedelta

import polars as pl
import pytest

from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY
from marketflows_pipeline_tests.pipeline.environment import HISTORY, Environment

pytestmark = pytest.mark.slow


def n_tracked(env: Environment) -> int:
    return int(env.stored("select count(distinct coin_id) as n from raw.market_caps").item())


@pytest.mark.usefixtures("measures")
def test_the_first_run_asks_for_each_history_once_and_publishes(env: Environment) -> None:
    assert env.run(with_pictures=True), env.failure.lines
    calls = env.calls()
    assert calls[HISTORY] == n_tracked(env)
    assert env.published.is_symlink()
    names = {path.name for path in (env.folder / "pictures").glob("*.png")}
    assert "Narratives_MC_by_us-dollar.png" in names
    assert "Ranges_MC_by_bitcoin_percent_gains_table.png" in names
    # Among them the lists of members, which stand at the midnight to come.
    ages = dict(env.stored("select table_name, as_of from meta.publish where as_of is not null").iter_rows())
    assert max(ages.values()) <= env.clock.now()
    assert env.metadata("core.listed_members", "as_of") == str(ages["core.listed_members"]) == str(env.clock.now())


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.usefixtures("after_first_run")
def test_the_next_hour_costs_no_more_than_its_pages(env: Environment) -> None:
    coins = n_tracked(env)
    env.calls()
    assert env.run(hours_later=1), env.failure.lines
    calls = env.calls()
    assert calls[HISTORY] == 0
    assert calls.total() <= math.ceil(coins / 250) + 1 + 2


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.usefixtures("after_first_run")
def test_the_next_hour_adds_an_observation_for_each_coin(env: Environment) -> None:
    before = env.stored("select coin_id, count(*) as n from raw.market_caps group by coin_id")
    env.run(hours_later=1)
    after = env.stored("select coin_id, count(*) as n from raw.market_caps group by coin_id")
    grown = before.join(after, on="coin_id", suffix="_after")
    assert grown.height == before.height
    assert grown.filter(pl.col("n_after") != pl.col("n") + 1).is_empty()


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.usefixtures("after_first_run")
def test_an_answer_that_is_shorter_or_empty_removes_nothing(env: Environment) -> None:
    before = env.stored("select coin_id, ts, market_cap_usd from raw.market_caps order by all")
    # a changed window asks for every history again, and gets nothing
    env.configure(days=30)
    nothing: dict[str, list[object]] = {"prices": [], "market_caps": [], "total_volumes": []}
    env.service.script(HISTORY, *[faults.json_error(200, nothing)] * 100)
    env.run(hours_later=1)
    after = env.stored("select coin_id, ts, market_cap_usd from raw.market_caps order by all")
    assert before.join(after, on=["coin_id", "ts", "market_cap_usd"], how="anti").is_empty()


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.usefixtures("after_first_run")
def test_a_longer_window_asks_for_each_history_again_and_a_shorter_one_for_none(env: Environment) -> None:
    env.calls()
    env.configure(days=30)
    env.run(hours_later=1)
    assert env.calls()[HISTORY] == n_tracked(env)
    env.configure(days=14)
    env.run(hours_later=1)
    assert env.calls()[HISTORY] == 0


@pytest.mark.usefixtures("fetches_only")
def test_a_coin_id_never_known_ends_the_run_before_any_history(env: Environment) -> None:
    env.configure("providers.coingecko.asset_groups", Pair=["bitcoin", "etherium"])
    assert not env.run()
    assert env.failure.exit_code == 2
    (line,) = env.failure.lines
    assert "config.toml: providers.coingecko.asset_groups.Pair = 'etherium': expected a coin id" in line
    assert "did you mean ethereum" in line
    calls = env.calls()
    assert calls[HISTORY] == 0
    assert calls["/coins/list"] == 1


@pytest.mark.usefixtures("fetches_only")
def test_a_narrative_never_known_is_the_users_fault(env: Environment) -> None:
    env.configure(narratives=["layer-1", "no-such-story"])
    assert not env.run()
    assert env.failure.exit_code == 2
    assert "config.toml: providers.coingecko.narratives = 'no-such-story': expected" in env.failure.lines[0]
    assert env.calls()[HISTORY] == 0


@pytest.mark.usefixtures("fetches_only")
def test_a_portfolio_may_hold_a_wrapped_coin(env: Environment) -> None:
    env.configure("providers.coingecko.asset_groups", Pair=["bitcoin", "wrapped-bitcoin"])
    assert env.run(), env.failure.lines
    assert env.stored("select count(*) as n from raw.market_caps where coin_id = 'wrapped-bitcoin'").item() > 100
    narratives = env.stored("select distinct coin_id from raw.narrative_members")["coin_id"]
    assert "wrapped-bitcoin" not in narratives


@pytest.mark.usefixtures("fetches_only")
def test_one_coin_without_history_is_reported_and_the_run_goes_on(env: Environment) -> None:
    env.configure(repair_calls_per_run=0)
    env.service.script(HISTORY, *[None] * 9, faults.json_error(404, {"error": "coin not found"}))
    assert env.run(), env.failure.lines
    assert len(env.metadata("raw.market_caps", "failed")) == 1
    env.calls()
    env.run(hours_later=1)
    assert env.calls()[HISTORY] == 0, "a refused history is not asked for every hour"
    env.run(hours_later=24)
    assert env.calls()[HISTORY] == 1, "but once a day"


@pytest.mark.usefixtures("after_first_run")
def test_too_little_coverage_fails_the_run_and_leaves_what_was_published(env: Environment) -> None:
    target = env.published.resolve()
    env.configure(days=30)
    env.service.script(HISTORY, *[faults.json_error(404, {"error": "coin not found"})] * 100)
    assert not env.run(hours_later=1)
    assert any("coverage_is_sufficient" in line for line in env.failure.lines)
    assert env.failure.exit_code == 1
    assert env.published.resolve() == target


@pytest.mark.usefixtures("fetches_only")
def test_points_that_are_no_market_caps_are_counted_and_not_stored(env: Environment) -> None:
    stamps = [1_791_300_000_000 + hour * 3_600_000 for hour in range(4)]
    flawed = {
        "prices": [[stamp, 1.0] for stamp in stamps],
        "market_caps": [[stamps[0], None], [stamps[1], 0], [stamps[2], -1], [stamps[3], 5e10]],
        "total_volumes": [[stamp, 1.0] for stamp in stamps],
    }
    env.service.script(HISTORY, faults.json_error(200, flawed))
    assert env.run(), env.failure.lines
    rejected = env.metadata("raw.market_caps", "rejected")
    assert rejected["null"] == 1
    assert rejected["not_positive"] == 2
    assert env.stored("select min(market_cap_usd) as low from raw.market_caps").item() > 0


@pytest.mark.usefixtures("fetches_only")
def test_the_key_is_nowhere_in_what_the_run_leaves_behind(env: Environment) -> None:
    env.run()
    left = [path for path in env.folder.rglob("*") if path.is_file() and path.name != "secrets.toml"]
    assert any(path.suffix == ".duckdb" for path in left)
    assert not [path for path in left if DEMO_KEY.encode() in path.read_bytes()]
    assert env.result is not None
    assert DEMO_KEY not in repr(env.result.all_events)


def test_a_scheduled_runs_backfill_stops_at_its_time_limit_and_goes_on_in_the_next(env: Environment) -> None:
    # 2 calls a minute: a dozen histories fit into 6 minutes
    env.configure(calls_per_minute=2)
    assert not env.run(history_time_limit=timedelta(minutes=6))
    waiting = env.metadata("raw.market_caps", "histories_waiting")
    assert waiting > 0
    asked = env.calls()[HISTORY]
    env.configure(calls_per_minute=1000)
    assert env.run(hours_later=1), env.failure.lines
    assert env.calls()[HISTORY] == waiting
    assert asked + waiting == n_tracked(env)


def test_members_of_an_excluded_category_are_in_no_narrative_and_no_range(env: Environment) -> None:
    env.configure(exclude_categories=["stablecoins"])
    assert env.run(), env.failure.lines
    stable = env.stored("select distinct coin_id from raw.narrative_members where narrative = 'stablecoins'")
    assert stable.height > 0
    cohort = env.stored("select coin_id from core.cohort")
    assert cohort.join(stable, on="coin_id").is_empty()
    assert cohort.height > 3
    env.calls()
    env.run(hours_later=1)
    assert env.calls().total() <= 4, "an excluded category is fetched once a day"


@pytest.mark.usefixtures("after_first_run")
def test_members_of_a_past_day_are_used_where_the_settings_name_it(env: Environment) -> None:
    day = env.clock.now().date()
    then = set(env.stored("select coin_id from raw.narrative_members")["coin_id"])
    env.run(hours_later=48)
    env.configure(narrative_top_n=3)
    env.configure(narrative_members=str(day))
    assert env.run(hours_later=1), env.failure.lines
    assert env.stored("select max(n_assets) as n from core.group_totals where category = 'Narratives'").item() == min(
        3, len(then)
    )
    env.configure(narrative_members="2020-01-01")
    assert not env.run(hours_later=1)
    assert env.failure.exit_code == 2
    assert "2020-01-01" in env.failure.lines[0]
