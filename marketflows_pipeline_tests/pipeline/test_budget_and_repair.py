"""A service that was away, credits that run out, a window of five minutes: what the budget allows, in which order."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.market import to_ms
from marketflows_pipeline_tests.fakes.price_paths import HOUR_MS
from marketflows_pipeline_tests.pipeline.environment import HISTORY, START, Environment

pytestmark = pytest.mark.slow

MARKETS = "/coins/markets"


def hours_observed(env: Environment, coin: str) -> int:
    return int(
        env.stored(
            f"select count(distinct date_trunc('hour', ts)) as n from raw.market_caps where coin_id = '{coin}'"
        ).item()
    )


def asked_for_history(env: Environment) -> list[str]:
    asked = [
        exchange.request.path.split("/")[-2]
        for exchange in env.service.exchanges
        if exchange.request.endpoint == HISTORY
    ]
    env.service.exchanges.clear()
    return asked


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.usefixtures("after_first_run")
def test_after_an_outage_the_most_important_coins_are_repaired_first_and_no_more_than_allowed(
    env: Environment,
) -> None:
    env.configure(repair_calls_per_run=3)
    env.calls()
    assert env.run(hours_later=6), env.failure.lines
    first = asked_for_history(env)
    assert first[:2] == ["bitcoin", "ethereum"], "base assets and portfolios come first"
    assert len(first) == 3
    assert env.metadata("raw.market_caps", "gaps_waiting") > 0
    assert env.run(hours_later=1)
    assert not set(first) & set(asked_for_history(env)), "a repaired coin is not asked for again"


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.usefixtures("after_first_run")
def test_a_repaired_gap_has_an_observation_in_every_hour(env: Environment) -> None:
    before = hours_observed(env, "bitcoin")
    env.run(hours_later=6)
    assert hours_observed(env, "bitcoin") == before + 6
    repaired = env.stored("select outcome from meta.repairs where coin_id = 'bitcoin'")
    assert repaired["outcome"].to_list() == ["filled"]


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.usefixtures("after_first_run")
def test_one_request_serves_all_gaps_of_a_coin_and_each_is_on_record_with_what_came_of_it(
    env: Environment,
) -> None:
    env.configure(repair_calls_per_run=0)
    env.run(hours_later=6)
    env.configure(repair_calls_per_run=1)
    noon_ms = to_ms(START.replace(minute=0))
    stamps = [noon_ms + hour * HOUR_MS for hour in (1, 2, 3, 4, 5, 7, 8)]
    answer = {name: [[stamp, 5e10] for stamp in stamps] for name in ("prices", "market_caps", "total_volumes")}
    env.service.script(HISTORY, faults.json_error(200, answer))
    env.calls()
    assert env.run(hours_later=6), env.failure.lines
    assert env.calls()[HISTORY] == 1
    repairs = env.stored(
        "select hour(gap_start) as first, hour(gap_end) as last, outcome, rows_new from meta.repairs order by gap_start"
    )
    assert repairs.rows() == [(13, 17, "filled", 5), (19, 23, "partial", 2)]


@pytest.mark.usefixtures("after_first_run")
def test_a_gap_that_waits_is_marked_as_interpolated(env: Environment) -> None:
    env.configure(repair_calls_per_run=0)
    env.run(hours_later=6)
    fills = env.stored("select fill from core.market_cap_grid where coin_id = 'solana' order by ts desc limit 7")
    assert fills["fill"].to_list() == ["observed", *["interpolated"] * 5, "observed"]


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.usefixtures("after_first_run")
def test_a_repair_that_brought_nothing_is_not_repeated(env: Environment) -> None:
    env.configure(repair_calls_per_run=100)
    nothing: dict[str, list[object]] = {"prices": [], "market_caps": [], "total_volumes": []}
    env.service.script(HISTORY, *[faults.json_error(200, nothing)] * 100)
    env.calls()
    env.run(hours_later=6)
    assert env.calls()[HISTORY] > 3
    assert env.run(hours_later=1)
    assert env.calls()[HISTORY] == 0


def test_histories_wait_where_the_months_hourly_runs_need_the_credits(env: Environment) -> None:
    # the 10th of October, 12:05: 515 more ticks of at most 1 + 1 + 2 calls, and one a day of 22 for the categories
    env.configure(monthly_credits=515 * 4 + 22 + 10)
    assert not env.run()
    assert env.calls()[HISTORY] < 10
    assert env.metadata("raw.market_caps", "histories_waiting") > 0
    assert any("coverage_is_sufficient" in line for line in env.failure.lines)


@pytest.mark.usefixtures("after_first_run")
def test_without_credits_answers_go_on_from_the_warehouse_as_of_its_newest_observation(
    env: Environment,
) -> None:
    spent = env.stored("select count(*) as n from meta.api_calls").item()
    newest = env.stored("select max(ts) as ts from raw.market_caps").item()
    env.configure(monthly_credits=spent)
    env.calls()
    assert env.run(hours_later=5), env.failure.lines
    assert env.calls().total() == 0
    last = env.stored("select max(ts) as ts from core.market_cap_grid").item()
    assert last <= newest
    assert newest - last < timedelta(hours=1), "the grid ends where knowledge ends, not drawn flat until now"
    published = env.stored("select as_of from meta.publish where table_name = 'mart.percent_gains'").item()
    assert published == last


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.usefixtures("after_first_run")
def test_with_the_new_month_the_credits_are_back(env: Environment) -> None:
    env.configure(monthly_credits=env.stored("select count(*) as n from meta.api_calls").item())
    env.run(hours_later=1)
    env.configure(monthly_credits=10_000, repair_calls_per_run=0)
    env.calls()
    assert env.run(hours_later=24 * 22), env.failure.lines
    assert env.calls()[MARKETS] > 0


@pytest.mark.usefixtures("fetches_only")
def test_every_attempt_counts_also_the_failed_ones(env: Environment) -> None:
    env.service.script(MARKETS, faults.html(503), faults.truncated(), faults.reset())
    assert env.run(), env.failure.lines
    recorded = env.stored("select outcome, count(*) as n from meta.api_calls group by outcome order by outcome")
    assert dict(recorded.iter_rows())["retry"] == 3
    assert recorded["n"].sum() == env.calls().total()


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.usefixtures("after_first_run")
def test_a_service_that_is_down_ends_the_run_with_its_reason_and_loses_nothing(env: Environment) -> None:
    before = env.stored("select * from raw.market_caps order by all")
    target = env.published.resolve()
    env.service.script(MARKETS, *[faults.html(503)] * 100)
    assert not env.run(hours_later=1)
    assert env.failure.exit_code == 1
    assert "503" in env.failure.lines[0]
    assert env.stored("select * from raw.market_caps order by all").equals(before)
    assert env.published.resolve() == target


def test_a_window_of_one_day_asks_for_histories_on_each_run_and_has_five_minute_steps(env: Environment) -> None:
    env.configure(days=1)
    assert env.run(), env.failure.lines
    coins = env.calls()[HISTORY]
    assert env.run(hours_later=1), env.failure.lines
    assert env.calls()[HISTORY] == coins
    steps = env.stored("select ts from core.market_cap_grid where coin_id = 'bitcoin' order by ts")["ts"]
    assert steps.diff().drop_nulls().unique().to_list() == [timedelta(minutes=5)]
    assert steps.len() == 289


@pytest.mark.usefixtures("after_first_run")
def test_an_id_once_seen_and_now_gone_is_marked_and_the_run_goes_on(env: Environment) -> None:
    is_active = "select is_active from raw.coins where coin_id = 'ethereum'"
    env.configure(repair_calls_per_run=0)
    env.service.market.delist("ethereum", to_ms(env.clock.now()))
    assert env.run(hours_later=1), env.failure.lines
    assert env.stored(is_active).item(), "one hour is no delisting"
    assert env.run(hours_later=25), env.failure.lines
    assert not env.stored(is_active).item()
    assert env.metadata("raw.market_caps", "gone") == ["ethereum"]
    fill = "select fill from core.market_cap_grid where coin_id = 'ethereum' order by ts desc limit 1"
    assert env.stored(fill).item() == "after_last", "in a portfolio it stays, held and marked as such"
    assert "ethereum" not in env.stored("select coin_id from core.cohort")["coin_id"]
