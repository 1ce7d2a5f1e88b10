"""The exchange part's questions against a CoinGecko of our own, on a real socket."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import polars as pl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import (
    NotFoundError,
    PermanentProviderError,
    PlanLimitError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.providers.coingecko.client import CoinGecko
from marketflows_pipeline.providers.coingecko.exchanges import VOLUME_CHART_DAYS
from marketflows_pipeline.providers.protocols.exchanges import (
    EXCHANGE_SCHEMA,
    TRENDING_SCHEMA,
    VOLUME_CHART_SCHEMA,
    ExchangeVolumeProvider,
)
from marketflows_pipeline.providers.protocols.market_caps import MARKET_SCHEMA
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coingecko import errors
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.generate import START, generate
from marketflows_pipeline_tests.providers.conftest import Connect
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

Question: TypeAlias = Callable[[CoinGecko], pl.DataFrame]

LIST = "/exchanges"
CHART = "/exchanges/{id}/volume_chart"
TRENDING = "/search/trending"
MARKETS = "/coins/markets"
QUESTIONS: dict[str, Question] = {
    LIST: lambda client: client.exchanges_page(1),
    CHART: lambda client: client.volume_chart("gdax", 90),
    TRENDING: lambda client: client.trending(),
}
each_endpoint = pytest.mark.parametrize("endpoint", QUESTIONS)


def asked(service: FakeCoinGecko) -> list[dict[str, str]]:
    return [dict(exchange.request.params) for exchange in service.exchanges]


def test_it_is_a_provider_of_exchange_volumes(client: CoinGecko) -> None:
    provider: ExchangeVolumeProvider = client

    assert provider.name == "coingecko"


@pytest.mark.parametrize(
    ("question", "endpoint"),
    [
        (lambda client: client.exchanges_page(2), LIST),
        (lambda client: client.volume_chart("binance", 365), CHART),
        (lambda client: client.trending(), TRENDING),
        (lambda client: client.markets_by_ids(["bitcoin", "solana"]), MARKETS),
        (lambda client: client.category_members("stablecoins"), MARKETS),
    ],
)
def test_a_question_is_one_call_and_one_credit(
    client: CoinGecko, service: FakeCoinGecko, ledger: MemoryLedger, question: Question, endpoint: str
) -> None:
    assert not question(client).is_empty()

    assert service.calls() == service.calls(endpoint) == 1
    assert service.access.spent(DEMO_KEY, START) == 1
    assert [(call.endpoint, call.outcome) for call in ledger.calls] == [(endpoint, "ok")]


def test_pages_hold_250_until_the_last_which_is_short(client: CoinGecko, service: FakeCoinGecko) -> None:
    pages = [client.exchanges_page(number) for number in (1, 2, 3, 4)]

    assert [page.height for page in pages[:2]] == [250, 250]
    assert 0 < pages[2].height < 250
    assert pages[3].is_empty()
    assert all(page.schema == EXCHANGE_SCHEMA for page in pages)
    assert asked(service) == [{"per_page": "250", "page": str(number)} for number in (1, 2, 3, 4)]


def test_exchanges_come_in_the_services_order_with_ids_that_are_not_their_names(client: CoinGecko) -> None:
    page = client.exchanges_page(1)

    assert page["trust_score_rank"].head(40).to_list() == list(range(1, 41))
    names = dict(page.select("exchange_id", "name").iter_rows())
    assert (names["gdax"], names["okex"], names["bybit_spot"]) == ("Coinbase Exchange", "OKX", "Bybit")


def test_what_the_service_does_not_know_of_an_exchange_is_null(client: CoinGecko) -> None:
    exchanges = pl.concat(client.exchanges_page(number) for number in (1, 2, 3))

    counts = dict(zip(exchanges.columns, exchanges.null_count().row(0), strict=True))
    assert all(
        0 < counts[column] < exchanges.height
        for column in ("volume_24h_btc", "trust_score", "trust_score_rank", "year_established", "country", "url")
    )
    assert counts["exchange_id"] == counts["name"] == counts["has_trading_incentive"] == 0
    assert not exchanges.select((pl.col("url") == "").any() | (pl.col("country") == "").any()).item()


@pytest.mark.parametrize(
    ("days", "step", "points"),
    [
        (1, timedelta(minutes=10), 145),
        (7, timedelta(hours=1), 168),
        (14, timedelta(hours=1), 336),
        (30, timedelta(days=1), 30),
        (90, timedelta(days=1), 90),
        (180, timedelta(days=1), 180),
        (365, timedelta(days=1), 365),
    ],
)
def test_the_window_decides_how_close_the_points_of_a_chart_are(
    client: CoinGecko, service: FakeCoinGecko, days: int, step: timedelta, points: int
) -> None:
    chart = client.volume_chart("kraken", days)

    assert chart.schema == VOLUME_CHART_SCHEMA
    assert chart.height == points
    assert chart["ts"].diff().drop_nulls().unique().to_list() == [step]
    assert set(chart["exchange_id"]) == {"kraken"}
    assert set(chart["source"]) == {"coingecko:volume_chart"}
    assert asked(service) == [{"days": str(days)}]


def test_daily_points_are_off_midnight(client: CoinGecko) -> None:
    times = client.volume_chart("gdax", 90)["ts"]

    assert times[-1] == datetime(2026, 9, 18, 3, 50, tzinfo=UTC)
    assert times.dt.time().unique().len() == 1


def test_the_list_carries_on_where_the_chart_ends(client: CoinGecko) -> None:
    figures = dict(client.exchanges_page(1).select("exchange_id", "volume_24h_btc").iter_rows())

    for exchange in ("binance", "gdax", "bitkub"):
        assert client.volume_chart(exchange, 1)["volume_24h_btc"][-1] == figures[exchange]


def test_times_that_are_sent_as_floats_read_the_same(client: CoinGecko, service: FakeCoinGecko) -> None:
    whole = client.volume_chart("okex", 14)
    service.exchange_endpoints.has_float_stamps = True

    assert client.volume_chart("okex", 14).equals(whole)


def test_points_without_a_value_are_left_out(client: CoinGecko) -> None:
    heights = [client.volume_chart(f"swap-{number:03d}", 30).height for number in (157, 158)]

    assert heights == [0, 30]


@pytest.mark.parametrize("days", [-1, 0, 2, 60, 91, 366])
def test_days_that_the_service_does_not_draw_are_refused_without_a_call(
    client: CoinGecko, service: FakeCoinGecko, ledger: MemoryLedger, days: int
) -> None:
    with pytest.raises(ValueError, match=f"not {days}"):
        client.volume_chart("gdax", days)
    assert service.calls() == 0
    assert not ledger.calls


def test_days_that_are_drawn_are_those_that_the_service_takes(client: CoinGecko) -> None:
    assert [client.volume_chart("gemini", days).height > 0 for days in VOLUME_CHART_DAYS] == [True] * 7


def test_an_exchange_that_is_unknown_is_not_found_and_not_asked_again(
    client: CoinGecko, service: FakeCoinGecko
) -> None:
    with pytest.raises(NotFoundError, match="Exchange not found"):
        client.volume_chart("coinbase", 90)
    assert service.calls() == 1


def test_a_market_of_derivatives_is_not_the_spot_market_of_the_same_exchange(client: CoinGecko) -> None:
    spot, derivatives = (client.volume_chart(each, 30)["volume_24h_btc"].max() for each in ("bitmex_spot", "bitmex"))

    assert isinstance(spot, float)
    assert isinstance(derivatives, float)
    assert derivatives > 20 * spot


def test_an_id_with_odd_characters_is_asked_for_as_it_is(client: CoinGecko, service: FakeCoinGecko) -> None:
    with pytest.raises(NotFoundError):
        client.volume_chart("a b/c", 90)
    assert service.exchanges[0].request.target == "/api/v3/exchanges/a%20b%2Fc/volume_chart?days=90"


def test_trending_coins_have_the_figures_of_the_market(client: CoinGecko) -> None:
    coins = client.trending()
    market = client.by_ids(coins["coin_id"])

    assert coins.schema == TRENDING_SCHEMA
    assert coins.height == 15
    both = coins.join(market, on="coin_id")
    assert both.height == 15
    # Whole dollars, as they are written.
    assert ((both["market_cap_usd"] - both["market_cap_usd_right"]).abs() <= 0.5).all()
    assert both["price_usd"].equals(both["price_usd_right"])
    assert both["price_change_24h_pct"].equals(both["price_change_24h_pct_right"])
    assert coins["market_cap_rank"].is_null().to_list() == [False] * 14 + [True]


@pytest.mark.slow
def test_trending_coins_with_flaws_have_nulls(connect: Connect, clock: FixedClock) -> None:
    seen = []
    with FakeCoinGecko(generate(200), clock=clock) as service:
        client = connect(service)
        for _ in range(40):
            seen.append(client.trending())
            clock.sleep(6 * 3600)

    counts = dict(zip(TRENDING_SCHEMA, pl.concat(seen).null_count().row(0), strict=True))
    assert all(counts[column] > 0 for column in ("market_cap_usd", "volume_24h_usd", "price_usd", "market_cap_rank"))
    assert counts["coin_id"] == counts["symbol"] == 0


def test_figures_of_trending_coins_are_one_call_and_wrapped_ones_are_missing(
    client: CoinGecko, service: FakeCoinGecko
) -> None:
    trending = client.trending()["coin_id"].to_list()
    service.exchanges.clear()

    rows = client.markets_by_ids(trending)

    assert rows.schema == MARKET_SCHEMA
    assert set(trending) - set(rows["coin_id"]) == {trending[-1]}
    assert not rows["with_rehypothecated"].any()
    (params,) = asked(service)
    assert (params["include_rehypothecated"], params["per_page"]) == ("false", "250")


def test_ids_are_asked_for_by_250_a_call_and_none_costs_none(client: CoinGecko, service: FakeCoinGecko) -> None:
    assert client.markets_by_ids([]).schema == MARKET_SCHEMA
    assert service.calls() == 0

    rows = client.markets_by_ids(f"coin-{number:05d}" for number in range(29, 301))

    assert rows.height == 272
    assert [len(params["ids"].split(",")) for params in asked(service)] == [250, 22]


def test_members_of_a_category_are_one_page_with_wrapped_ones(client: CoinGecko, service: FakeCoinGecko) -> None:
    wrapped = client.category_members("wrapped-tokens")
    stable = client.category_members("stablecoins")

    assert set(wrapped["coin_id"]) == {"wrapped-bitcoin", "weth"}
    assert {"tether", "usd-coin"} <= set(stable["coin_id"])
    assert wrapped.schema == stable.schema == MARKET_SCHEMA
    assert [(params["category"], params["page"]) for params in asked(service)] == [
        ("wrapped-tokens", "1"),
        ("stablecoins", "1"),
    ]


def test_a_category_that_is_unknown_costs_one_credit_not_two(client: CoinGecko, service: FakeCoinGecko) -> None:
    with pytest.raises(NotFoundError):
        client.category_members("no-such-coins")
    assert service.calls() == 1


@pytest.mark.parametrize(
    ("question", "endpoint"),
    [(lambda client: client.category_members("stablecoins"), MARKETS), (lambda client: client.exchanges_page(1), LIST)],
)
def test_an_empty_first_page_is_no_answer(
    client: CoinGecko, service: FakeCoinGecko, question: Callable[[CoinGecko], object], endpoint: str
) -> None:
    """An empty list under HTTP 200 once ended a run with "cannot concat empty list"."""
    service.script(endpoint, faults.json_error(200, []))

    with pytest.raises(UnexpectedResponseError, match=f"coingecko {endpoint}: .*an empty first page"):
        question(client)


@each_endpoint
@pytest.mark.parametrize(
    "fault",
    [
        faults.json_error(200, errors.RATE_LIMIT),
        faults.json_error(200, errors.SERVER_ERROR),
        faults.html(200),
        faults.html(429),
        faults.html(503),
        faults.truncated(),
        faults.cut_off(),
        faults.reset(),
        faults.empty(),
    ],
)
def test_a_passing_fault_costs_a_retry_not_the_answer(
    client: CoinGecko, service: FakeCoinGecko, endpoint: str, fault: faults.Fault
) -> None:
    service.script(endpoint, fault)

    assert not QUESTIONS[endpoint](client).is_empty()
    assert service.calls() == 2


@each_endpoint
def test_a_service_that_asks_to_be_left_alone_is_left_alone(
    client: CoinGecko, service: FakeCoinGecko, endpoint: str
) -> None:
    service.script(endpoint, faults.json_error(429, errors.RATE_LIMIT, {"retry-after": "119"}))

    assert not QUESTIONS[endpoint](client).is_empty()
    first, second = (exchange.request.at for exchange in service.exchanges)
    assert timedelta(seconds=119) <= second - first <= timedelta(seconds=121)


@each_endpoint
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.html(403), PermanentProviderError),
        (faults.json_error(403, errors.PLAN_BLOCKED), PlanLimitError),
        (faults.json_error(401, errors.NOT_IN_PLAN), PlanLimitError),
        (faults.json_error(200, errors.EXCHANGE_NOT_FOUND), NotFoundError),
        (faults.json_error(422, errors.INVALID_DAYS), PermanentProviderError),
        (faults.json_error(200, {"unheard": "of"}), UnexpectedResponseError),
        (faults.json_error(200, ["unheard of"]), UnexpectedResponseError),
        (faults.json_error(200, "unheard of"), UnexpectedResponseError),
    ],
)
def test_a_refusal_or_an_unknown_shape_is_final(
    client: CoinGecko, service: FakeCoinGecko, endpoint: str, fault: faults.Fault, kind: type[Exception]
) -> None:
    service.script(endpoint, fault)

    with pytest.raises(kind, match=f"coingecko {endpoint.replace('{id}', 'gdax')}: "):
        QUESTIONS[endpoint](client)
    assert service.calls() == 1


@each_endpoint
def test_a_service_that_stays_down_is_given_up(
    client: CoinGecko, service: FakeCoinGecko, clock: FixedClock, endpoint: str
) -> None:
    service.script(endpoint, *[faults.html(503)] * 20)

    with pytest.raises(TransientProviderError, match="a later run retries"):
        QUESTIONS[endpoint](client)
    assert clock.now() - START <= timedelta(seconds=300)


def test_a_shape_that_changed_is_told_by_endpoint_row_and_field(client: CoinGecko, service: FakeCoinGecko) -> None:
    rows = [{"id": name, "name": name.title()} for name in ("gdax", "kraken")]
    service.script(LIST, faults.json_error(200, rows))

    said = r"coingecko /exchanges: .*2 of 2 rows are malformed.* row 0 \(gdax\): missing field `trade_volume_24h_btc`"
    with pytest.raises(UnexpectedResponseError, match=said):
        client.exchanges_page(1)


def test_the_key_is_in_the_header_and_nowhere_else(client: CoinGecko, service: FakeCoinGecko) -> None:
    for question in QUESTIONS.values():
        question(client)

    assert {exchange.request.headers["x-cg-demo-api-key"] for exchange in service.exchanges} == {DEMO_KEY}
    assert not any(DEMO_KEY in exchange.request.target for exchange in service.exchanges)


def test_an_hour_costs_three_credits_and_the_rest_of_a_days_listing_two_more(
    client: CoinGecko, service: FakeCoinGecko
) -> None:
    trending = client.trending()["coin_id"].to_list()
    client.exchanges_page(1)
    client.markets_by_ids(trending)
    assert service.access.spent(DEMO_KEY, START) == 3

    number = 2
    while client.exchanges_page(number).height == 250:
        number += 1
    assert service.access.spent(DEMO_KEY, START) == 3 + 2
