"""The coins of a market under CoinPaprika's ids and tags, and some coins of its own.

The ids can't be derived from those of CoinGecko, the tags leave out what one would look for in them, and coins that are
gone stay in the list of all coins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from marketflows_pipeline_tests.fakes.coingecko.bodies import Quote, Snapshot
from marketflows_pipeline_tests.fakes.generate import REMOVED_SLUG
from marketflows_pipeline_tests.fakes.market import FakeCoin, Market, Membership

# Where symbol and name do not make the id.
IDS = {"binancecoin": "bnb-binance-coin", "usd-coin": "usdc-usd-coin", "aave": "aave-new"}
TAGS = {
    "stablecoins": "stablecoin",
    "wrapped-tokens": "wrapped-token",
    "decentralized-finance-defi": "defi",
    "artificial-intelligence": "ai",
    "smart-contract-platform": "smart-contracts",
    REMOVED_SLUG: "presale",
}
OWN_TAGS = {
    "liquid-staking-tokens-lst": "Liquid Staking Tokens (LST)",
    "liquid-restaking-tokens": "Liquid Restaking Tokens",
    "op-token": "Optimism Token",
}

# What a tag should hold, and does not.
OMITTED = frozenset({"weth-weth", "wbtc-wrapped-bitcoin", "steth-lido-staked-ether"})
LONG_GONE_MS = 1_600_000_000_000
# Far below the list of any free account, though it is no small one of ours.
OUTSIDE = frozenset({"grc-gridcoin"})


def _own(
    coin_id: str, name: str, level: float, cap: float, *tags: str, is_gone: bool = False, has_cap: bool = True
) -> FakeCoin:
    return FakeCoin(
        id=coin_id,
        symbol=coin_id.partition("-")[0],
        name=name,
        level_usd=level,
        supply=cap / level,
        seed=sum(map(ord, coin_id)) * 1_000_003,
        memberships=tuple(map(Membership, tags)),
        delisted_at_ms=LONG_GONE_MS if is_gone else 1 << 62,
        cap_flaw=None if has_cap else "always_zero",
    )


OWN_COINS = (
    _own("usdc-usdc", "USDC", 1.0, 5e9, is_gone=True),
    _own("fct-factom", "Factom", 1.5, 1e7, is_gone=True),
    _own("luna-terra", "Terra Classic", 0.00006, 3e8),
    _own("luna-terra-v2", "Terra", 0.2, 1.4e8),
    _own("cbbtc-coinbase-btc", "Coinbase BTC", 110_000.0, 6e9, "wrapped-token"),
    _own("jitosol-jitosol", "JitoSOL", 280.0, 2.5e9, "liquid-staking-tokens-lst"),
    _own("ezeth-renzo", "Renzo ezETH", 4_400.0, 1.2e9, "liquid-restaking-tokens"),
    _own("usdt-avalanche-bridge", "Avalanche Bridged USDT", 1.0, 1.1e9),
    _own("grc-gridcoin", "GridCoin", 0.017, 8e6, "layer-1", has_cap=False),
)
OWN_IDS = frozenset(coin.id for coin in OWN_COINS)


@dataclass(frozen=True)
class FakeTag:
    """A tag and the ids in it."""

    slug: str
    name: str
    coins: list[str]


@dataclass(frozen=True)
class Shown:
    """A coin's figures, its place by market cap among all, and the market that they are of."""

    quote: Quote
    rank: int
    market: Market


class Listing:
    """Coins of a market as CoinPaprika has them."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._own = Market(OWN_COINS)

    @cached_property
    def _coins(self) -> dict[str, tuple[Market, int]]:
        """Markets and positions by CoinPaprika's ids."""
        return {
            paprika_id(coin): (market, at)
            for market in (self._market, self._own)
            for at, coin in enumerate(market.coins)
        }

    def coins(self, now_ms: int) -> Iterator[tuple[str, FakeCoin, bool]]:
        """Id, coin, and whether it is listed, of each that is or was."""
        for coin_id, (market, at) in self._coins.items():
            coin = market.coins[at]
            if coin.listed_at_ms <= now_ms:
                yield coin_id, coin, market.coin(coin.id, now_ms) is not None

    def find(self, coin_id: str) -> tuple[Market, int] | None:
        """The market and the position of a coin, listed or not."""
        return self._coins.get(coin_id)

    def shown(self, now_ms: int) -> list[Shown]:
        """All listed coins by falling market cap; those without one come last."""
        quotes = [(quote, market) for market in (self._market, self._own) for quote in Snapshot(market, now_ms).quotes]
        quotes.sort(key=lambda each: (paprika_id(each[0].coin) in OUTSIDE, -(each[0].cap or 0)))
        return [
            Shown(quote, 7_533 if paprika_id(quote.coin) in OUTSIDE else rank, market)
            for rank, (quote, market) in enumerate(quotes, 1)
        ]

    def tags(self, now_ms: int) -> list[FakeTag]:
        """The tags with their coins, of which a list of tickers need not hold each."""
        kept = [category for category in self._market.categories if now_ms < category.removed_at_ms]
        of_market = [
            FakeTag(TAGS.get(each.slug, each.slug), each.name, self._market_members(each.slug, now_ms)) for each in kept
        ]
        tags = [*of_market, *(FakeTag(slug, name, []) for slug, name in OWN_TAGS.items())]
        return [FakeTag(tag.slug, tag.name, sorted({*tag.coins, *_own_members(tag.slug)})) for tag in tags]

    def _market_members(self, slug: str, now_ms: int) -> list[str]:
        members = self._market.members(slug, now_ms)
        ids = [paprika_id(coin) for coin in self._market.coins if coin.id in members]
        return [each for each in ids if each not in OMITTED or slug != "wrapped-tokens"]


def _own_members(tag: str) -> list[str]:
    return [coin.id for coin in OWN_COINS if any(stay.slug == tag for stay in coin.memberships)]


def paprika_id(coin: FakeCoin) -> str:
    """CoinPaprika's id of a coin of either market."""
    if coin.id in OWN_IDS:
        return coin.id
    slug = re.sub(r"[^a-z0-9]+", "-", coin.name.lower()).strip("-")
    return IDS.get(coin.id, f"{coin.symbol}-{slug}")
