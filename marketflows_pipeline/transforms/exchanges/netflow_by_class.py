"""Sum the flows of tokens by class of asset: bitcoin, ether, stablecoins, the rest."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.exchanges.asset_classes import OTHER, asset_class
from marketflows_pipeline.transforms.sums import order_independent_sum

_KEY = ("slug", "day", "asset_class")


def netflow_by_class(flows: pl.DataFrame, netflow: pl.DataFrame) -> pl.DataFrame:
    """Net flow and reserves of each class on each day (``mart.exchange_netflow_by_class``).

    Sums over the tokens of a class of what `token_flows` says of each. A token that is left out has no flow, and its
    value counts in the reserves. A token counted on another basis than before has a flow of 0. Where a class has no
    kept token its net flow is null; over the classes the others sum to that of the exchange.

    Args:
        flows: all days, as `token_flows` returns them.
        netflow: slug, day, exchange_key, name, as in ``mart.exchange_netflow``.

    Returns:
        The columns of ``mart.exchange_netflow_by_class`` by its key: each class that the record has a token of.
    """
    is_kept, has_units = pl.col("flow_mid_usd").is_not_null(), pl.col("asset_class") != OTHER
    moved = pl.when(pl.col("basis_ratio").is_null()).then(pl.col("quantity") - pl.col("quantity_before")).otherwise(0.0)
    is_there = pl.col("value_usd").is_not_null() | (pl.col("quantity").is_not_null() & (pl.col("quantity") != 0))
    sums = ("flow_mid_usd", "price_effect_mid_usd", "moved", "value_usd", "held")
    return (
        flows.lazy()
        .with_columns(asset_class=asset_class(pl.col("token")), moved=pl.when(is_kept).then(moved), held="quantity")
        .group_by(_KEY)
        .agg(
            pl.col("ts", "previous_day").first(),
            *(order_independent_sum(name).alias(name) for name in sums),
            is_valued=pl.col("value_usd").is_not_null().any(),
            is_counted=pl.col("quantity").filter(is_there).is_not_null().all() & is_there.any(),
            n_tokens=is_there.sum().cast(pl.Int32),
            n_tokens_kept=is_kept.sum().cast(pl.Int32),
        )
        .join(netflow.lazy().select("slug", "day", "exchange_key", "name"), on=["slug", "day"])
        .with_columns(
            netflow_mid_usd=_where_kept("flow_mid_usd"),
            price_effect_mid_usd=_where_kept("price_effect_mid_usd"),
            netflow_units=pl.when(has_units).then(_where_kept("moved")),
            reserves_usd=pl.when("is_valued").then("value_usd"),
            reserves_units=pl.when(has_units & pl.col("is_counted")).then("held"),
        )
        .pipe(table("mart.exchange_netflow_by_class").stored_form)
    )


def _where_kept(column: str) -> pl.Expr:
    return pl.when(pl.col("n_tokens_kept") > 0).then(column)
