"""Which id of one provider is which coin of another: by contract, else by symbol, name, price and market cap.

Ids cannot be derived: Aave is ``aave-new`` at CoinPaprika, its ``luna-terra`` is the old coin whose ticker is LUNC, and
USD Coin has two ids there. So a coin is mapped by one of two rules, or not at all, with the reason:

- ``contract``: both providers name the same contract for it. Addresses are compared in lower case, those of Solana
  exactly, where case tells accounts apart.
- ``symbol and name``: only a coin without any contract, such as bitcoin. Symbol and name are the same but for case, no
  other coin of either provider has both, prices are at most 2 % and market caps at most 20 % apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.ratios import is_within

BY_CONTRACT, BY_NAME = "contract", "symbol and name"
# Shares by which prices and market caps may be apart.
PRICE_TOLERANCE, CAP_TOLERANCE = 0.02, 0.20
# By CoinGecko's names. Contracts of other platforms are not compared, and a coin with nothing else is not mapped.
PLATFORMS = (
    "ethereum",
    "binance-smart-chain",
    "polygon-pos",
    "solana",
    "arbitrum-one",
    "avalanche",
    "optimistic-ethereum",
    "base",
)
# Addresses of these platforms are written in Base58, where case matters.
CASED_PLATFORMS = ("solana",)

COINS = pl.Schema(
    {
        "coin_id": pl.String(),
        "symbol": pl.String(),
        "name": pl.String(),
        "price_usd": pl.Float64(),
        "market_cap_usd": pl.Float64(),
    }
)
CONTRACTS = pl.Schema({"platform": pl.String(), "address": pl.String(), "coin_id": pl.String()})
ID_MAP = pl.Schema(dict.fromkeys(("coin_id", "other_id", "other_name", "rule", "reason"), pl.String()))

_NAMES = ("_symbol", "_name")
_OF_OTHER = {"other_id": "coin_id", "other_name": "name", "other_price": "price_usd", "other_cap": "market_cap_usd"}


def map_ids(
    wanted: Sequence[str],
    own: pl.DataFrame,
    other: pl.DataFrame,
    own_contracts: pl.DataFrame | None = None,
    other_contracts: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The other provider's id of each wanted coin, with the rule that found it, or the reason why there is none.

    Two coins that lead to the same id are both left out: one of them is a copy of the other.

    Args:
        wanted: ids of the first provider.
        own: its coins in ``COINS``, all of them, since a symbol and a name have to be unique; figures may be null.
        other: those of the second provider, likewise; a coin that it shows no market of has null figures.
        own_contracts: contracts of the first provider in ``CONTRACTS``, platforms under the same names as the other's.
        other_contracts: those of the second provider.

    Returns:
        A row a wanted coin in ``ID_MAP``, in their order; ``other_id`` and ``rule`` are null where ``reason`` is not.
    """
    coins = pl.DataFrame({"coin_id": list(dict.fromkeys(wanted))}, schema={"coin_id": pl.String})
    asked = coins.join(own.unique("coin_id", keep="first"), on="coin_id", how="left", maintain_order="left")
    contracts = CONTRACTS.to_frame() if own_contracts is None else own_contracts
    others = CONTRACTS.to_frame() if other_contracts is None else other_contracts
    has_contract = pl.col("coin_id").is_in(contracts["coin_id"].implode())
    by_contract = _by_contract(asked.filter(has_contract), contracts, others, other)
    by_name = native_matches(own, other, asked.filter(~has_contract)["coin_id"])
    found = coins.join(pl.concat([by_contract, by_name]), on="coin_id", how="left", maintain_order="left")
    unknown = ~pl.col("coin_id").is_in(own["coin_id"].implode())
    return _one_to_one(
        found.with_columns(
            reason=pl.when(unknown).then(pl.lit("its own provider lists no coin of that id")).otherwise("reason")
        )
    )


def candidates(
    wanted: Sequence[str],
    own: pl.DataFrame,
    other: pl.DataFrame,
    own_contracts: pl.DataFrame,
    other_contracts: pl.DataFrame,
) -> pl.DataFrame:
    """The other provider's coins whose figures `map_ids` would compare, by contract or by symbol and name.

    Args: as of `map_ids`; no figures are needed.

    Returns:
        coin_id and other_id, each pair once, by both.
    """
    with_contract = own_contracts["coin_id"].implode()
    by_name = (
        _with_counts(own, "n")
        .filter(~pl.col("coin_id").is_in(with_contract))
        .join(_with_counts(other, "n").select(*_NAMES, other_id="coin_id"), on=_NAMES)
        .select("coin_id", "other_id")
    )
    pairs = pl.concat([_same_contract(own_contracts, other_contracts), by_name])
    return pairs.filter(pl.col("coin_id").is_in(list(wanted))).unique().sort("coin_id", "other_id")


def native_matches(own: pl.DataFrame, other: pl.DataFrame, wanted: Sequence[str] | pl.Series) -> pl.DataFrame:
    """The coins of the same symbol and name, where both are unique and the figures fit.

    Args:
        own: coins of the first provider in ``COINS``.
        other: those of the second provider.
        wanted: ids of the first provider that are looked for; of others no row is returned.

    Returns:
        A row a wanted coin that ``own`` has, in ``ID_MAP``, by id.
    """
    mine = _with_counts(own, "n_own").filter(pl.col("coin_id").is_in(list(wanted)))
    theirs = _with_counts(other, "n_other").select(*_NAMES, "n_other", **_OF_OTHER)
    joined = mine.join(theirs, on=_NAMES, how="left").sort("coin_id", "other_id").unique("coin_id", keep="first")
    price, cap = _ratio("other_price", "price_usd"), _ratio("other_cap", "market_cap_usd")
    but = "{} has its symbol and name, but "
    reason = first_that_holds(
        (pl.col("other_id").is_null(), "no coin there has its symbol and name, and no contract of it is known"),
        (pl.col("n_own") > 1, "another coin of its own provider has the same symbol and name"),
        (pl.col("n_other") > 1, pl.format("{} coins there have its symbol and name", "n_other")),
        (price.is_null(), pl.format(f"{but}there is no price to compare", "other_id")),
        (~is_within(PRICE_TOLERANCE, price), pl.format(f"{but}its price is {{}} % off", "other_id", _off_pct(price))),
        (cap.is_null(), pl.format(f"{but}there is no market cap to compare", "other_id")),
        (~is_within(CAP_TOLERANCE, cap), pl.format(f"{but}its market cap is {{}} % off", "other_id", _off_pct(cap))),
    )
    return _as_id_map(joined.with_columns(reason=reason), BY_NAME).sort("coin_id")


def _by_contract(
    asked: pl.DataFrame, own_contracts: pl.DataFrame, other_contracts: pl.DataFrame, other: pl.DataFrame
) -> pl.DataFrame:
    """The coins that have the contracts of the asked ones; of several the one with a market, or whose figures fit."""
    figures = other.unique("coin_id", keep="first").select(**_OF_OTHER)
    price, cap = _ratio("other_price", "price_usd"), _ratio("other_cap", "market_cap_usd")
    found = (
        _same_contract(own_contracts, other_contracts)
        .join(figures, on="other_id", how="left")
        .join(asked, on="coin_id", how="semi")
        .join(asked.select("coin_id", "price_usd", "market_cap_usd"), on="coin_id", how="left")
        .with_columns(
            is_listed=pl.col("other_price").is_not_null(),
            fits=(is_within(PRICE_TOLERANCE, price) & is_within(CAP_TOLERANCE, cap)).fill_null(value=False),
        )
        .sort("coin_id", "other_id")
        .with_columns(
            n=pl.len().over("coin_id"),
            n_listed=pl.col("is_listed").sum().over("coin_id"),
            n_fits=pl.col("fits").sum().over("coin_id"),
            names=pl.col("other_id").str.join(", ").over("coin_id"),
        )
    )
    is_chosen = (
        (pl.col("n") == 1)
        | (pl.col("is_listed") & (pl.col("n_listed") == 1))
        | (pl.col("fits") & (pl.col("n_fits") == 1) & (pl.col("n_listed") > 1))
    )
    # The chosen one comes first; where none is, the first one carries the reason.
    each = found.sort("coin_id", ~is_chosen, "other_id", maintain_order=True).unique(
        "coin_id", keep="first", maintain_order=True
    )
    platforms = own_contracts.group_by("coin_id").agg(platforms=pl.col("platform").unique().sort().str.join(", "))
    joined = (
        asked.select("coin_id")
        .join(each, on="coin_id", how="left", maintain_order="left")
        .join(platforms, on="coin_id", how="left", maintain_order="left")
    )
    reason = first_that_holds(
        (pl.col("other_id").is_null(), pl.format("no coin there has its contracts ({})", "platforms")),
        (~is_chosen, pl.format("{} coins there have contracts of it: {}", "n", "names")),
    )
    return _as_id_map(joined.with_columns(reason=reason), BY_CONTRACT)


def _one_to_one(found: pl.DataFrame) -> pl.DataFrame:
    is_shared = pl.col("other_id").is_not_null() & (pl.len().over("other_id") > 1)
    return found.with_columns(
        reason=pl.when(is_shared)
        .then(pl.format("{} would stand for another of these coins too", "other_id"))
        .otherwise("reason"),
        **{name: pl.when(~is_shared).then(name) for name in ("other_id", "other_name", "rule")},
    ).select(ID_MAP.names())


def _as_id_map(joined: pl.DataFrame, rule: str) -> pl.DataFrame:
    is_mapped = pl.col("reason").is_null()
    return joined.with_columns(
        other_id=pl.when(is_mapped).then("other_id"),
        other_name=pl.when(is_mapped).then("other_name"),
        rule=pl.when(is_mapped).then(pl.lit(rule)),
    ).select(pl.col(name).cast(dtype) for name, dtype in ID_MAP.items())


def _with_counts(coins: pl.DataFrame, count: str) -> pl.DataFrame:
    """Coins with symbol and name to compare, and how many coins share both."""
    return (
        coins.unique("coin_id", keep="first")
        .with_columns(_folded("symbol"), _folded("name"))
        .with_columns(pl.len().over(_NAMES).alias(count))
    )


def _folded(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars().str.to_lowercase().alias(f"_{column}")


def _same_contract(own_contracts: pl.DataFrame, other_contracts: pl.DataFrame) -> pl.DataFrame:
    """coin_id and other_id of coins with a contract in common."""
    others = _keyed(other_contracts).rename({"coin_id": "other_id"})
    return _keyed(own_contracts).join(others, on=("platform", "_address")).select("coin_id", "other_id").unique()


def _keyed(contracts: pl.DataFrame) -> pl.DataFrame:
    """Contracts by the form of their address that is compared."""
    is_cased = pl.col("platform").is_in(list(CASED_PLATFORMS))
    address = pl.col("address").str.strip_chars()
    return (
        contracts.with_columns(_address=pl.when(is_cased).then(address).otherwise(address.str.to_lowercase()))
        .filter(pl.col("_address") != "")
        .select("platform", "_address", "coin_id")
        .unique()
    )


def _ratio(other: str, own: str) -> pl.Expr:
    """The other figure over the own one; null where one is missing or 0."""
    both = (pl.col(own) > 0) & (pl.col(other) > 0)
    return pl.when(both).then(pl.col(other) / pl.col(own))


def _off_pct(ratio: pl.Expr) -> pl.Expr:
    return (100 * (ratio - 1)).round(1)
