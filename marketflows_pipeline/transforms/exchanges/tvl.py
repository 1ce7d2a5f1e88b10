"""Rank what exchanges hold: reserves of centralised ones, value locked in decentralised ones."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.exchanges.id_map import name_as_slug, with_exchange_key
from marketflows_pipeline.transforms.ratios import percent_of

CEX, DEX = "cex", "dex"
_CEX_CATEGORY, _DEX_CATEGORY = "CEX", "Dexs"
_CEX_SOURCE, _DEX_SOURCE = "defillama:cexs", "defillama:protocols"
_DETAILS = ("symbol", "change_1d_pct", "change_7d_pct", "mcap_usd", "chains", "url")


def exchange_tvl(snapshot: pl.DataFrame, protocols: pl.DataFrame, exchanges: pl.DataFrame) -> pl.DataFrame:
    """Centralised and decentralised exchanges by what they hold, each kind on its own (``mart.exchange_tvl``).

    Centralised ones are those of the snapshot, with what the protocols say about the same slug beside; one that is not
    measured keeps its row, without a place. Decentralised ones are the protocols of that category that are measured.
    ``dominance = 100 tvl / sum of tvl`` over all measured ones of the kind, not over those shown.

    Args:
        snapshot: rows of ``raw.cex_snapshots`` of the newest observation; empty before the first.
        protocols: rows of ``raw.protocols`` of the newest observation, which may be older; empty before the first.
        exchanges: as `exchange_map` gives them.

    Returns:
        The columns of ``mart.exchange_tvl`` by (kind, slug); ``observed_at`` is that of the snapshot or the protocols.
        Of several snapshot rows of one slug the largest counts; places of equal values are by slug.
    """
    details = protocols.lazy().filter(pl.col("category") == _CEX_CATEGORY).select("slug", *_DETAILS)
    cex = (
        with_exchange_key(snapshot, exchanges)
        .lazy()
        .join(details, on="slug", how="left")
        .select(
            "observed_at",
            "name",
            "exchange_key",
            *_DETAILS[1:],
            kind=pl.lit(CEX),
            slug=pl.coalesce("slug", name_as_slug()),
            symbol=pl.coalesce("symbol", "coin_symbol"),
            category=pl.lit(_CEX_CATEGORY),
            tvl_usd="current_tvl_usd",
            clean_tvl_usd="clean_assets_tvl_usd",
            source=pl.lit(_CEX_SOURCE),
        )
        .sort("tvl_usd", "name", descending=[True, False], nulls_last=True)
        .unique("slug", keep="first", maintain_order=True)
    )
    dex = (
        protocols.lazy()
        .filter(pl.col("category") == _DEX_CATEGORY, pl.col("tvl_usd").is_not_null())
        .select("observed_at", "name", "slug", "category", "tvl_usd", *_DETAILS)
        .with_columns(kind=pl.lit(DEX), source=pl.lit(_DEX_SOURCE))
    )
    return (
        pl.concat([cex, dex], how="diagonal")
        .sort("kind", "tvl_usd", "slug", descending=[False, True, False], nulls_last=True)
        .with_columns(
            rank=pl.when(pl.col("tvl_usd").is_not_null()).then(pl.int_range(1, pl.len() + 1).over("kind")),
            tvl_dominance_pct=_share_of_kind("tvl_usd"),
            clean_dominance_pct=_share_of_kind("clean_tvl_usd"),
        )
        .pipe(table("mart.exchange_tvl").stored_form)
    )


def _share_of_kind(column: str) -> pl.Expr:
    return percent_of(pl.col(column), pl.col(column).sum().over("kind"))
