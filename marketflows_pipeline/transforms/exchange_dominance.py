"""Who has how much of the market, and how concentrated it is.

What belongs here: shares day by day, concentration, and bounds for what was not measured. What does not: volumes and
reserves themselves. Spot volume, reserves and derivatives volume are three markets and are never mixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.exchange_map import with_exchange_key
from marketflows_pipeline.transforms.exchange_volumes import is_from_list

SPOT_VOLUME, RESERVES, DERIVATIVES_VOLUME = "spot_volume", "reserves", "derivatives_volume"
ALL, CENTRALISED, DECENTRALISED, TRACKED = "all", "centralised", "decentralised", "tracked"
MONOPOLY = 10_000.0
_SNAPSHOT_VALUES = {RESERVES: "current_tvl_usd", DERIVATIVES_VOLUME: "derivatives_volume_usd"}
_OLDEST_LISTING = timedelta(days=7)
_MARKET_DAY = ("measure", "segment", "day")
_SHARE = pl.col("share_pct")


def exchange_shares(volumes: pl.DataFrame, exchanges: pl.DataFrame, snapshots: pl.DataFrame) -> pl.DataFrame:
    """Market shares of each measure, segment and day over all exchanges measured (``mart.exchange_shares``).

    A value that is null, zero or negative is not measured. Which days a segment has:

    - Spot volume of ``all``, ``centralised``, ``decentralised``: days with a point from the list of exchanges. Before
      the first list only tracked exchanges are known, and shares among them would be taken for shares of the market.
      An exchange of which it is not known whether it is centralised counts in ``all`` only.
    - Spot volume of ``tracked``: from the day on which the last of the tracked exchanges begins to have a history, so
      that nobody's share shrinks because another's past becomes known; then every day on which no tracked exchange
      lacks a point, except after its last one, so that an exchange that closed does not end the segment.
    - Reserves and derivatives volume, ``centralised`` and ``tracked``: days with a snapshot, at its last one.

    Args:
        volumes: exchange_id, day, ts, volume_24h_btc, source as `daily_volumes` gives them.
        exchanges: as `exchange_map` gives them.
        snapshots: observed_at, name, slug, coingecko_id, current_tvl_usd, derivatives_volume_usd.

    Returns:
        The columns of ``mart.exchange_shares`` by key. Reserves are all assets, own tokens included. Of two snapshot
        rows that the map takes for one exchange the larger counts.
    """
    entry = table("mart.exchange_shares")
    known = exchanges.lazy().select("exchange_key", "exchange_id", "is_centralised", "is_tracked", known_name="name")
    spot = (
        volumes.lazy()
        .join(known, on="exchange_id", how="left")
        .select(
            "day",
            "ts",
            "source",
            "is_centralised",
            "is_tracked",
            measure=pl.lit(SPOT_VOLUME),
            exchange_key=pl.coalesce("exchange_key", "exchange_id"),
            name=pl.coalesce("known_name", "exchange_id"),
            value="volume_24h_btc",
        )
        .collect()
    )
    listed_days = spot.lazy().filter(is_from_list()).select("day").unique()
    rows = pl.concat(
        [
            _in_segments(spot.lazy().join(listed_days, on="day", how="semi")),
            _tracked_spot(spot.filter("is_tracked")),
            _snapshot_values(snapshots, exchanges),
        ],
        how="diagonal",
    )
    value = pl.col("value")
    return (
        rows.filter(value.is_finite() & (value > 0))
        .sort(*_MARKET_DAY, "value", "exchange_key", descending=[False, False, False, True, False])
        .with_columns(
            ts=pl.col("ts").max().over(_MARKET_DAY),
            rank=pl.int_range(1, pl.len() + 1).over(_MARKET_DAY),
            share_pct=100 * value / value.sum().over(_MARKET_DAY),
        )
        .select(entry.column_names)
        .cast(pl.Schema(entry.polars_schema))
        .sort(*_MARKET_DAY, "exchange_key")
        .collect()
    )


def uncovered_shares(shares: pl.DataFrame, full_listings: pl.DataFrame, exchanges: pl.DataFrame) -> pl.DataFrame:
    """How much of each segment's spot volume belongs to exchanges that have no share on a day.

    Measured by the newest full listing until the end of that day, if it is at most 7 days older than that.

    Args:
        shares: measure, segment, day, exchange_key as `exchange_shares` gives them.
        full_listings: observed_at, exchange_id, volume_24h_btc of observations that paged to the last exchange.
        exchanges: exchange_key, exchange_id, is_centralised as `exchange_map` gives them.

    Returns:
        segment, day, uncovered_pct (null without such a listing) by key, for every day of spot volume of every segment
        but ``tracked``, of which nothing is uncovered by definition.
    """
    covered = shares.lazy().filter(pl.col("measure") == SPOT_VOLUME, pl.col("segment") != TRACKED)
    days = covered.select("segment", "day").unique()
    end_of_day = pl.col("day").cast(pl.Datetime("us")).dt.replace_time_zone("UTC") + timedelta(days=1, microseconds=-1)
    observed = full_listings.lazy().select(end="observed_at", observed_at="observed_at").unique().sort("end")
    listing_of_day = (
        days.select("day", end=end_of_day)
        .unique()
        .sort("end")
        .join_asof(observed, on="end", strategy="backward", tolerance=_OLDEST_LISTING)
        .select("day", "observed_at")
    )
    known = exchanges.lazy().select("exchange_key", "exchange_id", "is_centralised")
    listed = (
        full_listings.lazy()
        .filter(pl.col("volume_24h_btc") > 0)
        .join(known, on="exchange_id", how="left")
        .with_columns(exchange_key=pl.coalesce("exchange_key", "exchange_id"))
    )
    volume = pl.col("volume_24h_btc")
    by_day = (
        _in_segments(listed)
        .join(listing_of_day, on="observed_at")
        .join(
            covered.select("segment", "day", "exchange_key", is_covered=pl.lit(value=True)),
            on=["segment", "day", "exchange_key"],
            how="left",
        )
        .group_by("segment", "day")
        .agg(uncovered_pct=100 * volume.filter(pl.col("is_covered").is_null()).sum() / volume.sum())
    )
    return days.join(by_day, on=["segment", "day"], how="left").sort("segment", "day").collect()


def exchange_dominance(shares: pl.DataFrame, uncovered: pl.DataFrame, hhi_thresholds: Sequence[float]) -> pl.DataFrame:
    """Concentration of each measure, segment and day (``mart.exchange_dominance``).

    ``HHI = sum of share_pct^2`` over all exchanges measured: ``10,000 / n`` for n equal ones, 10,000 for one alone.
    ``effective_exchanges = 10,000 / HHI``.

    Bounds: if u percent of the market was not measured, each known share is really ``(1 - u/100)`` times what it seems,
    so the known part of the index is ``HHI (1 - u/100)^2``. What was not measured adds next to nothing if it is spread
    over very many exchanges (the lower bound), and at most ``u^2``, if it is one exchange (the upper bound).

    Source of the thresholds: Merger Guidelines of the US Department of Justice and the Federal Trade Commission, 2023,
    guideline 1 (section 2.1): above 1,800 highly concentrated, above 1,000 moderately; in 2010, 2,500 and 1,500.

    Args:
        shares: as `exchange_shares` gives them.
        uncovered: segment, day, uncovered_pct of spot volume, as `uncovered_shares` gives them.
        hhi_thresholds: the index above which concentration is moderate, and that above which it is high.

    Returns:
        The columns of ``mart.exchange_dominance`` by key; bounds are null where ``uncovered_pct`` is.
    """
    entry = table("mart.exchange_dominance")
    moderate, high = hhi_thresholds
    index, missing = pl.col("hhi_index"), pl.col("uncovered_pct")
    known_part = index * (1 - missing / 100).pow(2)
    return (
        shares.lazy()
        # In one order, so that sums come out the same to the last bit.
        .sort(*_MARKET_DAY, "rank")
        .group_by(_MARKET_DAY, maintain_order=True)
        .agg(
            pl.col("ts").max(),
            total=pl.col("value").sum(),
            n_exchanges=pl.len(),
            top_1_dominance_pct=_top(1),
            top_3_dominance_pct=_top(3),
            top_5_dominance_pct=_top(5),
            hhi_index=_SHARE.pow(2).sum(),
        )
        .join(uncovered.lazy().with_columns(measure=pl.lit(SPOT_VOLUME)), on=_MARKET_DAY, how="left")
        .with_columns(
            hhi_lower_bound=known_part,
            hhi_upper_bound=known_part + missing.pow(2),
            effective_exchanges=MONOPOLY / index,
            market_concentration=_above(
                index, (high, "highly_concentrated"), (moderate, "moderately_concentrated"), "competitive"
            ),
            systemic_risk=_above(index, (high, "high"), (moderate, "medium"), "low"),
        )
        .select(entry.column_names)
        .cast(pl.Schema(entry.polars_schema))
        .sort(_MARKET_DAY)
        .collect()
    )


def _in_segments(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows once for ``all`` and once for their kind, where it is known."""
    kind = pl.when("is_centralised").then(pl.lit(CENTRALISED)).otherwise(pl.lit(DECENTRALISED))
    return pl.concat(
        [
            rows.with_columns(segment=pl.lit(ALL)),
            rows.filter(pl.col("is_centralised").is_not_null()).with_columns(segment=kind),
        ]
    )


def _tracked_spot(points: pl.DataFrame) -> pl.LazyFrame:
    """The points of tracked exchanges on days on which none of those whose history has begun is unknown."""
    day = pl.col("day")
    spans = points.lazy().group_by("exchange_key").agg(first_day=day.min(), last_day=day.max())
    complete = (
        points.lazy()
        .group_by("day")
        .agg(n_points=pl.len())
        .join(spans, how="cross")
        .group_by("day")
        .agg(
            n_points=pl.col("n_points").first(),
            n_expected=day.is_between("first_day", "last_day").sum(),
        )
        .filter(pl.col("n_points") == pl.col("n_expected"))
    )
    return points.lazy().join(complete, on="day", how="semi").with_columns(segment=pl.lit(TRACKED))


def _snapshot_values(snapshots: pl.DataFrame, exchanges: pl.DataFrame) -> pl.LazyFrame:
    """Reserves and derivatives volumes at the last snapshot of each day, once an exchange."""
    known = exchanges.lazy().select("exchange_key", "is_tracked", known_name="name")
    last = (
        with_exchange_key(snapshots, exchanges)
        .lazy()
        .with_columns(day=pl.col("observed_at").dt.convert_time_zone("UTC").dt.date())
        .filter(pl.col("observed_at") == pl.col("observed_at").max().over("day"))
        .join(known, on="exchange_key", how="left")
        .with_columns(ts="observed_at", name=pl.coalesce("known_name", "name"))
    )
    values = pl.concat(
        last.select("day", "ts", "exchange_key", "name", "is_tracked", measure=pl.lit(measure), value=column)
        for measure, column in _SNAPSHOT_VALUES.items()
    )
    measured = values.sort("value", descending=True, nulls_last=True).unique(
        ["measure", "day", "exchange_key"], keep="first", maintain_order=True
    )
    return pl.concat(
        [
            measured.with_columns(segment=pl.lit(CENTRALISED)),
            measured.filter("is_tracked").with_columns(segment=pl.lit(TRACKED)),
        ]
    )


def _top(places: int) -> pl.Expr:
    return _SHARE.filter(pl.col("rank") <= places).sum()


def _above(index: pl.Expr, high: tuple[float, str], moderate: tuple[float, str], otherwise: str) -> pl.Expr:
    return (
        pl.when(index > high[0])
        .then(pl.lit(high[1]))
        .when(index > moderate[0])
        .then(pl.lit(moderate[1]))
        .otherwise(pl.lit(otherwise))
    )
