"""Set open interest, leverage, volumes and stablecoin reserves of exchanges side by side."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.exchanges.asset_classes import STABLECOINS
from marketflows_pipeline.transforms.exchanges.league import listed_exchanges
from marketflows_pipeline.transforms.ratios import percent_of
from marketflows_pipeline.transforms.sums import order_independent_sum


def exchange_positions(snapshot: pl.DataFrame, by_class: pl.DataFrame, exchanges: pl.DataFrame) -> pl.DataFrame:
    """Shares of open interest and volumes, derivatives against spot, stablecoins (``mart.exchange_positions``).

    ``derivatives_of_volume = 100 derivatives / (spot + derivatives)``, null unless both are known; shares are of all of
    the snapshot that have the figure. Stablecoin reserves are those of the exchange's newest record of tokens; 0 where
    that has none of them, null where there is no record.

    Args:
        snapshot: rows of ``raw.cex_snapshots`` of the newest observation; empty before the first.
        by_class: slug, day, asset_class, reserves_usd, as in ``mart.exchange_netflow_by_class``.
        exchanges: as in ``core.exchanges``.

    Returns:
        The columns of ``mart.exchange_positions`` by its key.
    """
    is_stable = pl.col("asset_class") == STABLECOINS
    held = (
        by_class.filter(pl.col("day") == pl.col("day").max().over("slug"))
        .sort("slug", "asset_class")
        .group_by("slug", maintain_order=True)
        .agg(
            stablecoins_day=pl.col("day").first(),
            all_usd=order_independent_sum("reserves_usd"),
            is_valued=pl.col("reserves_usd").is_not_null().any(),
            stablecoin_reserves_usd=pl.col("reserves_usd").filter(is_stable).sum(),
        )
        .with_columns(stablecoin_reserves_usd=pl.when("is_valued").then("stablecoin_reserves_usd"))
    )
    spot, derivatives = pl.col("spot_volume_usd"), pl.col("derivatives_volume_usd")
    both = spot + derivatives
    return (
        listed_exchanges(snapshot, exchanges)
        .join(held, on="slug", how="left")
        .lazy()
        .with_columns(
            open_interest_share_pct=_share("open_interest_usd"),
            spot_share_pct=_share("spot_volume_usd"),
            derivatives_share_pct=_share("derivatives_volume_usd"),
            derivatives_of_volume_pct=percent_of(derivatives, both),
            stablecoin_reserves_pct=percent_of(pl.col("stablecoin_reserves_usd"), pl.col("all_usd")),
        )
        .pipe(table("mart.exchange_positions").stored_form)
    )


def _share(column: str) -> pl.Expr:
    return percent_of(pl.col(column), order_independent_sum(column))
