"""Markets by the hundred coins, always the same for the same seed.

The largest coins bear the ids of real ones, so that an ordinary config works; caps fall with rank as real ones do.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from functools import cache

from marketflows_pipeline_tests.fakes.market import (
    FOREVER_MS,
    CapFlaw,
    FakeCategory,
    FakeCoin,
    Market,
    Membership,
    to_ms,
)
from marketflows_pipeline_tests.fakes.price_paths import DAY_MS, HOUR_MS

START = datetime(2026, 9, 18, 4, 0, tzinfo=UTC)

LARGEST_CAP_USD = 2.2e12
CAP_FALL = 1.6

# id, symbol, name, price level in USD, categories
KNOWN_COINS: tuple[tuple[str, str, str, float, tuple[str, ...]], ...] = (
    ("bitcoin", "btc", "Bitcoin", 110_000, ("layer-1", "smart-contract-platform")),
    ("ethereum", "eth", "Ethereum", 4_200, ("layer-1", "smart-contract-platform")),
    ("tether", "usdt", "Tether", 1, ("stablecoins",)),
    ("ripple", "xrp", "XRP", 2.9, ("layer-1", "made-in-usa")),
    ("binancecoin", "bnb", "BNB", 950, ("layer-1", "smart-contract-platform")),
    ("solana", "sol", "Solana", 230, ("layer-1", "made-in-usa", "smart-contract-platform")),
    ("usd-coin", "usdc", "USDC", 1, ("stablecoins", "made-in-usa")),
    ("dogecoin", "doge", "Dogecoin", 0.26, ("meme-token", "layer-1")),
    ("tron", "trx", "TRON", 0.34, ("layer-1",)),
    ("cardano", "ada", "Cardano", 0.9, ("layer-1", "made-in-usa")),
    ("hyperliquid", "hype", "Hyperliquid", 55, ("layer-1", "decentralized-finance-defi")),
    ("chainlink", "link", "Chainlink", 24, ("made-in-usa", "decentralized-finance-defi")),
    ("avalanche-2", "avax", "Avalanche", 33, ("layer-1", "made-in-usa")),
    ("sui", "sui", "Sui", 3.7, ("layer-1", "made-in-usa")),
    ("stellar", "xlm", "Stellar", 0.39, ("layer-1", "made-in-usa")),
    ("bitcoin-cash", "bch", "Bitcoin Cash", 600, ("layer-1",)),
    ("hedera-hashgraph", "hbar", "Hedera", 0.24, ("layer-1", "made-in-usa")),
    ("litecoin", "ltc", "Litecoin", 115, ("layer-1", "made-in-usa")),
    ("shiba-inu", "shib", "Shiba Inu", 0.000013, ("meme-token",)),
    ("polkadot", "dot", "Polkadot", 4.4, ("layer-1",)),
    ("uniswap", "uni", "Uniswap", 9.6, ("made-in-usa", "decentralized-finance-defi")),
    ("near", "near", "NEAR Protocol", 3.1, ("layer-1", "made-in-usa", "artificial-intelligence")),
    ("bittensor", "tao", "Bittensor", 340, ("artificial-intelligence",)),
    ("aave", "aave", "Aave", 300, ("decentralized-finance-defi",)),
    ("aptos", "apt", "Aptos", 4.5, ("layer-1", "made-in-usa")),
    ("render-token", "render", "Render", 3.8, ("artificial-intelligence", "made-in-usa")),
    ("pepe", "pepe", "Pepe", 0.000011, ("meme-token",)),
    ("academy token", "acad", "Academy Token", 0.02, ()),
)
# id, symbol, name, price level in USD, cap in USD, categories
WRAPPED_COINS = (
    ("wrapped-bitcoin", "wbtc", "Wrapped Bitcoin", 110_000.0, 1.4e10, ("decentralized-finance-defi", "wrapped-tokens")),
    ("staked-ether", "steth", "Lido Staked Ether", 4_200.0, 3.6e10, ("decentralized-finance-defi",)),
    ("weth", "weth", "WETH", 4_200.0, 1.1e10, ("decentralized-finance-defi", "wrapped-tokens")),
)
CATEGORIES = (
    FakeCategory("layer-1", "Layer 1 (L1)"),
    FakeCategory("made-in-usa", "Made in USA"),
    FakeCategory("stablecoins", "Stablecoins"),
    FakeCategory("smart-contract-platform", "Smart Contract Platform"),
    FakeCategory("decentralized-finance-defi", "Decentralized Finance (DeFi)"),
    FakeCategory("artificial-intelligence", "Artificial Intelligence (AI)"),
    FakeCategory("meme-token", "Meme"),
)
# Apart from the others: coins are drawn into those, and of this one every member is hidden unless asked for.
WRAPPED_TOKENS = FakeCategory("wrapped-tokens", "Wrapped-Tokens")
REMOVED_SLUG = "presale-meme-coins"
STABLE_VOLATILITY = 0.01


def generate(
    n_coins: int, seed: int = 7, *, start: datetime = START, has_churn: bool = True, has_flaws: bool = True
) -> Market:
    """A market of ``n_coins`` listed coins at ``start``, and three wrapped ones.

    Args:
        n_coins: coins that are listed and ranked at ``start``.
        seed: two markets of one seed are the same.
        start: the moment around which coins and members change.
        has_churn: some coins are young, and in the 60 days after ``start`` coins are listed and delisted, members of
            categories change, and one category is removed.
        has_flaws: some coins have missing or impossible caps, lost points, unequal arrays, null fields, late refreshes.
    """
    now_ms = to_ms(start)
    removed = FakeCategory(REMOVED_SLUG, "Presale Meme", removed_at_ms=now_ms + 10 * DAY_MS if has_churn else now_ms)
    coins = _coins(n_coins, seed, now_ms, has_churn=has_churn, has_flaws=has_flaws)
    return Market(coins, (*CATEGORIES, WRAPPED_TOKENS, removed))


@cache
def _coins(n_coins: int, seed: int, now_ms: int, *, has_churn: bool, has_flaws: bool) -> tuple[FakeCoin, ...]:
    rng = random.Random(seed)
    coins = [_coin(rank, rng, now_ms, has_churn=has_churn, has_flaws=has_flaws) for rank in range(1, n_coins + 1)]
    coins += [
        FakeCoin(
            id=coin_id, symbol=symbol, name=name, level_usd=level, supply=cap / level, seed=rng.getrandbits(40),
            volatility=0.8, is_rehypothecated=True, memberships=tuple(Membership(slug) for slug in slugs),
        )
        for coin_id, symbol, name, level, cap, slugs in WRAPPED_COINS
    ]  # fmt: skip
    if has_churn:
        coins += [_newcomer(number, rng, now_ms) for number in range(1, max(2, n_coins // 50) + 1)]
    return tuple(coins)


def _coin(rank: int, rng: random.Random, now_ms: int, *, has_churn: bool, has_flaws: bool) -> FakeCoin:
    coin_seed = rng.getrandbits(40)
    cap = LARGEST_CAP_USD * rank**-CAP_FALL
    drawn = 10 ** rng.uniform(-5, 3)
    slugs = tuple(category.slug for category in CATEGORIES if rng.random() < 0.12)
    refresh_ms = rng.randrange(45_000, 240_000)
    if rank <= len(KNOWN_COINS):
        coin_id, symbol, name, level, slugs = KNOWN_COINS[rank - 1]
    else:
        coin_id, symbol, name, level = f"coin-{rank:05d}", f"c{rank}", f"Coin {rank}", drawn
    memberships = tuple(_stay(slug, rng, now_ms, changes=has_churn and rank > 4) for slug in slugs)
    is_young = has_churn and rank % 31 == 14
    leaves = has_churn and rank % 47 == 30
    flaw = _flaw(rank) if has_flaws else None
    return FakeCoin(
        id=coin_id,
        symbol=symbol,
        name=name,
        level_usd=level,
        supply=cap / level,
        seed=coin_seed,
        volatility=STABLE_VOLATILITY if "stablecoins" in slugs and rank <= len(KNOWN_COINS) else rng.uniform(0.6, 1.6),
        memberships=memberships,
        listed_at_ms=now_ms - rng.randrange(2 * DAY_MS, 300 * DAY_MS) if is_young else 0,
        delisted_at_ms=now_ms + rng.randrange(DAY_MS, 60 * DAY_MS) if leaves else FOREVER_MS,
        refresh_ms=rng.randrange(3 * HOUR_MS, 6 * HOUR_MS) if has_flaws and rank % 53 == 40 else refresh_ms,
        cap_flaw=flaw,
        loses_points=has_flaws and rank % 11 == 4,
        has_unequal_arrays=has_flaws and rank % 7 == 3,
        is_sparse=has_flaws and rank % 61 == 20,
    )


def _flaw(rank: int) -> CapFlaw | None:
    match rank % 97:
        case 50:
            return "always_null"
        case 75:
            return "always_zero"
        case _:
            return "now_and_then" if rank % 9 == 2 else None


def _stay(slug: str, rng: random.Random, now_ms: int, *, changes: bool) -> Membership:
    turn_ms = now_ms + rng.randrange(DAY_MS // 2, 45 * DAY_MS)
    draw = rng.random()
    if not changes or draw > 0.3:
        return Membership(slug)
    return Membership(slug, to_ms=turn_ms) if draw < 0.15 else Membership(slug, from_ms=turn_ms)


def _newcomer(number: int, rng: random.Random, now_ms: int) -> FakeCoin:
    level = 10 ** rng.uniform(-4, 2)
    return FakeCoin(
        id=f"newcomer-{number}",
        symbol=f"new{number}",
        name=f"Newcomer {number}",
        level_usd=level,
        supply=rng.uniform(1.5e8, 2e10) / level,
        seed=rng.getrandbits(40),
        volatility=1.5,
        memberships=(Membership("made-in-usa"),) if number % 2 else (),
        listed_at_ms=now_ms + rng.randrange(HOUR_MS, 40 * DAY_MS),
    )
