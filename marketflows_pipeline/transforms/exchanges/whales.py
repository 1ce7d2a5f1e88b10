"""Find coins whose trading volume is unusual for their size: a proxy for large holders at work."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.moments import utc_day
from marketflows_pipeline.transforms.unusualness import zscore

MAX_AGE = timedelta(hours=3)
HISTORY_DAYS = 60
MIN_HISTORY_DAYS = 20
UNUSUAL_ZSCORE = 2.0
UNUSUAL_RATIO_PCT = 10.0
MAX_SCORE = 10

_CHANGE_AFTER, _CHANGE_TOLERANCE = timedelta(hours=24), timedelta(minutes=90)
_PROXY = "A proxy by trading volume over market cap, no transaction is seen; scored by "
_METHODS = {
    "zscore": f"{_PROXY}the z-score of that ratio against the coin's own 60 days before.",
    "ratio": f"{_PROXY}the ratio alone, for want of 20 days of history that vary.",
}
_RATIO = 100 * pl.col("volume_24h_usd") / pl.col("market_cap_usd")


def whale_signals(
    observations: pl.DataFrame,
    trending: pl.DataFrame,
    coins: pl.DataFrame,
    excluded: Iterable[str],
    *,
    observed_at: datetime,
) -> pl.DataFrame:
    """Volume against market cap of trending and tracked coins, scored (``mart.whale_signals``).

    ``r = 100 volume_24h / market_cap``. With ``r_d`` the last ratio of each day in UTC among the 60 before that of
    ``observed_at``, ``z = (r - mean r_d) / standard deviation of r_d`` (n - 1); null with fewer than 20 days or where
    they do not vary. ``score = 2 z``, without one ``r / 5``, cut to 0 .. 10; unusual is ``z >= 2``, without one
    ``r > 10``. ``ratio_heuristic = floor(r / 5)``, at most 10. ``signal_type`` names the sign of the price change, as
    the first answer of this kind did: accumulation up, distribution down. It says nothing of who buys.

    A coin is shown if it has a market cap above 0 and a volume that were observed at most 3 hours before
    ``observed_at``. Of a coin that is trending and tracked the trending figures count, if it has any. The 24 h change
    is given for trending coins; for tracked ones it is the price against that nearest to 24 h before it, within 90
    minutes, else null.

    Args:
        observations: coin_id, ts, market_cap_usd, price_usd, volume_usd of tracked coins over the last 62 days.
        trending: coin_id, observed_at, position and the figures of ``raw.trending_coins`` at its newest observation.
        coins: coin_id, symbol, name of tracked coins; a coin that is missing goes by its id.
        excluded: ids of coins that are left out.
        observed_at: the moment that "newest" and "today" refer to, aware.

    Returns:
        The columns of ``mart.whale_signals`` by coin_id.
    """
    left_out = pl.Series("coin_id", list(excluded), pl.String).implode()
    is_wanted = ~pl.col("coin_id").is_in(left_out)
    usable = observations.lazy().filter(is_wanted, pl.col("market_cap_usd") > 0, pl.col("volume_usd").is_not_null())
    shown = trending.lazy().filter(is_wanted, pl.col("observed_at") >= observed_at - MAX_AGE)
    is_first = pl.col("coin_id").is_first_distinct()
    is_unusual, change = pl.col("volume_zscore") >= UNUSUAL_ZSCORE, pl.col("price_change_24h_pct")
    return (
        pl.concat([_of_trending(shown), _of_tracked(usable, observations, coins, observed_at)])
        .filter(is_first)
        .join(_history(usable, observed_at).lazy(), on="coin_id", how="left")
        .join(shown.select("coin_id", is_trending=pl.lit(value=True)).unique(), on="coin_id", how="left")
        .with_columns(
            pl.col("history_days").fill_null(0),
            pl.col("is_trending").fill_null(value=False),
            observed_at=pl.lit(observed_at.astimezone(UTC)).cast(pl.Datetime("us", "UTC")),
            volume_to_mcap_pct=_RATIO,
            volume_zscore=pl.when(pl.col("history_days") >= MIN_HISTORY_DAYS).then(
                zscore(_RATIO, pl.col("mean"), pl.col("deviation"))
            ),
        )
        .with_columns(
            *_scores(),
            is_unusual=is_unusual.fill_null(pl.col("volume_to_mcap_pct") > UNUSUAL_RATIO_PCT),
            signal_type=first_that_holds((change > 0, "accumulation"), (change < 0, "distribution")),
        )
        .with_columns(_rank(), method=pl.col("score_basis").replace_strict(_METHODS, return_dtype=pl.String))
        .sort("coin_id")
        .select(table("mart.whale_signals").column_names)
        .collect()
    )


def _of_trending(trending: pl.LazyFrame) -> pl.LazyFrame:
    return (
        trending.filter(pl.col("market_cap_usd") > 0, pl.col("volume_24h_usd").is_not_null())
        .sort("position", "coin_id")
        .select(
            "coin_id",
            pl.col("symbol").str.to_uppercase(),
            "name",
            "market_cap_rank",
            "market_cap_usd",
            "volume_24h_usd",
            "price_change_24h_pct",
            "source",
        )
    )


def _of_tracked(
    usable: pl.LazyFrame, observations: pl.DataFrame, coins: pl.DataFrame, observed_at: datetime
) -> pl.LazyFrame:
    """The newest figures of each tracked coin, in the columns of `_of_trending`."""
    newest = (
        usable.filter(pl.col("ts") >= observed_at - MAX_AGE)
        .filter(pl.col("ts") == pl.col("ts").max().over("coin_id"))
        .with_columns(day_before=pl.col("ts") - _CHANGE_AFTER)
    )
    prices = observations.lazy().filter(pl.col("price_usd") > 0).select("coin_id", "price_usd", day_before="ts")
    # Both sides are sorted by time; polars cannot see that within coins and would warn.
    compared = newest.sort("day_before").join_asof(
        prices.sort("day_before"),
        on="day_before",
        by="coin_id",
        strategy="nearest",
        tolerance=_CHANGE_TOLERANCE,
        suffix="_before",
        check_sortedness=False,
    )
    return (
        compared.join(coins.lazy().select("coin_id", "symbol", "name"), on="coin_id", how="left")
        .sort("coin_id")
        .select(
            "coin_id",
            pl.col("symbol").fill_null(pl.col("coin_id")).str.to_uppercase(),
            pl.col("name").fill_null(pl.col("coin_id")),
            market_cap_rank=pl.lit(None, pl.Int32),
            market_cap_usd="market_cap_usd",
            volume_24h_usd="volume_usd",
            price_change_24h_pct=100 * (pl.col("price_usd") / pl.col("price_usd_before") - 1),
            source=pl.lit("raw.market_caps"),
        )
    )


def _history(usable: pl.LazyFrame, observed_at: datetime) -> pl.DataFrame:
    """The last ratio of each of the 60 days before today, as coin_id, mean, deviation, history_days."""
    today = observed_at.astimezone(UTC).date()
    ratio = 100 * pl.col("volume_usd") / pl.col("market_cap_usd")
    day = utc_day("ts")
    return (
        usable.filter(day >= today - timedelta(days=HISTORY_DAYS), day < today)
        .group_by("coin_id", day=day)
        .agg(ratio=ratio.sort_by("ts").last())
        .sort("coin_id", "day")
        .group_by("coin_id", maintain_order=True)
        .agg(
            mean=pl.col("ratio").mean(),
            deviation=pl.col("ratio").std(ddof=1),
            history_days=pl.len().cast(pl.Int32),
        )
        # Collected alone: within the plan of a join the optimizer drops this order, and with it the last bits.
        .collect()
    )


def _scores() -> tuple[pl.Expr, ...]:
    zscore, fifth = pl.col("volume_zscore"), pl.col("volume_to_mcap_pct") / 5
    by_zscore = zscore.is_not_null()
    return (
        pl.when(by_zscore).then(2 * zscore).otherwise(fifth).clip(0, MAX_SCORE).alias("whale_activity_score"),
        first_that_holds((by_zscore, "zscore"), otherwise="ratio").alias("score_basis"),
        fifth.floor().clip(0, MAX_SCORE).cast(pl.Int32).alias("ratio_heuristic"),
    )


def _rank() -> pl.Expr:
    order = pl.struct(
        ~pl.col("is_unusual"), -pl.col("whale_activity_score"), -pl.col("volume_to_mcap_pct"), pl.col("coin_id")
    )
    return order.rank("ordinal").cast(pl.Int32).alias("rank")
