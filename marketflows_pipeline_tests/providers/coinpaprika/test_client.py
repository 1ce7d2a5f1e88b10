"""What CoinPaprika answers, over a real socket: pages, histories, tags, coins by id."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import NotFoundError, UnexpectedResponseError
from marketflows_pipeline.providers.bad_rows import counting_left_out
from marketflows_pipeline.providers.coinpaprika.client import CoinPaprika
from marketflows_pipeline.providers.protocols.market_caps import (
    CATEGORY_NAMES_SCHEMA,
    CATEGORY_SCHEMA,
    COIN_SCHEMA,
    MARKET_SCHEMA,
    MarketCapProvider,
)
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coinpaprika.access import PAID_KEY, Access
from marketflows_pipeline_tests.fakes.coinpaprika.service import FakeCoinPaprika
from marketflows_pipeline_tests.fakes.generate import START, generate
from marketflows_pipeline_tests.fakes.market import Market, to_ms
from marketflows_pipeline_tests.fakes.server import FakeServer
from marketflows_pipeline_tests.providers.coinpaprika.conftest import Connect, asked, endpoints, row_of

TICKERS, TICKER = "/tickers", "/tickers/{id}"
TAGS, TAG = "/tags", "/tags/{id}"


def test_it_is_a_provider_of_market_caps(client: CoinPaprika) -> None:
    provider: MarketCapProvider = client

    assert provider.name == "coinpaprika"


def test_a_snapshot_is_one_page_of_all_coins_without_wrapped_ones(
    client: CoinPaprika, service: FakeCoinPaprika
) -> None:
    (page,) = client.snapshot_pages(1e9)

    assert page.schema == MARKET_SCHEMA
    assert page["coin_id"].is_unique().all()
    assert page["market_cap_usd"].is_sorted(descending=True, nulls_last=True)
    assert {"btc-bitcoin", "aave-new", "usdc-usd-coin", "luna-terra", "luna-terra-v2"} <= set(page["coin_id"])
    by_tag = {"cbbtc-coinbase-btc", "jitosol-jitosol", "ezeth-renzo"}
    by_id, by_name = {"weth-weth"}, {"wbtc-wrapped-bitcoin", "steth-lido-staked-ether", "usdt-avalanche-bridge"}
    assert not (by_tag | by_id | by_name) & set(page["coin_id"])
    assert endpoints(service) == [TICKERS, TAGS]


def test_a_run_requests_each_list_once_whatever_it_asks(client: CoinPaprika, service: FakeCoinPaprika) -> None:
    client.narrative("defi")
    client.category_members("stablecoin")
    next(client.snapshot_pages(1e9))
    client.by_ids(["btc-bitcoin", "weth-weth"])
    client.categories()
    client.category_list()

    assert sorted(map(str, endpoints(service))) == [TAGS, TICKERS]
    assert {"quotes": "USD"} in asked(service)
    assert {"additional_fields": "coins"} in asked(service)


def test_a_client_that_lives_on_asks_anew(client: CoinPaprika, service: FakeCoinPaprika, clock: FixedClock) -> None:
    first = next(client.snapshot_pages(1e9))
    clock.sleep(3600)
    second = next(client.snapshot_pages(1e9))

    assert endpoints(service) == [TICKERS, TAGS, TICKERS]
    assert row_of(first, "btc-bitcoin")["last_updated"] != row_of(second, "btc-bitcoin")["last_updated"]


@pytest.mark.parametrize("is_said", [True, False])
def test_where_the_list_of_the_free_plan_ends_is_said_in_one_line(
    client: CoinPaprika, service: FakeCoinPaprika, caplog: pytest.LogCaptureFixture, is_said: bool
) -> None:
    service.most_tickers = 50 if is_said else 2_000
    next(client.snapshot_pages(1e9))

    ends = [record.getMessage() for record in caplog.records if "ends at" in record.getMessage()]
    assert len(ends) == is_said
    assert not is_said or ("with its 50 coins" in ends[0] and "above 1,000,000,000 USD are not seen" in ends[0])


def test_a_paid_plan_has_every_coin_and_its_supply(connect: Connect, clock: FixedClock) -> None:
    market = generate(60, has_churn=False, has_flaws=False)
    with FakeCoinPaprika(market, clock=clock, access=Access(host="paid")) as service:
        page = next(connect(service, plan="starter", api_key=PAID_KEY).snapshot_pages(0))

    assert "grc-gridcoin" in page["coin_id"]
    bitcoin = row_of(page, "btc-bitcoin")
    assert bitcoin["circulating_supply"] == round(market.coins[0].supply)


def test_figures_come_as_they_are_served_and_what_is_unknown_is_null(connect: Connect, clock: FixedClock) -> None:
    coins = generate(5, has_churn=False, has_flaws=False).coins
    sparse, capless, late, young, last = coins[:5]
    market = Market(
        [
            replace(sparse, is_sparse=True),
            replace(capless, cap_flaw="always_zero"),
            replace(late, refresh_ms=3 * 3_600_000),
            replace(young, listed_at_ms=to_ms(START - timedelta(days=3))),
            last,
        ]
    )
    with FakeCoinPaprika(market, clock=clock) as service:
        page = next(connect(service).snapshot_pages(0))

    known = row_of(page, "bnb-binance-coin")
    assert (known["symbol"], known["name"], known["market_cap_rank"]) == ("bnb", "BNB", 4)
    assert known["circulating_supply"] is None
    assert row_of(page, "btc-bitcoin")["volume_usd"] is None
    assert row_of(page, "btc-bitcoin")["price_change_30d_pct"] is None
    assert page["market_cap_usd"][-1] is None
    assert (page["coin_id"][-1], page["price_usd"][-1] > 0) == ("eth-ethereum", True)
    updated = row_of(page, "usdt-tether")["last_updated"]
    assert isinstance(updated, datetime)
    assert updated < START - timedelta(minutes=30)
    newcomer = row_of(page, "xrp-xrp")
    assert newcomer["price_change_24h_pct"] is not None
    assert newcomer["price_change_7d_pct"] is newcomer["price_change_30d_pct"] is None


def test_a_narrative_is_the_coins_of_a_tag_that_are_listed(client: CoinPaprika) -> None:
    members = client.narrative("layer-1")

    assert members.schema == MARKET_SCHEMA
    assert members["coin_id"][0] == "btc-bitcoin"
    assert members["market_cap_usd"].is_sorted(descending=True, nulls_last=True)
    assert "grc-gridcoin" not in members["coin_id"]


def test_what_is_left_out_of_others_holds_its_wrapped_coins(client: CoinPaprika) -> None:
    """Without them, stETH would stay in every narrative: it is the only one that some tags hold."""
    assert client.category_members("wrapped-token")["coin_id"].to_list() == ["cbbtc-coinbase-btc"]
    assert client.category_members("defi")["with_rehypothecated"].all()
    assert "steth-lido-staked-ether" in client.category_members("defi")["coin_id"]
    assert "steth-lido-staked-ether" not in client.narrative("defi")["coin_id"]


def test_an_unknown_tag_and_one_without_coins_are_not_found(client: CoinPaprika, service: FakeCoinPaprika) -> None:
    service.tags_without_coins = {"meme-token"}

    with pytest.raises(NotFoundError, match="id not found"):
        client.narrative("ai-agents")
    for slug in ("meme-token", "op-token"):
        with pytest.raises(NotFoundError, match=f"no coin is named of the tag '{slug}'"):
            client.narrative(slug)
    assert service.calls(TAG) == 3


def test_a_tag_whose_coins_are_all_outside_the_list_is_known_and_says_so(
    client: CoinPaprika, service: FakeCoinPaprika
) -> None:
    service.script(TAGS, faults.in_json(lambda tags: [*tags, tags[0] | {"id": "tiny", "coins": ["grc-gridcoin"]}]))

    with pytest.raises(UnexpectedResponseError, match="of the tag 'tiny' the list of plan 'free' holds no coin"):
        client.narrative("tiny")
    assert client.category_members("tiny").schema == MARKET_SCHEMA
    assert client.category_members("tiny").is_empty()


def test_where_the_list_of_tags_names_no_coins_each_tag_is_asked_for(
    client: CoinPaprika, service: FakeCoinPaprika
) -> None:
    service.lists_coins_of_tags = False

    members = client.narrative("defi")

    assert "uni-uniswap" in members["coin_id"]
    assert "steth-lido-staked-ether" not in members["coin_id"]
    assert service.calls(TAG) == 4


def test_wrapped_coins_are_told_by_their_names_where_a_tag_of_them_is_gone(
    client: CoinPaprika, service: FakeCoinPaprika, caplog: pytest.LogCaptureFixture
) -> None:
    service.script(TAGS, faults.in_json(lambda tags: [tag for tag in tags if tag["id"] != "wrapped-token"]))
    service.script(TAG, faults.json_error(404, {"error": "id not found"}))

    page = next(client.snapshot_pages(1e9))

    assert "cbbtc-coinbase-btc" in page["coin_id"]
    assert not {"wbtc-wrapped-bitcoin", "jitosol-jitosol"} & set(page["coin_id"])
    assert "told by their names only" in caplog.text


def test_all_tags_are_listed_with_their_names(client: CoinPaprika) -> None:
    listed = client.category_list()

    assert listed.schema == CATEGORY_NAMES_SCHEMA
    assert ("made-in-usa", "Made in USA") in listed.rows()


def test_categories_are_sums_over_the_coins_in_the_list(client: CoinPaprika) -> None:
    rows = client.categories()
    members = client.narrative("made-in-usa")
    usa = rows.row(by_predicate=pl.col("category_id") == "made-in-usa", named=True)

    assert rows.schema == CATEGORY_SCHEMA
    assert usa["market_cap_usd"] == pytest.approx(members["market_cap_usd"].sum())
    assert usa["volume_24h_usd"] == pytest.approx(members["volume_usd"].sum())
    assert usa["top_3_coins_id"] == ",".join(members["coin_id"][:3])
    assert rows.row(by_predicate=pl.col("category_id") == "op-token")[2:] == (None, None, None, None)


def test_coins_are_found_by_id_in_the_list_or_one_by_one(client: CoinPaprika, service: FakeCoinPaprika) -> None:
    wanted = ["btc-bitcoin", "weth-weth", "grc-gridcoin", "no-such-coin", "bitcoin", "btc-bitcoin"]
    rows = client.by_ids(wanted)

    assert rows.schema == MARKET_SCHEMA
    assert rows["coin_id"].to_list() == ["btc-bitcoin", "weth-weth", "grc-gridcoin"]
    assert rows["with_rehypothecated"].all()
    assert row_of(rows, "grc-gridcoin")["market_cap_rank"] == 7533
    paths = [exchange.request.path for exchange in service.exchanges]
    assert paths == ["/v1/tickers", "/v1/tickers/grc-gridcoin", "/v1/tickers/no-such-coin"]


def test_no_ids_cost_no_call(client: CoinPaprika, service: FakeCoinPaprika) -> None:
    assert client.by_ids([]).schema == MARKET_SCHEMA
    assert service.calls() == 0


def test_a_coin_that_is_gone_is_missing_or_as_old_as_it_is(
    connect: Connect, clock: FixedClock, service: FakeCoinPaprika
) -> None:
    service.market.delist("solana", to_ms(START))
    clock.sleep(86_400)

    assert connect(service).by_ids(["sol-solana"]).is_empty()
    service.answers_inactive = True
    stale = connect(service).by_ids(["sol-solana"]).row(0, named=True)
    assert stale["last_updated"] == START - timedelta(seconds=1)
    assert stale["market_cap_rank"] is None
    assert "sol-solana" in connect(service).coin_list()["coin_id"]


def test_one_ticker_that_cannot_be_read_is_missing_and_named(
    client: CoinPaprika, service: FakeCoinPaprika, caplog: pytest.LogCaptureFixture
) -> None:
    service.script(TICKER, faults.in_json(lambda row: row | {"quotes": {"BTC": {}}}))

    rows = client.by_ids(["btc-bitcoin", "grc-gridcoin"])

    assert rows["coin_id"].to_list() == ["btc-bitcoin"]
    assert "the ticker of grc-gridcoin is left out: coinpaprika /tickers/grc-gridcoin" in caplog.text
    assert "`quotes.USD` is missing" in caplog.text


def test_a_redirect_is_not_followed(
    client: CoinPaprika, service: FakeCoinPaprika, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Contracts redirect to http://, where everybody on the way reads along."""
    with FakeServer({}, clock=clock) as elsewhere:
        service.script(TICKER, faults.redirect(f"{elsewhere.url}/v1/tickers/grc-gridcoin"))

        assert client.by_ids(["grc-gridcoin"]).is_empty()
        assert elsewhere.calls() == 0
    assert "a redirect, which is not followed" in caplog.text


def test_the_list_of_coins_holds_those_that_are_gone(client: CoinPaprika, service: FakeCoinPaprika) -> None:
    coins = client.coin_list()

    assert coins.schema == {**COIN_SCHEMA, "is_active": pl.Boolean()}
    is_active = dict(coins.select("coin_id", "is_active").iter_rows())
    assert is_active["usdc-usd-coin"] is is_active["grc-gridcoin"] is True
    assert is_active["usdc-usdc"] is is_active["fct-factom"] is False
    assert service.calls() == 1


def test_contracts_lead_to_the_coins_in_use(client: CoinPaprika) -> None:
    contracts = client.contract_ids("eth-ethereum")

    assert contracts.schema == {"address": pl.String(), "coin_id": pl.String()}
    assert {"weth-weth", "wbtc-wrapped-bitcoin"} <= set(contracts["coin_id"])
    assert "usdc-usdc" not in contracts["coin_id"]
    with pytest.raises(NotFoundError):
        client.contract_ids("sol-solana")


def test_a_coin_twice_in_the_list_counts_once(client: CoinPaprika, service: FakeCoinPaprika) -> None:
    service.script(TICKERS, faults.in_json(lambda rows: [*rows, *rows]))

    assert next(client.snapshot_pages(0))["coin_id"].is_unique().all()


def test_a_bad_row_of_the_list_counts_for_the_tags_of_its_coin(
    client: CoinPaprika, service: FakeCoinPaprika, caplog: pytest.LogCaptureFixture
) -> None:
    """A coin whose row cannot be read has left no narrative; and a row that always is bad freezes no other."""
    service.script(TICKERS, faults.in_json(lambda rows: [rows[0] | {"name": None}, *rows[1:]]))

    totals = []
    with counting_left_out() as whole, caplog.at_level(logging.WARNING):
        for slug in ("defi", "layer-1", "smart-contracts"):
            with counting_left_out() as left_out:
                client.narrative(slug)
            totals.append(left_out.total())

    assert totals == [0, 1, 1]
    assert whole == {"malformed": 1}
    assert caplog.text.count("rows left out: row 0 (btc-bitcoin): `name`") == 1
