"""What two providers are asked so that the coins of one can be found at the other."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketflows_pipeline.providers.protocols.market_caps import IdDirectory
from marketflows_pipeline.transforms.market_caps.id_map import COINS, CONTRACTS, PLATFORMS, candidates, map_ids
from marketflows_pipeline.transforms.market_caps.symbols import with_price


def most_calls(own: IdDirectory, other: IdDirectory, n_coins: int) -> dict[str, int]:
    """Calls at most that `propose_ids` makes for so many coins, by provider."""
    return {own.name: 1 + own.most_calls(n_coins), other.name: 2 + other.most_calls(n_coins)}


def propose_ids(own: IdDirectory, other: IdDirectory, wanted: Sequence[str]) -> pl.DataFrame:
    """The other provider's id of each coin, or why there is none, as `map_ids` has it.

    Figures of the other provider are those of its largest coins; of a coin that has no candidate among them, the
    candidates are requested by id.

    Raises:
        ProviderError: one of the services fails for good.
        CreditsExhaustedError: the month's credits of one are used up.
    """
    listed, others = with_price(own.coin_list()), with_price(other.coin_list())
    contracts = own.contracts(PLATFORMS).filter(pl.col("coin_id").is_in(list(wanted)))
    shared = [platform for platform in PLATFORMS if platform in set(contracts["platform"])]
    other_contracts = other.contracts(shared) if shared else CONTRACTS.to_frame()
    page = other.largest()
    pairs = candidates(wanted, listed, others, contracts, other_contracts).with_columns(
        is_shown=pl.col("other_id").is_in(page["coin_id"].implode())
    )
    elsewhere = pairs.filter(~pl.col("is_shown").any().over("coin_id"))["other_id"]
    figures = pl.concat([page, other.by_ids(elsewhere)])
    return map_ids(
        wanted, _with_figures(listed, own.by_ids(wanted)), _with_figures(others, figures), contracts, other_contracts
    )


def _with_figures(coins: pl.DataFrame, markets: pl.DataFrame) -> pl.DataFrame:
    figures = markets.select("coin_id", "price_usd", "market_cap_usd").unique("coin_id", keep="first")
    return coins.join(figures, on="coin_id", how="left", maintain_order="left").select(COINS.names())
