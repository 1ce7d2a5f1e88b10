"""Small frames of the exchange part: only the columns that matter are written down, the rest is null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.exchanges.dominance import exchange_shares
from marketflows_pipeline.transforms.exchanges.id_map import exchange_map

TODAY = date(2026, 3, 10)
CHART, LIST = "coingecko:volume_chart", "coingecko:exchanges"
IDS = {"exchange_id": pl.String(), "name": pl.String()}


def day(days_ago: int) -> date:
    """That many days before `TODAY`."""
    return TODAY - timedelta(days=days_ago)


def moment(days_ago: int, hour: float = 12) -> datetime:
    """An hour in UTC of the day that many days before `TODAY`."""
    return datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) + timedelta(days=-days_ago, hours=hour)


def rows_of(name: str, *rows: Mapping[str, Any]) -> pl.DataFrame:
    """Rows of a registered table; a column that is not written down is null."""
    entry = table(name)
    unknown = {column for row in rows for column in row} - set(entry.column_names)
    assert not unknown, unknown
    filled = [{column: row.get(column) for column in entry.column_names} for row in rows]
    return pl.DataFrame(filled, schema=pl.Schema(entry.polars_schema), strict=False)


def listed_of(*ids: str) -> pl.DataFrame:
    """exchange_id and its name, which is the id with a capital."""
    return pl.DataFrame([(each, each.capitalize()) for each in ids], schema=IDS, orient="row")


def ids_of(*ids: str) -> pl.DataFrame:
    """exchange_id."""
    return pl.DataFrame({"exchange_id": ids}, schema={"exchange_id": pl.String})


def kinds_of(kinds: Mapping[str, bool | None], *decentralised: str) -> pl.DataFrame:
    """What CoinGecko says of exchanges: of those named apart that they are decentralised."""
    rows = list((dict(kinds) | dict.fromkeys(decentralised, False)).items())
    return pl.DataFrame(rows, schema={"exchange_id": pl.String, "is_centralised": pl.Boolean}, orient="row")


def snapshot_of(*rows: Mapping[str, Any], days_ago: int = 0) -> pl.DataFrame:
    """Rows of DefiLlama's overview of one observation."""
    return rows_of("raw.cex_snapshots", *({"observed_at": moment(days_ago), **row} for row in rows))


def exchanges_of(
    centralised: Sequence[str] = (), decentralised: Sequence[str] = (), tracked: Sequence[str] = ()
) -> pl.DataFrame:
    """The map of exchanges that only CoinGecko knows."""
    listed = listed_of(*centralised, *decentralised)
    return exchange_map(
        listed, snapshot_of(), ids_of(*centralised), packaged={}, tracked=tracked, kinds=kinds_of({}, *decentralised)
    )


def volumes_of(
    volumes: Mapping[str, Mapping[int, float | None]], *, source: str = LIST, hour: float = 12
) -> pl.DataFrame:
    """Exchange to days ago to volume, as rows of ``core.exchange_volumes``."""
    rows = (
        {"exchange_id": each, "day": day(ago), "ts": moment(ago, hour), "volume_24h_btc": volume, "source": source}
        for each, by_day in volumes.items()
        for ago, volume in by_day.items()
    )
    return rows_of("core.exchange_volumes", *rows)


def assert_in_shape(frame: pl.DataFrame, name: str) -> None:
    """The frame is as the registry says: columns, types, a key that is unique, and nulls only where they are legal."""
    entry = table(name)
    assert dict(frame.schema) == entry.polars_schema
    assert frame.select(entry.key).is_duplicated().sum() == 0
    for column in entry.columns:
        if not column.nullable:
            assert frame[column.name].null_count() == 0, column.name


def shares_of(
    volumes: pl.DataFrame | None = None,
    exchanges: pl.DataFrame | None = None,
    snapshots: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """``mart.exchange_shares`` of these, in shape."""
    shares = exchange_shares(
        volumes_of({}) if volumes is None else volumes,
        exchanges_of() if exchanges is None else exchanges,
        snapshot_of() if snapshots is None else snapshots,
    )
    assert_in_shape(shares, "mart.exchange_shares")
    return shares
