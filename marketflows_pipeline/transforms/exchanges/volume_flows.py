"""Rank where trading volume goes up and down."""

from __future__ import annotations

from datetime import date

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.exchanges.volumes import volume_statistics
from marketflows_pipeline.transforms.moments import utc_day
from marketflows_pipeline.transforms.ratios import percent_of
from marketflows_pipeline.transforms.unusualness import zscore

_VOLUME, _TRUST = pl.col("volume_24h_btc"), pl.col("trust_score")
_DAY = utc_day("observed_at")
_TRUSTED, _HALF_TRUSTED = 7, 5


def exchange_flows(
    listing: pl.DataFrame,
    volumes: pl.DataFrame,
    exchanges: pl.DataFrame,
    *,
    btc_price_usd: float | None,
    inflow_pct: float,
    outflow_pct: float,
) -> pl.DataFrame:
    """Each listed exchange's volume, its change and what that is called (``mart.exchange_flows``).

    ``volume_change_pct = 100 (volume now - mean) / mean`` with the mean of the 7 days before, and
    ``volume_zscore = (volume now - mean of 60 days) / their standard deviation``, see `volume_statistics`.
    The direction is ``inflow`` from ``inflow_pct`` on, ``outflow`` down from ``outflow_pct``, else ``stable``.

    Args:
        listing: rows of ``raw.exchanges``, each exchange at its newest observation, whose day in UTC is its today.
        volumes: exchange_id, day, volume_24h_btc as `daily_volumes` gives them.
        exchanges: exchange_id, is_centralised, is_tracked as `exchange_map` gives them.
        btc_price_usd: price of a bitcoin at that observation; None where it is not known.
        inflow_pct: change in percent from which on volume counts as inflow, above 0.
        outflow_pct: change in percent down from which volume counts as outflow, below 0.

    Returns:
        The columns of ``mart.exchange_flows`` by exchange_id. Shares are over all rows that have a volume; places of
        equal volumes are by exchange_id.
    """
    price = pl.lit(btc_price_usd, pl.Float64)
    mean, total = pl.col("volume_7d_mean_btc"), _VOLUME.sum()
    change = pl.col("volume_change_pct")
    known = exchanges.lazy().filter(pl.col("exchange_id").is_not_null())
    return (
        listing.lazy()
        .join(known.select("exchange_id", "is_centralised", "is_tracked"), on="exchange_id", how="left")
        .with_columns(day=_DAY)
        .join(_statistics(listing, volumes), on=["exchange_id", "day"], how="left")
        .sort(_VOLUME, "exchange_id", descending=[True, False], nulls_last=True)
        .with_columns(
            rank=pl.when(_VOLUME.is_not_null()).then(pl.int_range(1, pl.len() + 1)),
            is_tracked=pl.col("is_tracked").fill_null(value=False),
            btc_price_usd=price,
            volume_24h_usd=_VOLUME * price,
            market_share_pct=percent_of(_VOLUME, total),
            volume_change_pct=percent_of(_VOLUME - mean, mean),
            volume_zscore=zscore(_VOLUME, pl.col("volume_60d_mean_btc"), pl.col("volume_60d_sd_btc")),
            history_days=pl.col("history_days").fill_null(0),
            # A guess that takes trust for money; kept so that it can be compared with what is measured.
            trust_heuristic=first_that_holds(
                (_TRUST > _TRUSTED, "inflow"), (_TRUST > _HALF_TRUSTED, "stable"), (_TRUST.is_not_null(), "outflow")
            ),
        )
        .with_columns(
            flow_direction=first_that_holds(
                (change >= inflow_pct, "inflow"), (change <= outflow_pct, "outflow"), (change.is_not_null(), "stable")
            )
        )
        .pipe(table("mart.exchange_flows").stored_form)
    )


def _statistics(listing: pl.DataFrame, volumes: pl.DataFrame) -> pl.LazyFrame:
    """What volumes are compared with, for each ``day`` of the listing: rarely read rows may be of yesterday."""
    days = listing.select(_DAY).to_series().unique()
    nothing = pl.LazyFrame(schema={"day": pl.Date, **volume_statistics(volumes.clear(), date.min).schema})
    each_day = (volume_statistics(volumes, day).lazy().select(pl.lit(day).alias("day"), pl.all()) for day in days)
    return pl.concat([nothing, *each_day])
