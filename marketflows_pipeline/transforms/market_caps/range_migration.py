"""Follow coins between market-cap ranges, and sum what crossed each limit, net and gross."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import polars as pl

from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.market_caps.daily_closes import DAY

PERIODS = (1, 7, 30)
_RANGES = {"from_range": "from_limit", "to_range": "to_limit"}


def range_migration(
    places: pl.DataFrame,
    *,
    since: datetime,
    known_from: pl.DataFrame,
    gone: Collection[str],
    periods: Sequence[int] = PERIODS,
) -> pl.DataFrame:
    """Coins that are in another range than some days before (``mart.range_migration``).

    `moved` between two ranges; `entered` and `left` across the smallest limit, with the cap beyond it where it is
    stored; `listed` where the coin's history is complete and begins in between; `delisted` where the service no longer
    has its id. A coin's own move stays with the range it came from; it arrives at its cap after.

    Args:
        places: coin_id, ts, lower_limit_usd, market_cap_usd at daily closes, as `range_places` gives them.
        since: the first close at which the cohort was stored; before it only today's survivors are known.
        known_from: coin_id, known_from: since when a coin's history was asked for and answered.
        gone: coins that the service no longer lists.
        periods: days between the two closes.

    Returns:
        period_days, ts_from, ts, coin_id, from_range, to_range (null outside of all ranges), cap_before_usd,
        cap_after_usd (null where not stored), kind by (period_days, ts, coin_id).
    """
    stored = places.filter(pl.col("ts") >= since)
    coins = stored.select("coin_id").unique().with_row_index("coin")
    last = stored.get_column("ts").max()
    width = (last - since) // DAY + 1 if isinstance(last, datetime) else 1
    # Coins and days are numbers here: joins of one number cost a third of those of texts and times.
    at = pl.col("coin").cast(pl.Int64) * width + pl.col("day")
    numbered = (
        stored.lazy()
        .join(coins.lazy(), on="coin_id")
        .with_columns(day=(pl.col("ts") - since).dt.total_days())
        .select("day", at=at, limit="lower_limit_usd", cap="market_cap_usd")
    )
    moves = pl.concat([_over(numbered, days, width) for days in periods]).join(coins.lazy(), on="coin")
    ts = pl.lit(since, stored.schema["ts"]) + pl.duration(days="day")
    with_times = moves.with_columns(ts=ts, ts_from=ts - pl.duration(days="period_days"))
    return with_times.collect().pipe(_with_kind, known_from, gone)


def _over(numbered: pl.LazyFrame, days: int, width: int) -> pl.LazyFrame:
    """Who is in another range than `days` before: coin, day, and range and cap at both ends."""
    day = pl.col("day")
    before = numbered.filter(day + days < width).select(pl.col("at") + days, from_limit="limit", cap_before_usd="cap")
    after = numbered.filter(day >= days).select("at", to_limit="limit", cap_after_usd="cap")
    return (
        before.join(after, on="at", how="full", coalesce=True)
        .filter(pl.col("from_limit").ne_missing(pl.col("to_limit")))
        .select(
            "cap_before_usd",
            "cap_after_usd",
            coin=(pl.col("at") // width).cast(pl.UInt32),
            day=pl.col("at") % width,
            period_days=pl.lit(days, pl.Int32),
            **{name: pl.col(limit).cast(pl.Int64).cast(pl.String) for name, limit in _RANGES.items()},
        )
    )


def _with_kind(moves: pl.DataFrame, known_from: pl.DataFrame, gone: Collection[str]) -> pl.DataFrame:
    is_listed = pl.col("cap_before_usd").is_null() & (pl.col("known_from") <= pl.col("ts_from"))
    is_gone = pl.col("cap_after_usd").is_null() & pl.col("coin_id").is_in(list(gone))
    kind = first_that_holds(
        (pl.col("from_range").is_null(), first_that_holds((is_listed, "listed"), otherwise="entered")),
        (pl.col("to_range").is_null(), first_that_holds((is_gone, "delisted"), otherwise="left")),
        otherwise="moved",
    )
    columns = ("coin_id", "from_range", "to_range", "cap_before_usd", "cap_after_usd")
    return (
        moves.join(known_from, on="coin_id", how="left")
        .select("period_days", "ts_from", "ts", *columns, kind=kind)
        .sort("period_days", "ts", "coin_id")
    )


def range_flows(moves: pl.DataFrame, ranges: Sequence[str]) -> pl.DataFrame:
    """What each range gained and lost by coins that came and went, net and gross.

    Args:
        moves: from_range, to_range, cap_before_usd, cap_after_usd of one period and close, as in
            ``mart.range_migration``.
        ranges: the ranges, in their order.

    Returns:
        series, net_usd, arrivals_usd, departures_usd, n_arrivals, n_departures, a row a range in the given order.
    """
    crossing = moves.with_columns(crossed=crossed_usd())
    found = pl.DataFrame({"series": list(ranges)}, schema={"series": pl.String})
    for side, name in (("to_range", "arrivals"), ("from_range", "departures")):
        figures = {f"{name}_usd": pl.col("crossed").sum(), f"n_{name}": pl.len().cast(pl.Int32)}
        of_side = crossing.group_by(series=side).agg(**figures)
        found = found.join(of_side, on="series", how="left", maintain_order="left")
    usd = ("arrivals_usd", "departures_usd")
    return (
        found.with_columns(pl.col(*usd, "n_arrivals", "n_departures").fill_null(0))
        .with_columns(net_usd=pl.col("arrivals_usd") - pl.col("departures_usd"))
        .select("series", "net_usd", *usd, "n_arrivals", "n_departures")
    )


def pair_flows(moves: pl.DataFrame) -> pl.DataFrame:
    """What crossed from each range to each other: from_range, to_range, crossed_usd, n_coins, the largest first.

    Args:
        moves: as for `range_flows`; null stands for outside of all ranges.
    """
    return (
        moves.with_columns(crossed=crossed_usd())
        .group_by("from_range", "to_range")
        .agg(crossed_usd=pl.col("crossed").sum(), n_coins=pl.len().cast(pl.Int32))
        .sort("crossed_usd", "from_range", "to_range", descending=[True, False, False])
    )


def crossed_usd() -> pl.Expr:
    """What a coin brings along: its cap after, or its last known one where it has none any more."""
    return pl.coalesce("cap_after_usd", "cap_before_usd")
