"""Collect the daily values of exchanges in each market, from which shares, concentration and members follow."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.exchanges.id_map import with_exchange_key
from marketflows_pipeline.transforms.exchanges.volumes import is_from_list
from marketflows_pipeline.transforms.moments import utc_day

SPOT_VOLUME, RESERVES, DERIVATIVES_VOLUME = "spot_volume", "reserves", "derivatives_volume"
ALL, CENTRALISED, DECENTRALISED, TRACKED = "all", "centralised", "decentralised", "tracked"
_SNAPSHOT_VALUES = {RESERVES: "current_tvl_usd", DERIVATIVES_VOLUME: "derivatives_volume_usd"}
_COLUMNS = ("measure", "segment", "day", "ts", "exchange_key", "name", "value")


def market_values(volumes: pl.DataFrame, exchanges: pl.DataFrame, snapshots: pl.DataFrame) -> pl.DataFrame:
    """Values of each measure, segment and day; one that is null, zero or negative is not measured.

    Which days a segment has:

    - Spot volume of ``all``, ``centralised``, ``decentralised``: days with a point from the list of exchanges. Before
      the first list only tracked exchanges are known, and shares among them would be taken for shares of the market.
      An exchange of which it is not known whether it is centralised counts in ``all`` only.
    - Spot volume of ``tracked``: every day.
    - Reserves and derivatives volume, ``centralised`` and ``tracked``: days with a snapshot, at its last one.

    Args:
        volumes: exchange_id, day, ts, volume_24h_btc, source as `daily_volumes` gives them.
        exchanges: as `exchange_map` gives them.
        snapshots: observed_at, name, slug, coingecko_id, current_tvl_usd, derivatives_volume_usd.

    Returns:
        measure, segment, day, ts, exchange_key, name, value: one row an exchange, in any order. Reserves are all
        assets, own tokens included. Of two snapshot rows that the map takes for one exchange the larger counts.
    """
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
            in_segments(spot.lazy().join(listed_days, on="day", how="semi")),
            spot.lazy().filter("is_tracked").with_columns(segment=pl.lit(TRACKED)),
            _snapshot_values(snapshots, exchanges),
        ],
        how="diagonal",
    )
    value = pl.col("value")
    return rows.filter(value.is_finite() & (value > 0)).select(_COLUMNS).collect()


def in_segments(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows once for ``all`` and once for their kind, where it is known."""
    kind = first_that_holds((pl.col("is_centralised"), CENTRALISED), otherwise=DECENTRALISED)
    return pl.concat(
        [
            rows.with_columns(segment=pl.lit(ALL)),
            rows.filter(pl.col("is_centralised").is_not_null()).with_columns(segment=kind),
        ]
    )


def _snapshot_values(snapshots: pl.DataFrame, exchanges: pl.DataFrame) -> pl.LazyFrame:
    """Reserves and derivatives volumes at the last snapshot of each day, once an exchange."""
    known = exchanges.lazy().select("exchange_key", "is_tracked", known_name="name")
    last = (
        with_exchange_key(snapshots, exchanges)
        .lazy()
        .with_columns(day=utc_day("observed_at"))
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
