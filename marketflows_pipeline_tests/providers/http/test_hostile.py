"""Every attack of a hostile service on every question to every provider: one line, bounded, and no word of the key."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import ProviderError
from marketflows_pipeline.providers.coingecko.client import CoinGecko
from marketflows_pipeline.providers.coinpaprika.client import CoinPaprika
from marketflows_pipeline.providers.defillama.client import DefiLlama
from marketflows_pipeline.providers.fund_issuers.invesco import Invesco
from marketflows_pipeline.providers.fund_issuers.issuers import (
    BlackRock,
    Grayscale,
    SpdrGold,
    StateStreet,
    TwentyOneShares,
    VanEck,
)
from marketflows_pipeline.providers.http import transport
from marketflows_pipeline.providers.http.client import HttpClient
from marketflows_pipeline.providers.http.response_body import SizeLimits
from marketflows_pipeline.providers.http.wait_budget import WaitBudget
from marketflows_pipeline.providers.volatility.client import Cboe, Fred
from marketflows_pipeline.providers.yahoo.client import Yahoo
from marketflows_pipeline_tests.fakes.generate import START
from marketflows_pipeline_tests.fakes.hostile import ATTACKS, KEY, HostileServer, echoes
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

Ask: TypeAlias = Callable[[Any, Path], object]

SMALL = SizeLimits(memory=1 << 18, download=1 << 18, error=1 << 12)
# What the sockets of both sides hold on their way, which nobody reads.
ON_THE_WAY = 1 << 24
DAY = date(2026, 9, 1)

CALLS: Mapping[str, tuple[type[Any], Ask]] = {
    "coingecko history": (CoinGecko, lambda client, _: client.history("bitcoin", 30)),
    "coingecko snapshot": (CoinGecko, lambda client, _: list(client.snapshot_pages(1e9))),
    "coingecko narrative": (CoinGecko, lambda client, _: client.narrative("meme-token")),
    "coingecko categories": (CoinGecko, lambda client, _: client.categories()),
    "coingecko by ids": (CoinGecko, lambda client, _: client.by_ids(["bitcoin"])),
    "coingecko list": (CoinGecko, lambda client, _: client.coin_list()),
    "coingecko exchanges": (CoinGecko, lambda client, _: client.exchanges_page(1)),
    "coingecko volumes": (CoinGecko, lambda client, _: client.volume_chart("binance", 7)),
    "coingecko trending": (CoinGecko, lambda client, _: client.trending()),
    "coingecko markets": (CoinGecko, lambda client, _: client.markets_by_ids(["bitcoin"])),
    "coingecko members": (CoinGecko, lambda client, _: client.category_members("stablecoins")),
    "coinpaprika history": (CoinPaprika, lambda client, _: client.history("btc-bitcoin", 91)),
    "coinpaprika snapshot": (CoinPaprika, lambda client, _: list(client.snapshot_pages(1e9))),
    "coinpaprika tags": (CoinPaprika, lambda client, _: client.category_list()),
    "coinpaprika list": (CoinPaprika, lambda client, _: client.coin_list()),
    "coinpaprika contracts": (CoinPaprika, lambda client, _: client.contract_ids("eth-ethereum")),
    "defillama exchanges": (DefiLlama, lambda client, _: client.cexs()),
    "defillama protocols": (DefiLlama, lambda client, _: client.exchange_protocols()),
    "defillama reserves": (DefiLlama, lambda client, folder: client.reserves_history("binance-cex", folder)),
    "yahoo bars": (Yahoo, lambda client, _: client.daily_bars("SPY", "SPY", DAY, DAY)),
    "cboe closes": (Cboe, lambda client, _: client.volatility_index("VIX")),
    "fred closes": (Fred, lambda client, _: client.volatility_index("VIX3M")),
    "ssga shares": (StateStreet, lambda client, _: client.shares_outstanding("SPY", "")),
    "blackrock shares": (BlackRock, lambda client, _: client.shares_outstanding("IWM", "239710")),
    "gold shares": (SpdrGold, lambda client, _: client.shares_outstanding("GLD", "")),
    "invesco shares": (Invesco, lambda client, _: client.shares_outstanding("QQQ", "46090E103")),
    "grayscale shares": (Grayscale, lambda client, _: client.shares_outstanding("GBTC", "")),
    "21shares shares": (TwentyOneShares, lambda client, _: client.shares_outstanding("ARKB", "")),
    "vaneck shares": (VanEck, lambda client, _: client.shares_outstanding("HODL", "")),
}

KEYED: Mapping[type[Any], Mapping[str, str]] = {
    CoinGecko: {"api_key": KEY},
    CoinPaprika: {"plan": "starter", "api_key": KEY},
}

# One of each way to read a response, for the quick suite.
QUICK = ("coingecko snapshot", "defillama reserves", "cboe closes", "ssga shares")


@pytest.fixture(scope="module")
def hostile() -> Iterator[HostileServer]:
    with HostileServer() as running:
        yield running


@pytest.fixture(autouse=True)
def _small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small limits, so that floods end soon."""
    monkeypatch.setattr(HttpClient, "size_limits", SMALL)
    monkeypatch.setattr(transport, "getproxies", dict)


class _Ticking(FixedClock):
    """A clock on which every look takes a moment, so that what comes byte by byte takes its time."""

    def now(self) -> Any:
        self.sleep(0.05)
        return super().now()


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(
    "call", [pytest.param(call, marks=() if call in QUICK else pytest.mark.slow) for call in CALLS]
)
def test_whatever_a_service_does_it_ends_in_one_line_that_does_not_show_the_key(
    hostile: HostileServer, call: str, attack: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Bombs filled memory, drips held the run lock for hours, odd headers were tracebacks, echoes showed the key."""
    service, ask = CALLS[call]
    clock, ledger = _Ticking(START), MemoryLedger()
    options: dict[str, Any] = {**KEYED.get(service, {})}
    hostile.attack, hostile.sent, hostile.n_asked = ATTACKS[attack], 0, 0
    waits = WaitBudget(clock, timedelta(seconds=10))

    with (
        caplog.at_level(logging.DEBUG),
        service(clock=clock, ledger=ledger, base_url=hostile.url, waits=waits, timeout=5.0, **options) as client,
        pytest.raises(ProviderError) as fault,
    ):
        ask(client, tmp_path)

    said = str(fault.value)
    assert said.isprintable()
    assert len(said) < 1000
    assert list(tmp_path.iterdir()) == []
    assert hostile.sent < hostile.n_asked * (2 * SMALL.memory + ON_THE_WAY)
    if service in KEYED:
        kept = [said, repr(vars(fault.value)), repr(ledger.calls), *(record.getMessage() for record in caplog.records)]
        assert not shown(kept)
    assert all(call.outcome in ("retry", "failed", "ok") for call in ledger.calls)


def shown(texts: list[str]) -> list[str]:
    """The forms of the key that stand in any of the texts, blanks and case apart."""
    kept = re.sub(r"\s", "", "\n".join(texts)).lower()
    return [name for name, form in echoes(KEY).items() if re.sub(r"\s", "", form).lower().strip("=!") in kept]
