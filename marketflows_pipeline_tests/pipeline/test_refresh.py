"""The pipeline as a whole, from the first run on."""

from __future__ import annotations

import math
from datetime import timedelta

import polars as pl

from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coingecko_access import DEMO_KEY
from marketflows_pipeline_tests.pipeline.house import HISTORY, House


def n_tracked(house: House) -> int:
    return int(house.stored("select count(distinct coin_id) as n from raw.market_caps").item())


def test_the_first_run_asks_for_each_history_once_and_publishes(house: House) -> None:
    assert house.run(with_pictures=True), house.failure.lines
    calls = house.calls()
    assert calls[HISTORY] == n_tracked(house)
    assert house.published.is_symlink()
    names = {path.name for path in (house.folder / "pictures").glob("*.png")}
    assert "Narratives_MC_by_us-dollar.png" in names
    assert "Ranges_MC_by_bitcoin_percent_gains_table.png" in names


def test_the_next_hour_costs_no_more_than_its_pages(house: House) -> None:
    house.run()
    coins = n_tracked(house)
    house.calls()
    assert house.run(hours_later=1), house.failure.lines
    calls = house.calls()
    assert calls[HISTORY] == 0
    assert calls.total() <= math.ceil(coins / 250) + 1 + 2


def test_the_next_hour_adds_an_observation_for_each_coin(house: House) -> None:
    house.run()
    before = house.stored("select coin_id, count(*) as n from raw.market_caps group by coin_id")
    house.run(hours_later=1)
    after = house.stored("select coin_id, count(*) as n from raw.market_caps group by coin_id")
    grown = before.join(after, on="coin_id", suffix="_after")
    assert grown.height == before.height
    assert grown.filter(pl.col("n_after") != pl.col("n") + 1).is_empty()


def test_an_answer_that_is_shorter_or_empty_removes_nothing(house: House) -> None:
    house.run()
    before = house.stored("select coin_id, ts, market_cap_usd from raw.market_caps order by all")
    # a changed window asks for every history again, and gets nothing
    house.configure(days=30)
    nothing: dict[str, list[object]] = {"prices": [], "market_caps": [], "total_volumes": []}
    house.service.script(HISTORY, *[faults.json_error(200, nothing)] * 100)
    house.run(hours_later=1)
    after = house.stored("select coin_id, ts, market_cap_usd from raw.market_caps order by all")
    assert before.join(after, on=["coin_id", "ts", "market_cap_usd"], how="anti").is_empty()


def test_a_longer_window_asks_for_each_history_again_and_a_shorter_one_for_none(house: House) -> None:
    house.run()
    house.calls()
    house.configure(days=30)
    house.run(hours_later=1)
    assert house.calls()[HISTORY] == n_tracked(house)
    house.configure(days=14)
    house.run(hours_later=1)
    assert house.calls()[HISTORY] == 0


def test_a_coin_id_never_known_ends_the_run_before_any_history(house: House) -> None:
    house.configure("providers.coingecko.asset_groups", Pair=["bitcoin", "etherium"])
    assert not house.run()
    assert house.failure.exit_code == 2
    (line,) = house.failure.lines
    assert "config.toml: providers.coingecko.asset_groups.Pair = 'etherium': expected a coin id" in line
    assert "did you mean ethereum" in line
    calls = house.calls()
    assert calls[HISTORY] == 0
    assert calls["/coins/list"] == 1


def test_a_narrative_never_known_is_the_users_fault(house: House) -> None:
    house.configure(narratives=["layer-1", "no-such-story"])
    assert not house.run()
    assert house.failure.exit_code == 2
    assert "config.toml: providers.coingecko.narratives = 'no-such-story': expected" in house.failure.lines[0]
    assert house.calls()[HISTORY] == 0


def test_a_portfolio_may_hold_a_wrapped_coin(house: House) -> None:
    house.configure("providers.coingecko.asset_groups", Pair=["bitcoin", "wrapped-bitcoin"])
    assert house.run(), house.failure.lines
    assert house.stored("select count(*) as n from raw.market_caps where coin_id = 'wrapped-bitcoin'").item() > 100
    narratives = house.stored("select distinct coin_id from raw.narrative_members")["coin_id"]
    assert "wrapped-bitcoin" not in narratives


def test_one_coin_without_history_is_reported_and_the_run_goes_on(house: House) -> None:
    house.configure(repair_calls_per_run=0)
    house.service.script(HISTORY, *[None] * 9, faults.json_error(404, {"error": "coin not found"}))
    assert house.run(), house.failure.lines
    assert len(house.metadata("raw.market_caps", "failed")) == 1
    house.calls()
    house.run(hours_later=1)
    assert house.calls()[HISTORY] == 0, "a refused history is not asked for every hour"
    house.run(hours_later=24)
    assert house.calls()[HISTORY] == 1, "but once a day"


def test_too_little_coverage_fails_the_run_and_leaves_what_was_published(house: House) -> None:
    house.run()
    target = house.published.resolve()
    house.configure(days=30)
    house.service.script(HISTORY, *[faults.json_error(404, {"error": "coin not found"})] * 100)
    assert not house.run(hours_later=1)
    assert any("coverage_is_sufficient" in line for line in house.failure.lines)
    assert house.failure.exit_code == 1
    assert house.published.resolve() == target


def test_points_that_are_no_market_caps_are_counted_and_not_stored(house: House) -> None:
    stamps = [1_791_300_000_000 + hour * 3_600_000 for hour in range(4)]
    flawed = {
        "prices": [[stamp, 1.0] for stamp in stamps],
        "market_caps": [[stamps[0], None], [stamps[1], 0], [stamps[2], -1], [stamps[3], 5e10]],
        "total_volumes": [[stamp, 1.0] for stamp in stamps],
    }
    house.service.script(HISTORY, faults.json_error(200, flawed))
    assert house.run(), house.failure.lines
    rejected = house.metadata("raw.market_caps", "rejected")
    assert rejected["null"] == 1
    assert rejected["not_positive"] == 2
    assert house.stored("select min(market_cap_usd) as low from raw.market_caps").item() > 0


def test_the_key_is_nowhere_in_what_the_run_leaves_behind(house: House) -> None:
    house.run()
    left = [path for path in house.folder.rglob("*") if path.is_file() and path.name != "secrets.toml"]
    assert any(path.suffix == ".duckdb" for path in left)
    assert not [path for path in left if DEMO_KEY.encode() in path.read_bytes()]
    assert house.result is not None
    assert DEMO_KEY not in repr(house.result.all_events)


def test_a_scheduled_runs_backfill_stops_at_its_time_limit_and_goes_on_in_the_next(house: House) -> None:
    # 2 calls a minute: a dozen histories fit into 6 minutes
    house.configure(calls_per_minute=2)
    assert not house.run(history_time_limit=timedelta(minutes=6))
    waiting = house.metadata("raw.market_caps", "histories_waiting")
    assert waiting > 0
    asked = house.calls()[HISTORY]
    house.configure(calls_per_minute=1000)
    assert house.run(hours_later=1), house.failure.lines
    assert house.calls()[HISTORY] == waiting
    assert asked + waiting == n_tracked(house)


def test_members_of_an_excluded_category_are_in_no_narrative_and_no_range(house: House) -> None:
    house.configure(exclude_categories=["stablecoins"])
    assert house.run(), house.failure.lines
    stable = house.stored("select distinct coin_id from raw.narrative_members where narrative = 'stablecoins'")
    assert stable.height > 0
    cohort = house.stored("select coin_id from core.cohort")
    assert cohort.join(stable, on="coin_id").is_empty()
    assert cohort.height > 3
    house.calls()
    house.run(hours_later=1)
    assert house.calls().total() <= 4, "an excluded category is fetched once a day"


def test_members_of_a_past_day_are_used_where_the_settings_name_it(house: House) -> None:
    house.run()
    day = house.clock.now().date()
    then = set(house.stored("select coin_id from raw.narrative_members")["coin_id"])
    house.run(hours_later=48)
    house.configure(narrative_top_n=3)
    house.configure(narrative_members=str(day))
    assert house.run(hours_later=1), house.failure.lines
    assert house.stored("select max(n_assets) as n from core.group_totals where category = 'Narratives'").item() == min(
        3, len(then)
    )
    house.configure(narrative_members="2020-01-01")
    assert not house.run(hours_later=1)
    assert house.failure.exit_code == 2
    assert "2020-01-01" in house.failure.lines[0]
