"""Sort the tokens of reserves into bitcoin, ether, dollar stablecoins and the rest, by symbol."""

from __future__ import annotations

import polars as pl

BTC, ETH, STABLECOINS, OTHER = "btc", "eth", "stablecoins", "other"
CLASSES = (BTC, ETH, STABLECOINS, OTHER)

# Claims that a custodian or the chain itself exchanges one for one; what earns a yield is another quantity.
_BITCOINS = ("BTC", "WBTC", "BTCB", "CBBTC", "BBTC", "HBTC")
_ETHERS = ("ETH", "WETH")
# Pegged to one US dollar each, so that a quantity is an amount. Coins of other currencies count as other.
_DOLLARS = (
    "USDT", "USDT0", "USDC", "DAI", "USDS", "USDE", "FDUSD", "TUSD", "BUSD", "PYUSD", "USDD", "USD1", "RLUSD", "USDP",
    "PAX", "GUSD", "LUSD", "FRAX", "USDG", "USDB", "USD0", "CRVUSD", "GHO", "USDX", "USDJ", "USDK", "HUSD",
    "SUSD", "AUSD", "USDF", "USDTB",
)  # fmt: skip
_CLASS_OF = dict.fromkeys(_BITCOINS, BTC) | dict.fromkeys(_ETHERS, ETH) | dict.fromkeys(_DOLLARS, STABLECOINS)


def asset_class(token: pl.Expr) -> pl.Expr:
    """The class of a token by its symbol in any case of letters; one that no list holds is ``other``.

    A symbol is not unique: a worthless token called USDT would count as a dollar, at its value, not at one.
    """
    return token.str.to_uppercase().replace_strict(_CLASS_OF, default=OTHER, return_dtype=pl.String)
