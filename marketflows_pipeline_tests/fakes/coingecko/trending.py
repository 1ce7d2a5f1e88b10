"""What CoinGecko shows of trending searches: coins of the market with money as text, NFTs, categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from marketflows_pipeline_tests.fakes.coingecko.bodies import Quote, Row, Snapshot
from marketflows_pipeline_tests.fakes.price_paths import HOUR_MS, chance

N_COINS = 15
N_NFTS = 7
N_CATEGORIES = 6
IMAGES = "https://coin-images.coingecko.com"
# People lose interest in a coin within some hours.
INTEREST_MS = 6 * HOUR_MS


def trending(snapshot: Snapshot, categories: Sequence[Row], n_members: dict[str, int]) -> dict[str, Any]:
    """The answer of /search/trending.

    Args:
        snapshot: the coins' figures now.
        categories: rows of /coins/categories.
        n_members: coins in each category.
    """
    quotes = _wanted(snapshot)
    rows = snapshot.rows(quotes, has_wider_rank=False, has_sparkline=False, periods=())
    (bitcoin,) = [quote for quote in snapshot.quotes if quote.coin.id == "bitcoin"] or snapshot.quotes[:1]
    # Beside dollars there are changes in some sixty currencies; against bitcoin stands for them.
    change_of_bitcoin = snapshot.rows([bitcoin], has_wider_rank=False, has_sparkline=False, periods=())[0][
        "price_change_percentage_24h"
    ]
    return {
        "coins": [
            {"item": _item(quote, row, score, bitcoin.price, change_of_bitcoin or 0.0)}
            for score, (quote, row) in enumerate(zip(quotes, rows, strict=True))
        ],
        "nfts": [_nft(number) for number in range(1, N_NFTS + 1)],
        "categories": [
            _category(row, number, n_members[row["id"]], bitcoin.price)
            for number, row in enumerate([row for row in categories if row["market_cap"]][:N_CATEGORIES], 1)
        ],
    }


def _wanted(snapshot: Snapshot) -> list[Quote]:
    """The coins that are drawn for these hours; the last is one without a rank, as new and wrapped coins are."""
    seeds = np.array([quote.coin.seed for quote in snapshot.quotes], dtype=np.int64)
    draws = chance(seeds + 23, np.full_like(seeds, snapshot.now_ms // INTEREST_MS)).tolist()
    drawn = [quote for _, quote in sorted(zip(draws, snapshot.quotes, strict=True), key=lambda pair: -pair[0])]
    unranked = [quote for quote in drawn if quote.rank is None][:1]
    ranked = [quote for quote in drawn if quote.rank is not None][: N_COINS - len(unranked)]
    return ranked + unranked


def _item(quote: Quote, row: Row, score: int, btc_usd: float, change_of_bitcoin: float) -> dict[str, Any]:
    number = quote.position + 1
    item = {
        "id": quote.coin.id,
        "coin_id": number,
        "name": quote.coin.name,
        "symbol": quote.coin.symbol.upper(),
        "market_cap_rank": row["market_cap_rank"],
        "thumb": f"{IMAGES}/coins/images/{number}/standard/coin.png",
        "small": f"{IMAGES}/coins/images/{number}/small/coin.png",
        "large": f"{IMAGES}/coins/images/{number}/large/coin.png",
        "slug": quote.coin.id.replace(" ", "-"),
        "price_btc": quote.price / btc_usd,
        "score": score,
    }
    if quote.coin.is_sparse:
        return item
    change = row["price_change_percentage_24h"]
    cap = quote.cap or 0
    return item | {
        "data": {
            "price": quote.price,
            "price_btc": _decimals(quote.price / btc_usd),
            "price_change_percentage_24h": {
                "usd": change,
                "btc": 100 * ((1 + change / 100) / (1 + change_of_bitcoin / 100) - 1),
            },
            "market_cap": "" if quote.cap is None else money(quote.cap),
            "market_cap_btc": _decimals(cap / btc_usd),
            "total_volume": money(quote.volume),
            "total_volume_btc": _decimals(quote.volume / btc_usd),
            "sparkline": f"https://data.coingecko.com/coins/{number}/sparkline.svg",
            "content": {"title": "What is it?", "description": "A coin."} if score % 3 == 1 else None,
        }
    }


def _nft(number: int) -> dict[str, Any]:
    return {
        "id": f"collection-{number}",
        "name": f"Collection {number}",
        "symbol": f"NFT{number}",
        "thumb": f"{IMAGES}/nft_contracts/images/{number}/standard/collection.jpg",
        "nft_contract_id": number,
        "native_currency_symbol": "eth",
        "floor_price_in_native_currency": 6.98,
        "floor_price_24h_percentage_change": 8.231790820932737,
        "data": {
            "floor_price": "6.98 ETH",
            "floor_price_in_usd_24h_percentage_change": "8.231790820932737",
            "h24_volume": "6.10 ETH",
            "h24_average_sale_price": "6.10 ETH",
            "sparkline": f"https://data.coingecko.com/nft/{number}/sparkline.svg",
            "content": None,
        },
    }


def _category(row: Row, number: int, n_members: int, btc_usd: float) -> dict[str, Any]:
    return {
        "id": number,
        "name": row["name"],
        "top_3_coins_images": row["top_3_coins"],
        "market_cap_1h_change": 0.1591461077485745,
        "slug": row["id"],
        "coins_count": str(n_members),
        "data": {
            "market_cap": row["market_cap"],
            "market_cap_btc": row["market_cap"] / btc_usd,
            "total_volume": row["volume_24h"],
            "total_volume_btc": row["volume_24h"] / btc_usd,
            "market_cap_change_percentage_24h": {"usd": row["market_cap_change_24h"]},
            "sparkline": f"https://data.coingecko.com/categories/{number}/sparkline.svg",
        },
    }


def money(dollars: float) -> str:
    """Whole dollars as the service writes them: ``$521,967,819``."""
    sign = "-" if dollars < 0 else ""
    return f"{sign}${abs(round(dollars)):,}"


def _decimals(number: float) -> str:
    return np.format_float_positional(number, trim="0")
