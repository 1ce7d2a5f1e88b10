"""Describe in words what is not known about exchanges."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.exchanges.id_map import UNMAPPED

_ID, _SLUG = pl.col("exchange_id"), pl.col("defillama_slug")


def exchange_coverage(
    flows: pl.DataFrame,
    exchanges: pl.DataFrame,
    tvl: pl.DataFrame,
    netflow_slugs: Collection[str],
    *,
    unknown: Sequence[str] = (),
) -> pl.DataFrame:
    """Every gap in what is known of an exchange (``mart.exchange_coverage``).

    - ``reserves``: centralised, but without a TVL.
    - ``mapping``: centralised, but only one of the two services knows it; or tracked, but neither does.
    - ``volume``: tracked, but without a volume in the newest list.
    - ``netflow``: tracked, but without any token balances.

    Args:
        flows: exchange_id, volume_24h_btc as `exchange_flows` gives them.
        exchanges: as `exchange_map` gives them.
        tvl: exchange_key, tvl_usd as `exchange_tvl` gives them; decentralised ones have no key.
        netflow_slugs: slugs that have some token balances.
        unknown: tracked names that no exchange has, as `unknown_tracked` gives them.

    Returns:
        The columns of ``mart.exchange_coverage``, by aspect, then the exchange with the largest volume first.
    """
    entry = table("mart.exchange_coverage")
    listed = flows.lazy().select("exchange_id", "volume_24h_btc", is_listed=pl.lit(value=True))
    held = tvl.lazy().select("exchange_key", "tvl_usd", is_in_overview=pl.lit(value=True))
    balanced = pl.Series(sorted(netflow_slugs), dtype=pl.String)
    known = (
        exchanges.lazy()
        .join(listed, on="exchange_id", how="left")
        .join(held.unique("exchange_key", keep="any"), on="exchange_key", how="left")
        .with_columns(has_balances=_SLUG.is_in(balanced.implode()).fill_null(value=False))
        .collect()
        .lazy()
    )
    centralised, tracked = pl.col("is_centralised").fill_null(value=False), pl.col("is_tracked")
    unknown_names = pl.LazyFrame({"exchange_key": list(unknown)}, schema={"exchange_key": pl.String}).with_columns(
        name="exchange_key",
        is_tracked=pl.lit(value=True),
        aspect=pl.lit("mapping"),
        reason=pl.lit("the settings name it, but neither CoinGecko nor DefiLlama knows it"),
    )
    gaps = (
        known.filter(condition).with_columns(aspect=pl.lit(aspect), reason=reason)
        for aspect, condition, reason in (
            ("reserves", centralised & pl.col("tvl_usd").is_null(), _no_reserves()),
            ("mapping", centralised & (pl.col("mapped_by") == UNMAPPED), _no_mapping()),
            ("volume", tracked & pl.col("volume_24h_btc").is_null(), _no_volume()),
            ("netflow", tracked & ~pl.col("has_balances"), _no_netflow()),
        )
    )
    return (
        pl.concat([*gaps, unknown_names], how="diagonal")
        .select(entry.column_names)
        .cast(pl.Schema(entry.polars_schema))
        .sort("aspect", "volume_24h_btc", "exchange_key", descending=[False, True, False], nulls_last=True)
        .collect()
    )


def _no_reserves() -> pl.Expr:
    return first_that_holds(
        (pl.col("is_in_overview"), "DefiLlama lists it, but knows none of its wallets"),
        otherwise="DefiLlama does not list its reserves",
    )


def _no_mapping() -> pl.Expr:
    return first_that_holds(
        (_ID.is_null(), "DefiLlama lists it, but no CoinGecko exchange is known to be the same"),
        otherwise="CoinGecko lists it, but no DefiLlama exchange is known to be the same",
    )


def _no_volume() -> pl.Expr:
    return first_that_holds(
        (_ID.is_null(), "no CoinGecko exchange is known to be the same, and volumes come from there"),
        (pl.col("is_listed").is_null(), "it is not in CoinGecko's newest list of spot exchanges"),
        otherwise="CoinGecko's newest list gives no volume for it",
    )


def _no_netflow() -> pl.Expr:
    return first_that_holds(
        (_SLUG.is_null(), "DefiLlama has no page of its reserves, so no wallet of it is known"),
        otherwise="no token balances of it are stored: none were fetched, or DefiLlama gives none",
    )
