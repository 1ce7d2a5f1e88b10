"""Coins of two services over one market, whose ids, contracts and names each has in its own way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.ingest.market_caps.id_map import most_calls, propose_ids
from marketflows_pipeline.providers.coingecko.client import CoinGecko
from marketflows_pipeline.providers.coinpaprika.client import CoinPaprika
from marketflows_pipeline.transforms.market_caps.symbols import with_price
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.coinpaprika.listing import paprika_id
from marketflows_pipeline_tests.fakes.coinpaprika.service import FakeCoinPaprika
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger


@pytest.fixture
def paprika(coinpaprika: FakeCoinPaprika, clock: FixedClock, ledger: MemoryLedger) -> Iterator[CoinPaprika]:
    with CoinPaprika(clock=clock, ledger=ledger, base_url=coinpaprika.url, timeout=60.0) as client:
        yield client


def ids(client: CoinGecko, paprika: CoinPaprika, *wanted: str) -> dict[str, tuple[str | None, str | None]]:
    rows = propose_ids(client, paprika, wanted).select("coin_id", "other_id", "rule").iter_rows()
    return {coin: (other, rule) for coin, other, rule in rows}


def test_coins_are_found_by_contract_and_natives_by_their_names(
    client: CoinGecko, paprika: CoinPaprika, service: FakeCoinGecko, ledger: MemoryLedger
) -> None:
    wrapped = next(coin for coin in service.market.coins if coin.is_rehypothecated)
    wanted = ("bitcoin", "binancecoin", "aave", wrapped.id, "no-such-coin")

    found = ids(client, paprika, *wanted)

    assert found == {
        "bitcoin": ("btc-bitcoin", "symbol and name"),
        "binancecoin": ("bnb-binance-coin", "symbol and name"),
        "aave": ("aave-new", "symbol and name"),
        wrapped.id: (paprika_id(wrapped), "contract"),
        "no-such-coin": (None, None),
    }
    calls = {name: sum(call.provider == name for call in ledger.calls) for name in ("coingecko", "coinpaprika")}
    most = most_calls(client, paprika, len(wanted))
    assert calls == {"coingecko": 3, "coinpaprika": 3}
    assert all(calls[name] <= most[name] for name in calls)


def test_the_way_back_leads_to_the_same_coins(client: CoinGecko, paprika: CoinPaprika, ledger: MemoryLedger) -> None:
    wanted = ("btc-bitcoin", "aave-new", "luna-terra")

    found = propose_ids(paprika, client, wanted)

    assert found["other_id"].to_list() == ["bitcoin", "aave", None]
    assert found["reason"].to_list()[2] == "no coin there has its symbol and name, and no contract of it is known"
    most = most_calls(paprika, client, len(wanted))
    for name in ("coingecko", "coinpaprika"):
        assert sum(call.provider == name for call in ledger.calls) <= most[name]


def test_a_coin_below_the_list_of_tickers_is_asked_for_by_its_id(
    client: CoinGecko, paprika: CoinPaprika, coinpaprika: FakeCoinPaprika, ledger: MemoryLedger
) -> None:
    coinpaprika.most_tickers = 5
    small = [coin.id for coin in coinpaprika.market.coins if not coin.is_rehypothecated][20]

    assert ids(client, paprika, small)[small][1] == "symbol and name"
    assert [call.endpoint for call in ledger.calls].count("/tickers/{id}") == 1


def test_contracts_of_coinpaprika_have_the_names_of_platforms_that_both_are_compared_under(
    paprika: CoinPaprika, coinpaprika: FakeCoinPaprika
) -> None:
    found = paprika.contracts(["ethereum", "base"])  # the fake does not know the second, as the service may not

    assert set(found["platform"]) == {"ethereum"}
    assert "usdc-usdc" not in set(found["coin_id"]), "a contract that is no longer in use"
    with pytest.raises(NotFoundError):
        paprika.contract_ids("base-base")


def test_coins_without_a_price_are_no_candidates(paprika: CoinPaprika) -> None:
    every = paprika.coin_list()
    assert {"usdc-usdc", "fct-factom"} <= set(every["coin_id"]) - set(with_price(every)["coin_id"])


def test_the_largest_coins_are_one_call_whatever_else_is_asked(paprika: CoinPaprika, ledger: MemoryLedger) -> None:
    found = paprika.largest()

    assert found["market_cap_usd"].drop_nulls().is_sorted(descending=True)
    assert "cbbtc-coinbase-btc" in set(found["coin_id"])
    assert [call.endpoint for call in ledger.calls] == ["/tickers"]
