"""List which symbols name one token: wrapped, bridged and renamed ones, each with the day of the change.

An alias holds on all days, since a record under the old name is compared with one under the new name: its date says
from when on a change of names can be met. Add a row where a large token vanishes on the day on which another of the
same size appears, and both are claims on the same thing at the same rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

# The service writes the id of a token whose symbol it does not know.
_ID_PREFIX = "coingecko:"


@dataclass(frozen=True)
class Alias:
    """One more name of a token.

    Attributes:
        name: symbol, or CoinGecko id where the service writes that; in any case of letters.
        token: the symbol that it counts as.
        since: first day on which both names can be met; that of the token itself where the day of renaming is not sure.
        why: what makes them one token.
    """

    name: str
    token: str
    since: date
    why: str


_WRAPPED = "wrapped one for one by a contract that anybody may use"
_POL = "Polygon's token, one POL for one MATIC"
_BRIDGED = "USDC that a bridge holds one for one; renamed when a native one came"
_TRON = "written by name or id instead of symbol"
_EURC = "Circle's euro coin under its former symbol"

ALIASES = (
    Alias("WETH", "ETH", date(2017, 12, 12), _WRAPPED),
    Alias("WBNB", "BNB", date(2020, 9, 3), _WRAPPED),
    Alias("MATIC", "POL", date(2023, 10, 25), _POL),
    Alias("WMATIC", "POL", date(2023, 10, 25), _WRAPPED),
    Alias("WPOL", "POL", date(2024, 9, 4), _WRAPPED),
    Alias("matic-network", "POL", date(2023, 10, 25), _POL),
    Alias("polygon-ecosystem-token", "POL", date(2023, 10, 25), _POL),
    Alias("USDC.E", "USDC", date(2021, 7, 28), _BRIDGED),
    Alias("USDCE", "USDC", date(2021, 7, 28), _BRIDGED),
    Alias("USDBC", "USDC", date(2023, 8, 1), _BRIDGED),
    Alias("AXLUSDC", "USDC", date(2022, 2, 1), _BRIDGED),
    Alias("usd-coin", "USDC", date(2018, 9, 26), "written by id instead of symbol"),
    Alias("bridged-usdc-polygon-pos-bridge", "USDC", date(2023, 10, 10), _BRIDGED),
    Alias("usd-coin-ethereum-bridged", "USDC", date(2023, 6, 8), _BRIDGED),
    Alias("bridged-usd-coin-base", "USDC", date(2023, 9, 5), _BRIDGED),
    Alias("TRON", "TRX", date(2017, 9, 13), _TRON),
    Alias("EUROC", "EURC", date(2022, 6, 30), _EURC),
    Alias("euro-coin", "EURC", date(2022, 6, 30), _EURC),
)
# The tokens themselves too, so that a record may be renamed to `pol` as well as to `POL`.
_TOKENS = {name.upper(): alias.token for alias in ALIASES for name in (alias.name, alias.token)}


def token_of(symbol: pl.Expr) -> pl.Expr:
    """The token that a symbol names; symbols that the table does not know are compared letter by letter."""
    name = symbol.str.strip_prefix(_ID_PREFIX)
    return name.str.to_uppercase().replace_strict(_TOKENS, default=None, return_dtype=pl.String).fill_null(name)


def own_by_slug(own_tokens: pl.DataFrame) -> pl.LazyFrame:
    """slug, own: the tokens of each exchange's own list, comma separated in ``own_tokens``; of several the first."""
    listed = pl.col("own_tokens").str.split(",").list.eval(token_of(pl.element().str.strip_chars()))
    known = own_tokens.lazy().filter(pl.col("own_tokens").str.strip_chars() != "")
    return known.select("slug", own=listed).unique("slug", keep="first", maintain_order=True)
