"""The exchange part as a whole, against both services, from the first run on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.jobs import daily_refresh, exchange_refresh, full_refresh
from marketflows_pipeline.schema import tables_of
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.pipeline.environment import START, Environment, open_environment_with_exchanges
from marketflows_pipeline_tests.published_answers import query_rows

pytestmark = pytest.mark.slow

TRACKED = ["binance", "okex", "gdax", "kraken"]
MEASURED = ["binance-cex", "kraken", "okx"]
KIND = "/exchanges/{id}"
LISTING, CHART, PROTOCOL = "/exchanges", "/exchanges/{id}/volume_chart", "/protocol/{slug}"


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    """An environment that follows four exchanges; nobody knows the reserves of one of them, Coinbase (gdax)."""
    with open_environment_with_exchanges(tmp_path, TRACKED) as opened:
        yield opened


@pytest.fixture(scope="module")
def full_run(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    with open_environment_with_exchanges(tmp_path_factory.mktemp("full_run"), TRACKED) as opened:
        assert run_all(opened), opened.failure.lines
    return opened


@pytest.fixture(scope="module")
def daily_run(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    with open_environment_with_exchanges(tmp_path_factory.mktemp("daily_run"), TRACKED) as opened:
        assert opened.run(job_name=daily_refresh.name), opened.failure.lines
    return opened


@pytest.fixture
def after_full_run(env: Environment, full_run: Environment) -> None:
    """The test begins after a full run, whose calls are not counted."""
    env.continue_from(full_run)


@pytest.fixture
def after_daily_run(env: Environment, daily_run: Environment) -> None:
    """The test begins after a daily run of the exchange part alone."""
    env.continue_from(daily_run)


def run_all(env: Environment, *, hours_later: float = 0) -> bool:
    return env.run(job_name=full_refresh.name, hours_later=hours_later)


def rows(env: Environment, sql: str) -> list[tuple[object, ...]]:
    return env.stored(sql).rows()


def published(env: Environment, sql: str) -> list[tuple[object, ...]]:
    return query_rows(env.published, sql).rows


def test_the_first_run_fills_and_publishes_every_table(env: Environment) -> None:
    assert run_all(env), env.failure.lines
    empty = [
        entry.name for entry in tables_of("exchanges") if published(env, f"select count(*) from {entry.name}") == [(0,)]
    ]
    assert empty == []
    assert published(env, "select distinct status from meta.publish where part = 'exchanges'") == [("fresh",)]


@pytest.mark.usefixtures("after_daily_run")
def test_an_hour_costs_three_calls_and_one(env: Environment) -> None:
    env.calls(), env.reserves_calls()
    assert env.run(job_name=exchange_refresh.name, hours_later=1), env.failure.lines
    assert env.calls() == {LISTING: 1, "/search/trending": 1, "/coins/markets": 1}
    assert env.reserves_calls() == {"/cexs": 1}
    price = env.stored("select price_usd from raw.bitcoin_prices order by observed_at").item(-1, 0)
    told = env.stored("select volume_24h_usd / volume_24h_btc as price from mart.exchange_flows where rank = 1")
    assert told.item() == pytest.approx(price), "bitcoin's own price came with the trending coins' figures"


def test_a_day_asks_for_the_full_list_the_categories_and_the_reserves_and_for_charts_and_kinds_but_once(
    env: Environment, few_kinds: int
) -> None:
    assert env.run(job_name=daily_refresh.name), env.failure.lines
    first, first_reserves = env.calls(), env.reserves_calls()
    n_listed = env.stored("select count(*) from raw.exchanges").item()
    pages = n_listed // 250 + 1
    # one page comes with the hour's list; a category is a page of markets as the trending coins are
    assert first == {LISTING: 1 + pages, "/search/trending": 1, "/coins/markets": 1 + 2} | {
        CHART: len(TRACKED), KIND: few_kinds,
    }  # fmt: skip
    assert first_reserves == {"/cexs": 1, "/protocols": 1, PROTOCOL: len(MEASURED)}

    assert env.run(job_name=daily_refresh.name, hours_later=24), env.failure.lines
    assert env.calls() == {name: calls for name, calls in first.items() if name not in {CHART, KIND}}
    told = rows(env, "select is_centralised from raw.exchange_kinds")
    assert len(told) == few_kinds
    assert rows(env, "select count(*) from core.exchanges where is_centralised = false") == [(told.count((False,)),)]
    assert env.reserves_calls() == first_reserves


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.usefixtures("after_full_run")
def test_a_second_run_of_a_day_asks_nothing_dear_unless_it_is_told_to(env: Environment) -> None:
    env.calls(), env.reserves_calls()
    run_all(env, hours_later=1)
    assert env.calls()[LISTING] == 1
    assert env.reserves_calls() == {"/cexs": 1}

    assert env.run(job_name=daily_refresh.name, asks_again=True), env.failure.lines
    assert env.reserves_calls()[PROTOCOL] == len(MEASURED)


@pytest.mark.usefixtures("after_daily_run")
def test_days_that_an_outage_left_out_are_asked_for_again(env: Environment) -> None:
    env.calls()
    assert env.run(job_name=daily_refresh.name, hours_later=72), env.failure.lines
    assert env.calls()[CHART] == len(TRACKED)
    days = "select count(distinct cast(ts as date)) from core.exchange_volumes where exchange_id = 'kraken'"
    assert rows(env, f"{days} and day > current_date - 10000") == rows(
        env,
        "select datediff('day', min(day), max(day)) + 1 from core.exchange_volumes where exchange_id = 'kraken'",
    )


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.usefixtures("after_full_run")
def test_observations_are_added_to_and_never_removed(env: Environment) -> None:
    before = env.stored("select observed_at, exchange_id, volume_24h_btc from raw.exchanges")
    run_all(env, hours_later=1)
    after = env.stored("select observed_at, exchange_id, volume_24h_btc from raw.exchanges")
    assert before.join(after, on=before.columns, how="anti", nulls_equal=True).is_empty()
    assert after.height > before.height


@pytest.mark.usefixtures("after_full_run")
def test_net_flow_and_price_effect_explain_the_change_of_reserves(env: Environment) -> None:
    flows = env.stored(
        "select slug, day, reserves_usd, netflow_usd + price_effect_usd + left_out_usd as explained"
        " from mart.exchange_netflow order by slug, day"
    ).with_columns(change=pl.col("reserves_usd").diff().over("slug"))
    checked = flows.drop_nulls("explained")
    assert checked.height > 100
    assert (checked["change"] - checked["explained"]).abs().max() < 1.0  # type: ignore[operator]


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.usefixtures("after_daily_run")
def test_what_a_service_said_first_of_a_day_stays_beside_what_it_says_later(env: Environment) -> None:
    first_run = env.clock.now()
    of_token = "slug = 'kraken' and token = 'SOL'"
    past = f"{of_token} and cast(ts as date) = '{(first_run - timedelta(days=9)).date()}'"
    said = "select quantity, first_quantity, first_seen_at from raw.cex_token_balances where {}"
    ((quantity, first, seen_at),) = rows(env, said.format(past))
    assert (first, seen_at) == (quantity, first_run)
    # What an earlier answer had said, which today's revises.
    with Warehouse(env.folder / ".marketflows" / "warehouse.duckdb") as warehouse:
        warehouse.execute(f"update raw.cex_token_balances set quantity = 7, first_quantity = 7 where {past}")
    open_day = f"{of_token} and not is_now and first_seen_at is null"
    before = rows(env, f"select ts from raw.cex_token_balances where {open_day}")

    assert env.run(job_name=daily_refresh.name, hours_later=24), env.failure.lines

    assert rows(env, said.format(past)) == [(quantity, 7.0, first_run)]
    revision = "select column_name, old, new, cause, n_changes from meta.revisions where key like 'kraken,%,SOL'"
    assert rows(env, revision) == [("quantity", 7.0, quantity, "reserves", 1)]
    assert len(before) == 1, "the record of the first run's own day was still open"
    seen = f"select first_seen_at from raw.cex_token_balances where {of_token} and ts = '{before[0][0]}'"
    assert rows(env, seen) == [(env.clock.now(),)]
    assert rows(env, "select count(*) from raw.exchange_volumes where first_volume_24h_btc = volume_24h_btc")[0][0]


@pytest.mark.usefixtures("after_full_run")
def test_an_exchange_without_known_wallets_has_no_net_flow_but_a_reason(env: Environment) -> None:
    assert rows(env, "select slug from mart.exchange_netflow group by slug order by slug") == [
        (slug,) for slug in MEASURED
    ]
    assert rows(env, "select aspect from mart.exchange_coverage where exchange_key = 'gdax' order by aspect") == [
        ("netflow",),
        ("reserves",),
    ]


@pytest.mark.usefixtures("after_full_run")
def test_wrapped_coins_are_no_whale_signals(env: Environment) -> None:
    wrapped = {coin.id for coin in env.service.market.coins if coin.is_rehypothecated}
    trending = {coin for (coin,) in rows(env, "select coin_id from raw.trending_coins")}
    shown = {coin for (coin,) in rows(env, "select coin_id from mart.whale_signals")}
    assert wrapped & trending, "the rule is tried"
    assert not wrapped & shown


@pytest.mark.usefixtures("fetches_only")
def test_without_the_table_in_the_settings_nothing_is_asked_and_the_run_is_good(env: Environment) -> None:
    del env.settings["exchanges"]
    assert run_all(env), env.failure.lines
    assert not env.reserves_calls()
    assert env.calls()[LISTING] == 0


@pytest.mark.usefixtures("fetches_only")
def test_an_unknown_exchange_is_named_with_near_matches(env: Environment) -> None:
    env.configure("exchanges", tracked=["krakne"])
    assert not env.run(job_name=daily_refresh.name)
    assert env.failure.exit_code == 2
    (line,) = env.failure.lines
    assert "exchanges.tracked" in line
    assert "'krakne'" in line
    assert "did you mean kraken" in line


@pytest.mark.usefixtures("after_full_run")
def test_a_failing_service_leaves_the_other_part_and_what_was_published(env: Environment) -> None:
    before = published(env, "select max(observed_at) from mart.exchange_flows")
    assert env.reserves is not None
    env.reserves.script("/cexs", *[faults.html(503)] * 40)
    for _ in range(2):
        assert not run_all(env, hours_later=1)
        assert published(env, "select max(observed_at) from mart.exchange_flows") == before
    newest = published(env, "select max(ts) from raw.market_caps")[0][0]
    assert newest is not None
    assert newest > before[0][0], "market caps went on"  # type: ignore[operator]
    statuses = "select distinct part, status from meta.publish where part in ('market_caps', 'exchanges') order by part"
    assert published(env, statuses) == [("exchanges", "carried_over"), ("market_caps", "fresh")]

    env.reserves._scripts.clear()
    assert run_all(env, hours_later=1), env.failure.lines
    assert published(env, "select max(observed_at) from mart.exchange_flows") > before


@pytest.mark.usefixtures("after_full_run")
def test_market_caps_that_fail_leave_the_exchanges_alone(env: Environment) -> None:
    before = published(env, "select max(ts) from raw.market_caps")
    env.configure(narratives=["no-such-narrative"])
    assert not run_all(env, hours_later=1)
    assert published(env, "select max(ts) from raw.market_caps") == before
    moment = START + timedelta(hours=1)
    assert published(env, "select max(observed_at) from mart.exchange_flows") == [(moment,)]


@pytest.mark.usefixtures("fetches_only")
def test_one_exchange_that_cannot_be_had_does_not_stop_the_others(env: Environment) -> None:
    assert env.reserves is not None
    env.reserves.script(PROTOCOL, *[faults.truncated()] * 8)
    assert env.run(job_name=daily_refresh.name), env.failure.lines
    measured = [slug for (slug,) in rows(env, "select distinct slug from raw.cex_tvl order by slug")]
    assert len(measured) == len(MEASURED) - 1
    # and the next run of the day asks for what is missing
    env.reserves_calls()
    assert env.run(job_name=daily_refresh.name, hours_later=1), env.failure.lines
    assert env.reserves_calls()[PROTOCOL] == 1


@pytest.mark.usefixtures("fetches_only")
def test_a_refused_exchange_is_tried_once_more_by_the_next_run_and_then_the_next_day(env: Environment) -> None:
    """What one answer refused rested until the next day, though the refusal had been a slip of the service."""
    assert env.reserves is not None
    refusal = faults.plain_text(400, "There is no such thing")
    asked = []
    for hours_later in (0, 1, 1, 24):
        env.reserves.script(PROTOCOL, refusal)
        assert env.run(job_name=daily_refresh.name, hours_later=hours_later), env.failure.lines
        asked.append(env.reserves_calls()[PROTOCOL])
        env.reserves._scripts.clear()
    assert asked == [len(MEASURED), 1, 0, len(MEASURED)]
    assert rows(env, "select outcome, count(*) from meta.fetches where outcome = 'refused' group by all") == [
        ("refused", 3)
    ]


@pytest.mark.usefixtures("fetches_only")
def test_reserves_of_another_shape_are_asked_for_once_a_run_and_are_no_refusal(env: Environment) -> None:
    """One odd answer ended every further run of the day, because it was the only one left to ask for."""
    assert env.reserves is not None
    odd = faults.json_error(200, {"message": "hello"})
    asked = []
    for hours_later in (0, 1):
        env.reserves.script(PROTOCOL, odd)
        assert env.run(job_name=daily_refresh.name, hours_later=hours_later), env.failure.lines
        asked.append(env.reserves_calls()[PROTOCOL])
    assert asked == [len(MEASURED), 1]
    assert rows(env, "select * from meta.fetches where outcome in ('refused', 'not_found')") == []
    assert env.run(job_name=daily_refresh.name, hours_later=1), env.failure.lines
    assert env.reserves_calls()[PROTOCOL] == 1


@pytest.mark.usefixtures("fetches_only")
def test_when_every_answer_is_of_another_shape_the_part_fails_at_once(env: Environment) -> None:
    assert env.reserves is not None
    env.reserves.script(PROTOCOL, *[faults.json_error(200, {"message": "hello"})] * 100)
    assert not env.run(job_name=daily_refresh.name)
    assert env.failure.exit_code == 1
    assert env.reserves_calls()[PROTOCOL] == 3, env.failure.lines
    assert env.clock.now() == START


@pytest.mark.usefixtures("fetches_only")
def test_one_chart_that_cannot_be_had_does_not_stop_the_others(env: Environment) -> None:
    env.service.script(CHART, *[faults.truncated()] * 8)
    assert env.run(job_name=daily_refresh.name), env.failure.lines
    charted = [name for (name,) in rows(env, "select distinct exchange_id from raw.exchange_volumes")]
    assert len(charted) == len(TRACKED) - 1


@pytest.mark.usefixtures("fetches_only")
def test_when_every_chart_fails_the_service_is_down(env: Environment) -> None:
    env.service.script(CHART, *[faults.truncated()] * 100)
    assert not env.run(job_name=daily_refresh.name)
    assert env.failure.exit_code == 1


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.usefixtures("after_daily_run")
def test_when_credits_run_out_reserves_go_on_and_volumes_stay(env: Environment) -> None:
    before = rows(env, "select max(observed_at) from raw.exchanges")
    env.configure(monthly_credits=env.stored("select count(*) from meta.api_calls where provider = 'coingecko'").item())
    assert env.run(job_name=exchange_refresh.name, hours_later=1), env.failure.lines
    assert rows(env, "select max(observed_at) from raw.exchanges") == before
    assert rows(env, "select max(observed_at) from raw.cex_snapshots") > before
