"""Which exchange of CoinGecko's is which protocol of DefiLlama's, for well-known centralised ones.

The ids of the two services tell exchanges and markets apart differently: CoinGecko's ``bybit`` and ``bitmex`` are
markets of derivatives, DefiLlama's ``bybit`` and ``bitmex`` the whole exchange. Here stand spot markets only.
"""

from __future__ import annotations

from collections.abc import Mapping

_SAME_AT_BOTH = (
    "bigone bingx bitfinex bitget bitkub bitmart bitrue bitstamp btse coindcx coinex fastex gate gemini indodax "
    "korbit kraken kucoin latoken lbank okcoin phemex pionex toobit valr"
)
DEFILLAMA_SLUGS: Mapping[str, str] = {name: name for name in _SAME_AT_BOTH.split()} | {
    "binance": "binance-cex",
    "bitmex_spot": "bitmex",
    "bybit_spot": "bybit",
    "crypto_com": "crypto-com",
    "deribit_spot": "deribit",
    "huobi": "htx",
    "klever_exchange": "klever-exchange",
    "mxc": "mexc",
    "nonkyc_io": "nonkyc",
    "okex": "okx",
    "probit": "probit-global",
    "wootrade": "woo-x",
}
"""CoinGecko's id of the spot market -> DefiLlama's slug in lower case."""
