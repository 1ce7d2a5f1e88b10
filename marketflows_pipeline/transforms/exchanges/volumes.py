"""Compute daily volumes of exchanges, and compare them with their own past.

Every figure is a reading of a rolling 24 h sum; readings are averaged, never added up.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.moments import utc_day
from marketflows_pipeline.transforms.unusualness import varies

MEAN_DAYS, MEAN_MIN_DAYS = 7, 4
SCORE_DAYS, SCORE_MIN_DAYS = 60, 20
_OLDEST_PRICE = timedelta(hours=26)
_LIST = ":exchanges"
LISTING_SOURCE = f"coingecko{_LIST}"
_VOLUME = pl.col("volume_24h_btc")


def daily_volumes(charts: pl.DataFrame, listings: pl.DataFrame, btc_prices: pl.DataFrame) -> pl.DataFrame:
    """Each exchange's volume at its last observation of each UTC day (``core.exchange_volumes``).

    Of a point of a chart and one of the list of exchanges for the same moment, the list's counts. A volume that is
    null, not finite or negative is no observation; 0 is one.

    Args:
        charts: exchange_id, ts, volume_24h_btc, source; first_volume_24h_btc, first_seen_at where known.
        listings: the same of the list of exchanges; all observations, or already the last one of each day. Their source
            ends in ``:exchanges``, that of a chart does not (`is_from_list`); without the column it is CoinGecko's.
        btc_prices: ts, price_usd, in any order. The newest price at or before a point's ts counts, up to 26 hours
            older; without one the figures in dollars are null.

    Returns:
        The columns of ``core.exchange_volumes`` by (exchange_id, day).
    """
    columns = ("exchange_id", "ts", "volume_24h_btc", "source", "first_volume_24h_btc", "known_at")
    listed = listings if "source" in listings.columns else listings.with_columns(source=pl.lit(LISTING_SOURCE))
    # A list is of its own moment, so that its volume was known then and is never revised.
    at_once = listed.with_columns(first_volume_24h_btc="volume_24h_btc", known_at="ts")
    points = pl.concat([_with_first_seen(charts).select(columns), at_once.lazy().select(columns)])
    price = pl.col("price_usd")
    prices = btc_prices.lazy().filter(price.is_finite() & (price > 0)).select("ts", btc_price_usd=price).sort("ts")
    return (
        points.filter(_VOLUME.is_finite() & (_VOLUME >= 0))
        .with_columns(day=utc_day("ts"))
        # The list stands behind the charts above, so it stays behind them at an equal time.
        .sort("ts", maintain_order=True)
        .unique(["exchange_id", "day"], keep="last", maintain_order=True)
        .join_asof(prices, on="ts", strategy="backward", tolerance=_OLDEST_PRICE)
        .with_columns(volume_24h_usd=_VOLUME * pl.col("btc_price_usd"))
        .pipe(table("core.exchange_volumes").stored_form)
    )


def _with_first_seen(charts: pl.DataFrame) -> pl.LazyFrame:
    """The points with what was first seen of them, if that is known."""
    if "first_seen_at" in charts.columns:
        return charts.lazy().with_columns(known_at="first_seen_at")
    never = pl.lit(None, pl.Float64), pl.lit(None, pl.Datetime("us", "UTC"))
    return charts.lazy().with_columns(first_volume_24h_btc=never[0], known_at=never[1])


def is_from_list() -> pl.Expr:
    """Whether a point's source is the list of exchanges rather than the chart of one, whichever service it is of."""
    return pl.col("source").str.ends_with(_LIST)


def volume_statistics(volumes: pl.DataFrame, as_of_day: date) -> pl.DataFrame:
    """What each exchange's volume is compared with: its mean of 7 days, its mean and deviation of 60, today excluded.

    The standard deviation is that of a sample (``n - 1``).

    Args:
        volumes: exchange_id, day, volume_24h_btc as `daily_volumes` gives them.
        as_of_day: today in UTC; the windows are the 7 and 60 days before it.

    Returns:
        exchange_id, volume_7d_mean_btc (null with fewer than 4 days), volume_60d_mean_btc, volume_60d_sd_btc (both null
        with fewer than 20 days or without any deviation), history_days (days of the 60 with a volume) by exchange_id;
        an exchange without any of them is missing.
    """
    days_ago = (pl.lit(as_of_day) - pl.col("day")).dt.total_days()
    week = _VOLUME.filter(days_ago <= MEAN_DAYS)
    mean, deviation = _VOLUME.mean(), _VOLUME.std(ddof=1)
    has_score = (pl.len() >= SCORE_MIN_DAYS) & varies(mean, deviation)
    return (
        volumes.lazy()
        .filter(days_ago.is_between(1, SCORE_DAYS))
        .group_by("exchange_id")
        .agg(
            volume_7d_mean_btc=pl.when(week.len() >= MEAN_MIN_DAYS).then(week.mean()),
            volume_60d_mean_btc=pl.when(has_score).then(mean),
            volume_60d_sd_btc=pl.when(has_score).then(deviation),
            history_days=pl.len().cast(pl.Int32),
        )
        .sort("exchange_id")
        .collect()
    )
