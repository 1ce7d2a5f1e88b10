"""Who holds what: exchanges of real names with each flaw that was seen, and protocols that are none."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from marketflows_pipeline_tests.fakes.defillama.market import (
    DAY_S,
    FakeProtocol,
    Holding,
    level_of,
    slug_of,
    to_s,
)

CHAINS = ("Bitcoin", "Ethereum", "Tron", "Binance", "Solana", "Arbitrum", "Polygon", "Ripple")
# Most wanted first, and the chain that a token is held on; several where it is on more than one.
COMMON_TOKENS: dict[str, tuple[str, ...]] = {
    "BTC": ("Bitcoin",),
    "ETH": ("Ethereum", "Binance"),
    "USDT": ("Ethereum", "Tron"),
    "USDC": ("Ethereum", "Solana"),
    "SOL": ("Solana",),
    "XRP": ("Ripple",),
    "TRX": ("Tron",),
    "LINK": ("Ethereum",),
}
OTHER_CATEGORIES = ("Lending", "Liquid Staking", "Bridge", "Canonical Bridge", "Chain", "RWA", "Yield", "Derivatives")
GROWN_TOKENS = 250
GROWN_DAYS = 1_400


@dataclass(frozen=True)
class FakeExchange:
    """A row of the overview of centralised exchanges.

    Attributes:
        slug: as the overview spells it, capitals and all; None is no slug at all.
        protocol: what its wallets hold; None is not measured.
        nulls: whether figures that are not measured are null rather than absent.
        spot_btc, deriv_btc, open_interest_btc: figures of the 24 hours before, 0 where there are none.
    """

    name: str
    slug: str | None
    protocol: FakeProtocol | None = None
    coin: str | None = None
    own_tokens: tuple[str, ...] = ()
    cg_id: str | None = None
    cg_spot_id: str | None = None
    cg_deriv: str | None = None
    nulls: bool = False
    spot_btc: float = 0.0
    deriv_btc: float = 0.0
    open_interest_btc: float = 0.0

    @property
    def excluded(self) -> tuple[str, ...]:
        """Tokens that its clean assets and inflows leave out."""
        return tuple(dict.fromkeys([*([self.coin] if self.coin else []), *self.own_tokens]))


@dataclass(frozen=True)
class Cast:
    """All protocols, and the overview of the exchanges among them."""

    protocols: tuple[FakeProtocol, ...]
    exchanges: tuple[FakeExchange, ...]
    volume_ids: tuple[str, ...]

    def protocol(self, slug: str) -> FakeProtocol | None:
        """The protocol of a slug in any case."""
        return next((each for each in self.protocols if each.slug == slug_of(slug)), None)


# name of the protocol, slug in the overview, name there, reserves in billions of USD, own coin, CoinGecko ids
_MEASURED: tuple[tuple[str, str, str, float, str | None, str | None, str | None, str | None], ...] = (
    ("Binance CEX", "Binance-CEX", "Binance", 139.0, "BNB", "binance", "binance", "binance_futures"),
    ("OKX", "okx", "OKX", 28.0, "OKB", "okex", "okex", "okex_swap"),
    ("Bitfinex", "bitfinex", "Bitfinex", 24.0, "LEO", "bitfinex", "bitfinex", "bitfinex_futures"),
    ("Robinhood", "robinhood", "Robinhood", 14.0, None, None, None, None),
    ("Bybit", "Bybit", "Bybit", 13.0, "BIT", "bybit_spot", "bybit-spot", "bybit"),
    ("Gemini", "gemini", "Gemini", 7.0, None, "gemini", "gemini", None),
    ("HTX", "htx", "HTX", 6.5, "HT", "huobi", None, "huobi_dm"),
    ("Gate", "Gate", "Gate", 9.1, "GT", "gate", None, "gate_futures"),
    ("Bitget", "bitget", "Bitget", 6.1, "BGB", "bitget", "bitget", "bitget_futures"),
    ("Kraken", "kraken", "Kraken", 5.4, None, "kraken", "kraken", "kraken_futures"),
    ("Crypto-com", "Crypto-com", "Crypto.com", 5.2, "CRO", "crypto_com", None, "crypto_com_futures"),
    ("KuCoin", "kucoin", "KuCoin", 4.3, "KCS", "kucoin", "kucoin", "kumex"),
    ("MEXC", "mexc", "MEXC", 3.9, "MX", "mxc", None, "mxc_futures"),
    ("Deribit", "deribit", "Deribit", 3.2, None, None, "deribit", "deribit"),
    ("Bitstamp", "bitstamp", "Bitstamp", 2.4, None, "bitstamp", "bitstamp", None),
    ("Bitmex", "bitmex", "Bitmex", 1.9, None, "bitmex_spot", None, "bitmex"),
    ("Bitkub", "bitkub", "Bitkub", 1.2, "KUB", "bitkub", "bitkub", None),
    ("BingX", "bingx", "BingX", 0.6, None, "bingx", "bingx", None),
    ("CoinEx", "coinex", "CoinEx", 0.3, "CET", "coinex", "coinex", "coinex_futures"),
)
_UNMEASURED = (
    FakeExchange("Coinbase", None, cg_id="gdax", cg_spot_id="gdax", spot_btc=21_000, nulls=True),
    FakeExchange("Upbit", None, cg_id="upbit", cg_spot_id="upbit", spot_btc=17_000),
    FakeExchange("Bithumb", "", cg_id="bithumb", cg_spot_id="bithumb", spot_btc=8_000),
    FakeExchange("NEXO", None),
    FakeExchange("Phemex", "phemex", cg_id="phemex", cg_deriv="phemex_futures", spot_btc=900, deriv_btc=9_000),
    FakeExchange("Klever Exchange", "klever-exchange", coin="KLV", cg_id="klever_exchange", spot_btc=12),
)
_DEXS = (
    ("Uniswap V3", "parent#uniswap", "UNI", "uniswap"),
    ("Uniswap V2", "parent#uniswap", "UNI", "uniswap"),
    ("PancakeSwap AMM", "parent#pancakeswap", "CAKE", "pancakeswap-token"),
    ("Curve DEX", "parent#curve-finance", "CRV", "curve-dao-token"),
    ("Raydium AMM", None, "RAY", "raydium"),
    ("Trader Joe's Book", None, "-", None),
)


def make_cast(seed: int, start: datetime, *, days: int, fillers: int, grown: str | None = None) -> Cast:
    """Exchanges and protocols whose changes fall into the weeks before `start`.

    Args:
        seed: of all quantities.
        start: when the last of the planned changes is over.
        days: days of history before that.
        fillers: protocols that are neither exchange.
        grown: slug of an exchange with so many tokens and days that its answer is more than 40 MB.
    """
    rng = random.Random(seed)
    start_s = to_s(start)
    began_s = start_s - days * DAY_S
    exchanges = []
    for number, (protocol_name, slug, name, billions, coin, cg_id, spot_id, deriv_id) in enumerate(_MEASURED):
        holdings = _exchange_holdings(rng, billions * 1e9, coin, began_s)
        protocol = FakeProtocol(
            str(2269 + number),
            protocol_name,
            "CEX",
            holdings,
            began_s,
            symbol=coin or "-",
            gecko_id=coin.lower() if coin else None,
            mcap=1.2e9 if coin else None,
        )
        exchanges.append(
            FakeExchange(
                name,
                slug,
                _flawed(protocol, start_s)
                if protocol.slug != grown
                else _grown(protocol, rng, start_s, billions * 1e9),
                coin,
                ("MNT",) if name == "Bybit" else (),
                cg_id,
                spot_id,
                deriv_id,
                spot_btc=1_500 * billions if cg_id else 0.0,
                deriv_btc=6_000 * billions if deriv_id else 0.0,
                open_interest_btc=900 * billions if deriv_id else 0.0,
            )
        )
    others = [*_dexs(rng, began_s), *_fillers(rng, fillers, began_s)]
    measured = [each.protocol for each in exchanges if each.protocol]
    # The service's own list misspells one id, and holds some that its overview lacks.
    ids = [each.cg_spot_id for each in (*exchanges, *_UNMEASURED) if each.cg_spot_id]
    return Cast((*measured, *others), (*exchanges, *_UNMEASURED), (*ids, "huobi", "crypto_com", "mxc", "whitebit"))


def _exchange_holdings(rng: random.Random, reserves_usd: float, coin: str | None, began_s: int) -> tuple[Holding, ...]:
    """A few tokens with the lion's share, each on one or two chains."""
    shares = [(token, 0.55**at) for at, token in enumerate(COMMON_TOKENS)] + ([(coin, 0.25)] if coin else [])
    whole = sum(share for _, share in shares)
    holdings = []
    for token, share in shares:
        usd = reserves_usd * share / whole * rng.uniform(0.8, 1.2)
        chains = COMMON_TOKENS.get(token, ("Ethereum",))
        holdings += [
            Holding(chain, token, usd / len(chains) / level_of(token), rng.randrange(1 << 30), from_s=began_s)
            for chain in chains
        ]
    return tuple(holdings)


def _flawed(protocol: FakeProtocol, start_s: int) -> FakeProtocol:
    """The protocol with the flaw that its exchange stands for."""

    def before(days: int) -> int:
        return (start_s // DAY_S - days) * DAY_S

    held = protocol.holdings
    changed: dict[str, Any] = {}
    match protocol.slug:
        case "binance-cex":
            # Coins of its own move to wallets that are not known.
            changed = {"holdings": _jumping(held, "BNB", before(20), 0.4)}
        case "okx":
            changed = {"holdings": _renamed(held, "WETH", "ETH", before(45))}
        case "bybit":
            comes = Holding("Ethereum", "PEPE", 4e12, 501, from_s=before(30))
            goes = Holding("Solana", "SHIB", 9e12, 502, to_s=before(15))
            changed = {"holdings": (*held, comes, goes)}
        case "kraken":
            arbitrum = Holding("Arbitrum", "USDC", 3e8, 503, from_s=before(60))
            polygon = Holding("Polygon", "USDT", 2e8, 504, from_s=before(25))
            changed = {"holdings": (*held, arbitrum, polygon)}
        case "kucoin":
            changed = {"tokens_late_days": 10, "loses_days": True}
        case "deribit":
            changed = {"holdings": tuple(replace(each, swing=0.0) for each in held)}
        case "bitmex":
            changed = {"breakdown": "null"}
        case "bitkub":
            changed = {"breakdown": "empty", "is_misrepresented": True}
        case "coinex":
            changed = {"holdings": (*held, Holding("Ethereum-staking", "CET", 1e8, 505))}
    return replace(protocol, **changed)


def _renamed(holdings: Sequence[Holding], old: str, new: str, at_s: int) -> tuple[Holding, ...]:
    """The same quantities, at first under the old name and then under the new one."""
    first = [replace(each, token=old, to_s=at_s) for each in holdings if each.token == new]
    then = [replace(each, from_s=at_s) if each.token == new else each for each in holdings]
    return (*then, *first)


def _jumping(holdings: Sequence[Holding], token: str, at_s: int, factor: float) -> tuple[Holding, ...]:
    return tuple(replace(each, jump_s=at_s, jump=factor) if each.token == token else each for each in holdings)


def _grown(protocol: FakeProtocol, rng: random.Random, start_s: int, reserves_usd: float) -> FakeProtocol:
    """The protocol with a history as long, and tokens as many, as those of the largest exchange."""
    began_s = start_s - GROWN_DAYS * DAY_S
    known = [*COMMON_TOKENS, *([protocol.symbol] if protocol.symbol != "-" else [])]
    names = [*known, *(f"TOKEN{number}" for number in range(GROWN_TOKENS - len(known)))]
    holdings = []
    for at, token in enumerate(names):
        for chain in (CHAINS[at % 8], CHAINS[(at + 3) % 8])[: 1 if at % 4 else 2]:
            usd = reserves_usd * 0.97**at / 33 * rng.uniform(0.5, 1.5)
            holdings.append(Holding(chain, token, usd / level_of(token), rng.randrange(1 << 30), from_s=began_s))
    return replace(protocol, holdings=tuple(holdings), started_s=began_s)


def _dexs(rng: random.Random, began_s: int) -> list[FakeProtocol]:
    made = []
    for number, (name, parent, symbol, gecko_id) in enumerate(_DEXS):
        usd = 6e9 / (number + 1)
        holdings = _pool_holdings(rng, usd, began_s)
        if name == "Uniswap V2":
            holdings = (
                *holdings,
                Holding("Ethereum-staking", "UNI", 1e7, rng.randrange(1 << 30)),
                Holding("staking", "UNI", 1e7, 7),
            )
        made.append(
            FakeProtocol(
                str(2190 + number), name, "Dexs", holdings, began_s, symbol, parent, gecko_id, 5e9 if gecko_id else None
            )
        )
    return [*made, FakeProtocol("5000", "Yet Unmeasured Swap", "Dexs", has_adapter=False)]


def _fillers(rng: random.Random, number: int, began_s: int) -> list[FakeProtocol]:
    made = []
    for at in range(number):
        category = OTHER_CATEGORIES[at % len(OTHER_CATEGORIES)] if at % 17 else None
        holdings = _pool_holdings(rng, 2e9 / (at + 1), began_s)
        made.append(
            FakeProtocol(str(10_000 + at), f"Protocol {at}", category, holdings, began_s, has_adapter=at % 13 != 5)
        )
    return made


def _pool_holdings(rng: random.Random, usd: float, began_s: int) -> tuple[Holding, ...]:
    return tuple(
        Holding(chain, token, usd / 3 / level_of(token), rng.randrange(1 << 30), from_s=began_s)
        for chain, token in (("Ethereum", "WETH"), ("Ethereum", "USDC"), ("Arbitrum", "USDC"))
    )
