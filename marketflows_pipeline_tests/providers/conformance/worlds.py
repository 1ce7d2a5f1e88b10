"""The worlds of the market-cap providers that there are; a new provider adds one here."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, TypeAlias

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.providers.coingecko.client import CoinGecko
from marketflows_pipeline.providers.coinpaprika.client import CoinPaprika
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.local_files.market_caps import MarketCapFolder
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY, Access
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.coinpaprika.access import PAID_KEY
from marketflows_pipeline_tests.fakes.coinpaprika.access import Access as FreeAccess
from marketflows_pipeline_tests.fakes.coinpaprika.listing import TAGS, paprika_id
from marketflows_pipeline_tests.fakes.coinpaprika.service import FakeCoinPaprika
from marketflows_pipeline_tests.fakes.generate import START, generate
from marketflows_pipeline_tests.fakes.market import CapFlaw, FakeCoin, Market, iso, to_ms
from marketflows_pipeline_tests.fakes.price_paths import DAY_MS
from marketflows_pipeline_tests.providers.conformance.world import Service, World
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

Opener: TypeAlias = Callable[[FixedClock, MemoryLedger, Path], Any]

YOUNG, HOSTILE, CATEGORY = "cardano", "chainlink", "decentralized-finance-defi"
LISTED_BEFORE = timedelta(days=3)
FLAWS: Mapping[str, CapFlaw] = {"tron": "always_null", "dogecoin": "always_zero", "stellar": "always_negative"}
HOSTILE_NAME = "\x1b[31mChain\u202elink\n\x07"


def market(n_coins: int = 30) -> Market:
    """Coins of which some are as the suite needs them, by CoinGecko's ids."""
    generated = generate(n_coins, has_churn=False, has_flaws=False)
    coins = [replace(coin, cap_flaw=FLAWS.get(coin.id)) for coin in generated.coins]
    for at, coin in enumerate(coins):
        if coin.id == YOUNG:
            coins[at] = replace(coin, listed_at_ms=to_ms(START - LISTED_BEFORE))
        elif coin.id == HOSTILE:
            coins[at] = replace(coin, name=HOSTILE_NAME)
    return Market(coins, generated.categories)


def truths(made: Market) -> dict[str, Any]:
    """What is true of that market, whoever serves it."""
    members = made.members(CATEGORY, to_ms(START))
    return {
        "known": "bitcoin",
        "young": YOUNG,
        "listed_before": LISTED_BEFORE,
        "capless": tuple(FLAWS),
        "hostile": HOSTILE,
        "unknown": "no-such-coin",
        "category": CATEGORY,
        "members": frozenset(coin.id for coin in made.coins if coin.id in members and not coin.is_rehypothecated),
        "unknown_category": "no-such-category",
    }


@contextmanager
def coingecko(clock: FixedClock, ledger: MemoryLedger, folder: Path) -> Iterator[World]:
    """CoinGecko on its demo plan: two pages of coins, of which some stand on both."""
    made = market(270)
    with (
        FakeCoinGecko(made, clock=clock, access=Access(calls_per_minute=None), page_overlap=3) as fake,
        ExitStack() as opened,
    ):

        def open_client(**changed: Any) -> CoinGecko:
            client = CoinGecko(clock=clock, ledger=ledger, api_key=DEMO_KEY, base_url=fake.url, **changed)
            return opened.enter_context(client)

        yield World(
            open=open_client,
            clock=clock,
            ledger=ledger,
            granularities=frozenset(Granularity),
            wrapped="wrapped-bitcoin",
            service=Service(fake, "/coins/{id}/market_chart", secrets=(DEMO_KEY,)),
            **truths(made),
        )


@contextmanager
def coinpaprika(clock: FixedClock, ledger: MemoryLedger, folder: Path) -> Iterator[World]:
    """CoinPaprika on its free plan, given a key that it must not send."""
    made = market()
    ids = {coin.id: paprika_id(coin) for coin in made.coins}
    facts = truths(made)
    access = FreeAccess(calls_per_second=None)
    with FakeCoinPaprika(made, clock=clock, access=access) as fake, ExitStack() as opened:

        def open_client(**changed: Any) -> CoinPaprika:
            client = CoinPaprika(clock=clock, ledger=ledger, api_key=PAID_KEY, base_url=fake.url, **changed)
            return opened.enter_context(client)

        yield World(
            open=open_client,
            clock=clock,
            ledger=ledger,
            granularities=frozenset({Granularity.DAILY}),
            wrapped=ids["wrapped-bitcoin"],
            refuses_longer_windows=False,
            service=Service(fake, "/tickers/{id}/historical", secrets=(PAID_KEY,)),
            **facts
            | {name: ids[facts[name]] for name in ("known", "young", "hostile")}
            | {"capless": tuple(ids[coin] for coin in facts["capless"])}
            | {"category": TAGS[CATEGORY], "members": frozenset(ids[coin] for coin in facts["members"])},
        )


@contextmanager
def own_files(clock: FixedClock, ledger: MemoryLedger, folder: Path) -> Iterator[World]:
    """A folder with the same market by day, a year and the present, in one file a quarter of the coins."""
    for name, text in _own_files().items():
        (folder / name).write_text(text, encoding="utf-8", newline="")

    def open_client(**_: Any) -> MarketCapFolder:
        return MarketCapFolder(folder, clock=clock)

    made = market()
    yield World(
        open=open_client,
        clock=clock,
        ledger=ledger,
        granularities=frozenset({Granularity.DAILY}),
        serves_rows_as_they_are=True,
        refuses_longer_windows=False,
        **truths(made) | {"members": frozenset(made.members(CATEGORY, to_ms(START)))},
    )


@cache
def _own_files() -> Mapping[str, str]:
    made, now_ms = market(), to_ms(START)
    files = {f"caps_{part}.csv": _caps(made, made.coins[part::4], now_ms) for part in range(4)}
    members = [f"{each.slug},{coin}\n" for each in made.categories for coin in sorted(made.members(each.slug, now_ms))]
    return files | {"categories.csv": "category,coin_id\n" + "".join(members)}


def _caps(made: Market, coins: Sequence[FakeCoin], now_ms: int) -> str:
    text = StringIO()
    rows = csv.writer(text)
    rows.writerow(["coin_id", "ts", "market_cap_usd", "price_usd", "volume_usd", "name", "symbol"])
    for coin in coins:
        year = made.chart(coin.id, start_ms=now_ms - 366 * DAY_MS, end_ms=now_ms, step_ms=DAY_MS, now_ms=now_ms)
        for chart in (year, made.present(coin.id, now_ms)):
            for ms, *figures in zip(chart.ts_ms, chart.caps, chart.prices, chart.volumes, strict=True):
                rows.writerow([coin.id, iso(ms), *figures, coin.name, coin.symbol])
    return text.getvalue()


WORLDS: Mapping[str, Opener] = {"coingecko": coingecko, "coinpaprika": coinpaprika, "folder": own_files}
NETWORKED = tuple(name for name in WORLDS if name != "folder")
