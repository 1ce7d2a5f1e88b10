"""Find the events of a part in a warehouse, kind by kind."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from marketflows_pipeline.queries.events import cross_asset, exchanges, market_cap_changes, market_caps, quality
from marketflows_pipeline.queries.events.evidence import evidence_sql
from marketflows_pipeline.queries.events.kinds import Discrete, Kind
from marketflows_pipeline.schema import Part, table
from marketflows_pipeline.transforms.events.discrete import discrete_events
from marketflows_pipeline.transforms.events.measured import measured_events
from marketflows_pipeline.warehouse.store import Warehouse

EVENTS = "mart.events"
KINDS: tuple[Kind, ...] = (
    *market_caps.MEASURED,
    *market_cap_changes.DISCRETE,
    quality.STALE_COIN,
    quality.PROVIDER_DIFFERENCE,
    quality.failed_check("market_caps"),
    *exchanges.KINDS,
    quality.STALE_EXCHANGE,
    quality.failed_check("exchanges"),
    *cross_asset.KINDS,
    quality.STALE_ASSET,
    quality.failed_check("cross_asset"),
)


def kinds_of(warehouse: Warehouse, part: Part) -> list[Kind]:
    """The kinds of a part whose tables are all stored."""
    stored = warehouse.current_tables()
    return [kind for kind in KINDS if kind.part == part and stored.issuperset(kind.tables)]


def with_first_seen(found: pl.DataFrame, earlier: pl.DataFrame) -> pl.DataFrame:
    """Events as first seen by the run that found them first, where an earlier run did."""
    known = earlier.select("event_id", known_since="first_seen_at").unique("event_id", keep="first")
    return (
        found.join(known, on="event_id", how="left", maintain_order="left")
        .with_columns(first_seen_at=pl.coalesce("known_since", "first_seen_at"))
        .select(found.columns)
    )


def events_of_kind(warehouse: Warehouse, kind: Kind, since: datetime, now: datetime) -> pl.DataFrame:
    """Rows of ``mart.events`` of one kind, as if each had been found now.

    Args:
        warehouse: the private file.
        kind: what is looked for.
        since: only events after that, aware.
        now: the run's moment, aware: ``first_seen_at`` of all.

    Returns:
        The columns of ``mart.events`` by time and subject.
    """
    rows = warehouse.query(kind.sql)
    if isinstance(kind, Discrete):
        rows = rows.with_columns(coverage_pct=pl.lit(None, pl.Float64))
        found = discrete_events(rows, warehouse.query(kind.observed_sql))
    else:
        found = measured_events(rows)
    lately = found.filter(pl.col("ts") > since)
    entry = table(EVENTS)
    return lately.select(
        pl.concat_str(pl.lit(f"{kind.name}:"), "subject", pl.col("ts").dt.strftime(":%Y-%m-%d")).alias("event_id"),
        pl.all().exclude("ts"),
        pl.col("ts").alias("as_of"),
        kind=pl.lit(kind.name),
        part=pl.lit(kind.part),
        unit=pl.lit(kind.unit),
        first_seen_at=pl.lit(now),
        evidence_sql=pl.Series(
            [evidence_sql(kind, subject, ts) for subject, ts in lately.select("subject", "ts").iter_rows()],
            dtype=pl.String,
        ),
    ).select(pl.col(name).cast(dtype) for name, dtype in entry.polars_schema.items())
