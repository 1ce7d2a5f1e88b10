"""Measure how many coins take part in a move: advances, moving averages, bitcoin beaten, concentration, order of size.

Every share is over coins whose figures are known, says how many these are, and is null where they are fewer than 8.
"""

from __future__ import annotations

import polars as pl
from polars import selectors as cs

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.market_caps.daily_closes import DAY, every_day
from marketflows_pipeline.transforms.market_caps.metrics import smoothed
from marketflows_pipeline.transforms.sums import order_independent_sum

LEAST_COINS = 8
EMA_SPANS = (20, 50, 200)
BEAT_DAYS = (7, 30, 90)
CHURN_DAYS = 7
MCCLELLAN_FAST, MCCLELLAN_SLOW = 19, 39

_SERIES = ("category", "series")
_ROW = (*_SERIES, "ts")
_PRICE, _CAP = pl.col("price_usd"), pl.col("market_cap_usd")


def breadth(closes: pl.DataFrame, universes: pl.DataFrame, *, bitcoin_id: str) -> pl.DataFrame:
    """Breadth and leadership of each universe at each close t (``mart.breadth``).

    Members are those of t-1. With r the price return from t-1 to t, C the market cap, A and D the counts of coins
    with r > 0 and r < 0::

        advance_decline = 1000 (A - D) / (A + D), and 0 where no coin moved
        mcclellan       = EMA 19 - EMA 39 of it, each seeded with its first value, null for the first 38 steps
        above_ema_s_pct = share of coins with s closes or more whose price is above its EMA over s closes
        beat_bitcoin    = share of coins other than bitcoin whose return is above bitcoin's; equal is not beaten
        cap-weighted    = sum(C[t-1] r) / sum(C[t-1])
        dispersion      = standard deviation (n - 1) of r, unweighted
        hhi_index       = 10,000 sum(s²) with s = C[t] / sum(C[t]); n_effective = 10,000 / hhi_index
        rank_churn_7d   = 1 - correlation of the ranks by C[t-7] and C[t], equal caps sharing their mean rank

    The ratio-adjusted advance-decline and its oscillator are Sherman and Marian McClellan's; the churn is one less
    Spearman's coefficient: 0 where the order stayed, 1 where it says nothing of the one before.

    Args:
        closes: coin_id, ts (consecutive days at 00:00 UTC), market_cap_usd, price_usd (in one unit throughout).
        universes: category, series, coin_id, ts (the close at which a member is one), is_backfilled.
        bitcoin_id: how the provider of the closes calls bitcoin.

    Returns:
        The columns of ``mart.breadth`` by (category, series, ts): every day from a series' first with a known coin.
    """
    entry = table("mart.breadth")
    if closes.is_empty() or universes.is_empty():
        return entry.empty()
    by_day = _by_universe_and_day(_figures_of_coins(closes, bitcoin_id), universes)
    rows = _with_every_day(by_day).lazy().with_columns(_null_under_least())
    return entry.stored_form(rows.with_columns(mcclellan=_mcclellan().over(_SERIES)))


def _by_universe_and_day(figures: pl.DataFrame, universes: pl.DataFrame) -> pl.DataFrame:
    """Counts and measures of each universe at the close after each at which it has members.

    Universes, coins and days are numbers here: the row of a coin's figures is then known without a join, and groups
    that stand together cost half of scattered ones. Within a group coins come by id, so that sums are the same in every
    run.
    """
    first = pl.lit(figures.get_column("ts").min(), figures.schema["ts"])
    coins = figures.select("coin_id", pl.col("coin").cast(pl.Int64)).unique()
    names = universes.select(_SERIES).unique().sort(_SERIES).with_row_index("universe")
    n_days, n_coins = figures.height // coins.height, coins.height
    coin, day, row = pl.col("coin"), pl.col("day"), pl.col("row")
    members = (
        universes.lazy()
        .with_columns(day=(pl.col("ts") + DAY - first).dt.total_days())
        # Before the first close nothing is known of any coin.
        .filter(day.is_between(0, n_days - 1))
        .join(coins.lazy(), on="coin_id", how="left")
        .join(names.lazy(), on=_SERIES)
        .select(
            "is_backfilled",
            "coin",
            place=coin * n_days + day,
            row=pl.col("universe").cast(pl.Int64) * n_days + day,
        )
        .sort(row * (n_coins + 1) + coin.fill_null(n_coins))
        .collect()
    )
    known = figures.lazy().select(
        "change", "market_cap_usd", "cap_then", "gain_usd", "base_usd", cs.starts_with("is_above_", "has_beaten_")
    )
    of_members = known.select(pl.all().gather(members.get_column("place"))).with_columns(
        members.get_column("row").set_sorted(), members.get_column("is_backfilled")
    )
    return (
        of_members.group_by("row", maintain_order=True)
        .agg(pl.col("is_backfilled").any(), n_members=pl.len(), **_counts(), **_measures())
        .with_columns(universe=(row // n_days).cast(pl.UInt32), ts=first + pl.duration(days=row % n_days))
        .join(names.lazy(), on="universe")
        .drop("row", "universe")
        .collect()
    )


def _figures_of_coins(closes: pl.DataFrame, bitcoin_id: str) -> pl.DataFrame:
    """What each coin adds to the measures at each close; every coin has a row a day, so that a step is a day."""
    days = closes.select(every_day(pl.col("ts").min(), pl.col("ts").max()).alias("ts"))
    coins = closes.select("coin_id").unique().sort("coin_id").with_row_index("coin")
    every = coins.join(days, how="cross", maintain_order="left_right").with_columns(pl.col("coin").set_sorted())
    known = every.join(
        closes.select("coin_id", "ts", "market_cap_usd", "price_usd"),
        on=["coin_id", "ts"],
        how="left",
        maintain_order="left",
    )
    n_closes = _PRICE.cum_count()
    relatives = {f"relative_{days}d": _PRICE / _PRICE.shift(days) for days in (1, *BEAT_DAYS)}
    of_coins = known.lazy().with_columns(
        cap_before=_CAP.shift(1).over("coin"),
        cap_then=_CAP.shift(CHURN_DAYS).over("coin"),
        **{name: relative.over("coin") for name, relative in relatives.items()},
        **{
            f"is_above_{span}": pl.when(n_closes >= span).then(smoothed(_PRICE, span) < _PRICE).over("coin")
            for span in EMA_SPANS
        },
    )
    bitcoin = of_coins.filter(pl.col("coin_id") == bitcoin_id).select(
        "ts", *(pl.col(f"relative_{days}d").alias(f"bitcoin_{days}d") for days in BEAT_DAYS)
    )
    return (
        of_coins.join(bitcoin, on="ts", how="left", maintain_order="left")
        .with_columns(
            change=pl.col("relative_1d") - 1,
            **{
                f"has_beaten_{days}": pl.when(pl.col("coin_id") != bitcoin_id).then(
                    pl.col(f"relative_{days}d") > pl.col(f"bitcoin_{days}d")
                )
                for days in BEAT_DAYS
            },
        )
        .with_columns(
            gain_usd=pl.col("cap_before") * pl.col("change"),
            base_usd=pl.when(pl.col("change").is_not_null()).then("cap_before"),
        )
        .collect()
    )


def _counts() -> dict[str, pl.Expr]:
    change = pl.col("change")
    return {
        "n": change.count(),
        "n_advancing": (change > 0).sum(),
        "n_declining": (change < 0).sum(),
        **{f"n_ema_{span}": pl.col(f"is_above_{span}").filter(change.is_not_null()).count() for span in EMA_SPANS},
        **{f"n_beat_{days}d": pl.col(f"has_beaten_{days}").count() for days in BEAT_DAYS},
        "n_ranked_7d": _is_ranked().sum(),
    }


def _is_ranked() -> pl.Expr:
    return pl.col("cap_then").is_not_null() & _CAP.is_not_null()


def _measures() -> dict[str, pl.Expr]:
    """The measures of one universe and close, whatever the number of coins."""
    change = pl.col("change")
    is_known = change.is_not_null()
    advancing, declining = (change > 0).sum().cast(pl.Float64), (change < 0).sum().cast(pl.Float64)
    moved = advancing + declining
    caps = _CAP.filter(is_known)
    share = caps / caps.sum()
    hhi = 10_000 * (share * share).sum()
    weighted = 100 * order_independent_sum("gain_usd") / order_independent_sum("base_usd")
    median = 100 * change.median()
    then, now = (cap.filter(_is_ranked()).rank("average") for cap in (pl.col("cap_then"), _CAP))
    return {
        "advance_decline": pl.when(moved > 0).then(1000 * (advancing - declining) / moved).otherwise(0.0),
        **{f"above_ema_{span}_pct": 100 * pl.col(f"is_above_{span}").filter(is_known).mean() for span in EMA_SPANS},
        **{f"beat_bitcoin_{days}d_pct": 100 * pl.col(f"has_beaten_{days}").mean() for days in BEAT_DAYS},
        "median_return_pct": median,
        "cap_weighted_return_pct": weighted,
        "median_minus_cap_weighted_pct": median - weighted,
        "dispersion_pct": 100 * change.std(ddof=1),
        "hhi_index": hhi,
        "n_effective": 10_000 / hhi,
        "rank_churn_7d": 1 - pl.corr(then, now),
    }


def _with_every_day(by_day: pl.DataFrame) -> pl.DataFrame:
    """A row a day of each series from its first with a known coin; days without any have no measure and 0 coins."""
    counts = [name for name in by_day.columns if name.startswith("n_") and name != "n_effective"]
    known = by_day.filter(pl.col("n") > 0)
    last = known.get_column("ts").max()
    every = (
        known.group_by(_SERIES)
        .agg(ts=every_day(pl.col("ts").min(), pl.lit(last, pl.Datetime("us", "UTC"))))
        .explode("ts")
        .sort(_ROW)
    )
    return every.join(by_day, on=_ROW, how="left", maintain_order="left").with_columns(
        pl.col("n", *counts).fill_null(0),
        # A day without members is no longer before the first stored one, nor is it of today's.
        pl.col("is_backfilled").fill_null(value=False),
    )


def _null_under_least() -> list[pl.Expr]:
    """Each measure, null where it or the whole universe is of fewer than 8 coins."""
    own = {
        **{f"above_ema_{span}_pct": f"n_ema_{span}" for span in EMA_SPANS},
        **{f"beat_bitcoin_{days}d_pct": f"n_beat_{days}d" for days in BEAT_DAYS},
        "rank_churn_7d": "n_ranked_7d",
    }
    return [
        pl.when(pl.col("n") >= LEAST_COINS, pl.col(own.get(name, "n")) >= LEAST_COINS)
        # Ranks that are all equal have no correlation.
        .then(pl.col(name).fill_nan(None))
        .alias(name)
        for name in _measures()
    ]


def _mcclellan() -> pl.Expr:
    ratio = pl.col("advance_decline")
    step = pl.int_range(pl.len())
    steps = step - pl.when(ratio.is_not_null()).then(step).min()
    oscillator = smoothed(ratio, MCCLELLAN_FAST) - smoothed(ratio, MCCLELLAN_SLOW)
    return pl.when(steps >= MCCLELLAN_SLOW - 1).then(oscillator)
