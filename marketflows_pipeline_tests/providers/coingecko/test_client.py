"""The provider against a CoinGecko of our own, on a real socket."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import polars as pl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import (
    NotFoundError,
    PlanLimitError,
    UnexpectedResponseError,
)
from marketflows_pipeline.providers.coingecko.client import CoinGecko
from marketflows_pipeline.providers.coingecko.plans import PlanName
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.protocols.market_caps import (
    CATEGORY_NAMES_SCHEMA,
    CATEGORY_SCHEMA,
    COIN_SCHEMA,
    HISTORY_SCHEMA,
    MARKET_SCHEMA,
    MarketCapProvider,
)
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coingecko.access import PRO_KEY
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.generate import START, generate
from marketflows_pipeline_tests.fakes.market import Market
from marketflows_pipeline_tests.providers.conftest import Connect
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

MARKETS = "/coins/markets"


def asked(service: FakeCoinGecko) -> list[dict[str, str]]:
    return [dict(exchange.request.params) for exchange in service.exchanges]


def test_it_is_a_provider_of_market_caps(client: CoinGecko) -> None:
    provider: MarketCapProvider = client

    assert provider.name == "coingecko"


def test_a_year_of_history_is_its_midnights_and_the_present(client: CoinGecko, service: FakeCoinGecko) -> None:
    history = client.history("bitcoin", 365)

    assert history.schema == HISTORY_SCHEMA
    assert history.height == 366
    assert (history["ts"][:-1].dt.truncate("1d") == history["ts"][:-1]).all()
    assert history["ts"][0] == datetime(2025, 9, 19, tzinfo=UTC)
    assert START - timedelta(minutes=5) < history["ts"][-1] <= START
    assert asked(service) == [{"vs_currency": "usd", "days": "365", "interval": "daily"}]


@pytest.mark.parametrize(
    ("days", "step", "points"), [(1, "5m", 289), (2, "1h", 49), (90, "1h", 2161), (91, "1d", 92), (365, "1d", 366)]
)
def test_the_window_decides_how_close_the_points_are(client: CoinGecko, days: int, step: str, points: int) -> None:
    history = client.history("ethereum", days)

    assert history.height == pytest.approx(points, abs=2)
    typical = history["ts"].diff().median()
    assert isinstance(typical, timedelta)
    assert abs(typical - Granularity.of_window(days).step) < timedelta(minutes=1)
    assert pl.Series([START]).dt.offset_by(f"-{days}d").dt.offset_by(f"-{step}").item() < history["ts"].min()


def test_interval_is_only_asked_for_above_90_days(client: CoinGecko, service: FakeCoinGecko) -> None:
    for days in (1, 90, 91):
        client.history("bitcoin", days)

    assert [params.get("interval") for params in asked(service)] == [None, None, "daily"]


def test_where_interval_daily_is_for_paying_customers_it_is_left_out_once_and_for_all(
    client: CoinGecko, service: FakeCoinGecko
) -> None:
    service.refuses_daily_interval = True

    first = client.history("bitcoin", 365)
    second = client.history("ethereum", 365)

    assert first.height == second.height == 366
    assert [params.get("interval") for params in asked(service)] == ["daily", None, None]


@pytest.mark.parametrize("plan", ["demo", "keyless"])
def test_more_than_the_plan_serves_is_never_asked_for(connect: Connect, service: FakeCoinGecko, plan: PlanName) -> None:
    with pytest.raises(PlanLimitError, match=f"plan '{plan}' serves 365 days of daily history, 366"):
        connect(service, plan=plan).history("bitcoin", 366)
    assert service.calls() == 0


def test_what_each_plan_serves_is_known_per_granularity(connect: Connect, service: FakeCoinGecko) -> None:
    demo, pro = connect(service), connect(service, plan="pro", api_key=PRO_KEY)

    assert [demo.history_limit_days(granularity) for granularity in Granularity] == [1, 90, 365]
    assert [pro.history_limit_days(granularity) for granularity in Granularity] == [1, 90, 730]


def test_an_id_with_a_blank_is_asked_for_as_it_is(client: CoinGecko, service: FakeCoinGecko) -> None:
    assert client.history("academy token", 2).height > 40
    assert service.exchanges[0].request.target.startswith("/api/v3/coins/academy%20token/market_chart?")


def test_flaws_come_as_they_are_served(connect: Connect, clock: FixedClock) -> None:
    market = generate(40)

    with FakeCoinGecko(market, clock=clock) as service:
        history = connect(service).history("ethereum", 90)

    assert market.coins[1].cap_flaw == "now_and_then"
    assert history["market_cap_usd"].null_count() > 0
    assert {0.0, -1.0} <= set(history["market_cap_usd"])
    assert history["price_usd"].null_count() == 0


def test_arrays_of_unequal_length_lose_nothing(connect: Connect, clock: FixedClock) -> None:
    coin = replace(generate(1, has_churn=False, has_flaws=False).coins[0], has_unequal_arrays=True)

    with FakeCoinGecko(Market([coin]), clock=clock) as service:
        history = connect(service).history(coin.id, 30)

    assert history["market_cap_usd"].null_count() == 0
    assert history["price_usd"].is_null().to_list() == [True] + [False] * (history.height - 1)
    assert history["volume_usd"].is_null().to_list() == [False] * (history.height - 1) + [True]


def test_a_young_coin_has_what_there_is(connect: Connect, clock: FixedClock) -> None:
    listed_at_ms = round((START - timedelta(days=3)).timestamp() * 1000)
    coin = replace(generate(1, has_churn=False, has_flaws=False).coins[0], listed_at_ms=listed_at_ms)

    with FakeCoinGecko(Market([coin]), clock=clock) as service:
        assert connect(service).history(coin.id, 365).height == 4


def test_a_coin_that_is_unknown_or_delisted_is_not_found_and_not_asked_again(
    client: CoinGecko, service: FakeCoinGecko
) -> None:
    with pytest.raises(NotFoundError, match="coin not found"):
        client.history("bitcoin-cash-abc-2", 30)
    assert service.calls() == 1


def test_pages_come_until_no_cap_is_above_the_limit(client: CoinGecko, service: FakeCoinGecko) -> None:
    first = next(client.snapshot_pages(1e8))
    service.exchanges.clear()
    limit = float(first["market_cap_usd"][100])

    pages = list(client.snapshot_pages(limit))

    assert [page.height for page in pages] == [250]
    assert pages[0].filter(pl.col("market_cap_usd") > limit).height == 100
    assert pages[0].schema == MARKET_SCHEMA
    assert asked(service) == [
        {
            "vs_currency": "usd",
            "order": "market_cap_desc",
            "per_page": "250",
            "include_rehypothecated": "false",
            "price_change_percentage": "24h,7d,30d",
            "page": "1",
        }
    ]


def test_the_last_page_is_the_short_one(client: CoinGecko, service: FakeCoinGecko) -> None:
    assert [page.height for page in client.snapshot_pages(0)] == [250, 50]
    assert service.calls() == 2


def test_an_empty_page_ends_a_snapshot(connect: Connect, clock: FixedClock) -> None:
    with FakeCoinGecko(generate(250, has_churn=False, has_flaws=False), clock=clock) as service:
        assert [page.height for page in connect(service).snapshot_pages(0)] == [250]
        assert service.calls() == 2


def test_coins_without_a_cap_come_last_and_end_a_snapshot(connect: Connect, clock: FixedClock) -> None:
    market = generate(600, has_churn=False, has_flaws=False)
    market = Market([replace(c, cap_flaw="always_null" if n >= 240 else None) for n, c in enumerate(market.coins)])

    with FakeCoinGecko(market, clock=clock) as service:
        pages = list(connect(service).snapshot_pages(0))

    assert [page.height for page in pages] == [250]
    assert pages[0]["market_cap_usd"].is_null().to_list() == [False] * 240 + [True] * 10


def test_one_cap_out_of_order_does_not_end_a_snapshot(clock: FixedClock, ledger: MemoryLedger) -> None:
    def row(number: int) -> dict[str, Any]:
        names = {"id": f"coin-{number}", "symbol": "c", "name": "C", "last_updated": "2026-09-18T03:59:00.000Z"}
        figures = {"current_price": 1, "total_volume": 1, "price_change_percentage_24h": 1, "market_cap_rank": number}
        return names | figures | {"market_cap": 0 if number == 250 else 1e9}

    pages = {"1": [row(number) for number in range(1, 251)], "2": [row(251)]}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=pages[request.url.params["page"]]))

    with CoinGecko(clock=clock, ledger=ledger, plan="keyless", transport=transport) as client:
        assert [page.height for page in client.snapshot_pages(1e8)] == [250, 1]


def test_a_coin_on_two_pages_comes_once(connect: Connect, clock: FixedClock) -> None:
    market = generate(600, has_churn=False, has_flaws=False)

    with FakeCoinGecko(market, clock=clock, page_overlap=3) as service:
        rows = pl.concat(connect(service).snapshot_pages(0))

    assert rows.height == 600
    assert rows["coin_id"].is_unique().all()


def test_a_service_that_serves_one_page_for_ever_does_not_trap_the_caller(connect: Connect, clock: FixedClock) -> None:
    with FakeCoinGecko(generate(600, has_churn=False), clock=clock, page_overlap=250) as service:
        assert [page.height for page in connect(service).snapshot_pages(0)] == [250]
        assert service.calls() == 2


def test_a_page_is_only_asked_for_when_it_is_taken(client: CoinGecko, service: FakeCoinGecko) -> None:
    next(client.snapshot_pages(0))

    assert service.calls() == 1


def test_a_narrative_is_one_page_of_its_largest_coins_without_wrapped_ones(
    client: CoinGecko, service: FakeCoinGecko
) -> None:
    members = client.narrative("decentralized-finance-defi")

    assert members.schema == MARKET_SCHEMA
    assert members["market_cap_usd"].is_sorted(descending=True)
    assert not set(members["coin_id"]) & {"wrapped-bitcoin", "staked-ether", "weth"}
    (params,) = asked(service)
    assert (params["category"], params["per_page"]) == ("decentralized-finance-defi", "250")
    assert params["include_rehypothecated"] == "false"


def test_an_unknown_narrative_costs_one_credit(client: CoinGecko, service: FakeCoinGecko) -> None:
    """What may have been meant was looked up each hour anew; it is in a list that is stored."""
    with pytest.raises(NotFoundError):
        client.narrative("ai")
    assert service.calls() == 1


def test_all_categories_are_listed_with_their_names(client: CoinGecko) -> None:
    listed = client.category_list()
    assert listed.schema == CATEGORY_NAMES_SCHEMA
    assert ("artificial-intelligence", "Artificial Intelligence (AI)") in listed.rows()


def test_an_empty_first_page_of_a_category_is_no_answer_and_of_no_category_an_unknown_narrative(
    client: CoinGecko, service: FakeCoinGecko
) -> None:
    """A narrative without a coin was once taken for one that the service had dropped."""
    service.script(MARKETS, *[faults.json_error(200, [])] * 2)

    with pytest.raises(UnexpectedResponseError, match="an empty first page of category 'layer-1'"):
        client.narrative("layer-1")
    with pytest.raises(NotFoundError, match="'layer-one' is not a category"):
        client.narrative("layer-one")


def test_an_empty_first_page_is_no_cohort_and_a_later_one_its_end(client: CoinGecko, service: FakeCoinGecko) -> None:
    """An empty list under HTTP 200 once ended a run with "cannot concat empty list"."""
    service.script(MARKETS, faults.json_error(200, []), None, faults.json_error(200, []))

    with pytest.raises(UnexpectedResponseError, match=r"coingecko /coins/markets: .*an empty first page"):
        list(client.snapshot_pages(0))
    assert [page.height for page in client.snapshot_pages(0)] == [250]


def test_a_full_page_with_a_bad_row_is_not_the_last_one(client: CoinGecko, service: FakeCoinGecko) -> None:
    """A list is at its end where a page is served short, not where a row of it cannot be used."""
    service.script(MARKETS, faults.in_json(lambda rows: [rows[0] | {"name": None}, *rows[1:]]))

    pages = [page.height for page in client.snapshot_pages(0)]

    assert pages[0] == 249
    assert len(pages) == 2


def test_a_removed_category_is_unknown(connect: Connect, clock: FixedClock) -> None:
    with FakeCoinGecko(generate(30, has_churn=False), clock=clock) as service, pytest.raises(NotFoundError):
        connect(service).narrative("presale-meme-coins")


def test_wrapped_coins_are_found_by_id_and_unknown_ids_are_missing(client: CoinGecko) -> None:
    rows = client.by_ids(["wrapped-bitcoin", "bitcoin", "academy token", "no-such-coin", "bitcoin"])

    assert sorted(rows["coin_id"]) == ["academy token", "bitcoin", "wrapped-bitcoin"]
    assert rows["with_rehypothecated"].all()
    assert set(rows["source"]) == {"coingecko:markets+rehypothecated"}


def test_ids_are_asked_for_by_250_a_call(client: CoinGecko, service: FakeCoinGecko) -> None:
    rows = client.by_ids(f"coin-{number:05d}" for number in range(29, 301))

    assert rows.height == 272
    assert [len(params["ids"].split(",")) for params in asked(service)] == [250, 22]


def test_no_ids_cost_no_call(client: CoinGecko, service: FakeCoinGecko) -> None:
    assert client.by_ids([]).schema == MARKET_SCHEMA
    assert service.calls() == 0


def test_the_list_of_coins_is_one_call(client: CoinGecko, service: FakeCoinGecko) -> None:
    coins = client.coin_list()

    assert coins.schema == COIN_SCHEMA
    assert coins.height == 303
    assert service.calls() == 1


def test_pages_bring_the_changes_of_a_day_a_week_and_a_month_at_no_further_cost(
    client: CoinGecko, service: FakeCoinGecko
) -> None:
    rows = [client.narrative("layer-1"), client.by_ids(["bitcoin"]), next(client.snapshot_pages(1e9))]
    assert {params["price_change_percentage"] for params in asked(service)} == {"24h,7d,30d"}
    assert len(service.exchanges) == 3
    for page in rows:
        bitcoin = page.row(by_predicate=pl.col("coin_id") == "bitcoin", named=True)
        changes = {bitcoin[f"price_change_{period}_pct"] for period in ("24h", "7d", "30d")}
        assert len(changes - {None}) == 3
        assert bitcoin["circulating_supply"] * bitcoin["price_usd"] == pytest.approx(bitcoin["market_cap_usd"])


def test_the_categories_are_one_call_with_the_largest_first(client: CoinGecko, service: FakeCoinGecko) -> None:
    rows = client.categories()
    assert rows.schema == CATEGORY_SCHEMA
    assert [exchange.request.endpoint for exchange in service.exchanges] == ["/coins/categories"]
    by_id = {row["category_id"]: row for row in rows.iter_rows(named=True)}
    assert by_id["layer-1"]["top_3_coins_id"].split(",")[0] == "bitcoin"
    assert rows["market_cap_usd"].drop_nulls().is_sorted(descending=True)


def test_a_category_that_cannot_be_read_is_left_out_and_named(
    client: CoinGecko, service: FakeCoinGecko, caplog: pytest.LogCaptureFixture
) -> None:
    figures = {"market_cap": 1.0, "market_cap_change_24h": 1.0, "volume_24h": 1.0, "top_3_coins_id": ["bitcoin"]}
    rows = [{"id": f"c-{place}", "name": "C", **figures} for place in range(40)]
    service.script("/coins/categories", faults.json_error(200, [*rows, {"id": "odd", "name": None, **figures}]))
    assert client.categories().height == 40
    assert "1 of 41 rows left out: row 40 (odd): `name`" in caplog.text


def test_a_snapshot_row_agrees_with_the_end_of_the_history(client: CoinGecko) -> None:
    row = client.by_ids(["solana"]).row(0, named=True)
    last = client.history("solana", 30).row(-1, named=True)

    assert last["ts"] == row["last_updated"]
    assert last["market_cap_usd"] == row["market_cap_usd"]
    assert last["price_usd"] == row["price_usd"]
