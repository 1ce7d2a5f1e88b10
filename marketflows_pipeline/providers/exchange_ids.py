"""Which exchange of CoinGecko's is which protocol of DefiLlama's, for well-known centralised ones.

The ids of the two services tell exchanges and markets apart differently: CoinGecko's ``bybit`` and ``bitmex`` are
markets of derivatives, DefiLlama's ``bybit`` and ``bitmex`` the whole exchange. Here stand spot markets only.
"""

from __future__ import annotations

from collections.abc import Mapping

DEFILLAMA_SLUGS: Mapping[str, str] = {
    "bigone": "bigone",
    "binance": "binance-cex",
    "bingx": "bingx",
    "bitfinex": "bitfinex",
    "bitget": "bitget",
    "bitkub": "bitkub",
    "bitmart": "bitmart",
    "bitmex_spot": "bitmex",
    "bitrue": "bitrue",
    "bitstamp": "bitstamp",
    "btse": "btse",
    "bybit_spot": "bybit",
    "coindcx": "coindcx",
    "coinex": "coinex",
    "crypto_com": "crypto-com",
    "deribit_spot": "deribit",
    "fastex": "fastex",
    "gate": "gate",
    "gemini": "gemini",
    "huobi": "htx",
    "indodax": "indodax",
    "klever_exchange": "klever-exchange",
    "korbit": "korbit",
    "kraken": "kraken",
    "kucoin": "kucoin",
    "latoken": "latoken",
    "lbank": "lbank",
    "mxc": "mexc",
    "nonkyc_io": "nonkyc",
    "okcoin": "okcoin",
    "okex": "okx",
    "phemex": "phemex",
    "pionex": "pionex",
    "probit": "probit-global",
    "toobit": "toobit",
    "valr": "valr",
    "wootrade": "woo-x",
}
"""CoinGecko's id of the spot market -> DefiLlama's slug in lower case."""
