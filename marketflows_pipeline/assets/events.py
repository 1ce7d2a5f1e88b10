"""Events of each part: what was unusual, found once its blocking checks have passed, before it is published."""

import logging
from dataclasses import asdict
from datetime import timedelta

import dagster as dg
import polars as pl

from marketflows_pipeline.assets.measures import COMPUTED
from marketflows_pipeline.assets.publishing import output_asset
from marketflows_pipeline.assets.tables import Run
from marketflows_pipeline.queries.earlier import earlier_rows
from marketflows_pipeline.queries.events.finding import (
    EVENTS,
    events_of_kind,
    kinds_of,
    with_first_seen,
)
from marketflows_pipeline.queries.events.kinds import Kind
from marketflows_pipeline.queries.fingerprints import event_fingerprints
from marketflows_pipeline.report.brief.telling import tell
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import Part, table, tables_of
from marketflows_pipeline.system.printable import excerpt
from marketflows_pipeline.system.stopping import is_stop

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=30)


def events_found(part: Part) -> dg.AssetsDefinition:
    """The asset that brings a part's rows of ``mart.events`` up to date."""

    @output_asset("events", part, deps=[entry.name for entry in tables_of(part)], kinds={"duckdb", "polars"})
    def events(run: Run) -> dg.MaterializeResult[None]:
        """What was unusual in the part on the last 30 days, each kind against its own past (mart.events)."""
        try:
            n_events = update_events(run, part)
            told = tell(run.warehouse, run.run_id, run.clock.now(), part=part, changed_since=run.started_at)
        except Exception as error:
            if is_stop(error):
                raise
            # What tells of the figures must not keep them from being published.
            log.warning("events of %s are as they were: %s", part, _in_words(error))
            return dg.MaterializeResult(metadata={"failed": _in_words(error)})
        return dg.MaterializeResult(metadata={"dagster/row_count": n_events, **asdict(told)})

    return events


def update_events(run: RunContext, part: Part) -> int:
    """Find a part's events of the last 30 days, and store them in place of those of the run before.

    A kind whose tables are as they were keeps its events. So does one that fails, and a warning names it.

    Returns:
        How many events of the part are stored.
    """
    earlier = earlier_rows(run.warehouse, EVENTS)
    since = run.started_at - KEPT_FOR
    lately = earlier.filter(pl.col("part") == part, pl.col("as_of") > since)
    kinds = kinds_of(run.warehouse, part)
    is_current = EVENTS in run.warehouse.current_tables()
    noted_before = run.warehouse.query("select table_name, inputs from meta.computed")
    before = dict(noted_before.iter_rows()) if is_current else {}
    noted: dict[str, str] = {}
    found = [table(EVENTS).empty()]
    for kind, inputs in zip(kinds, event_fingerprints(run.warehouse, kinds), strict=True):
        if before.get(_noted_as(kind)) == inputs:
            found.append(lately.filter(pl.col("kind") == kind.name))
            continue
        try:
            found.append(events_of_kind(run.warehouse, kind, since, run.started_at))
            noted[_noted_as(kind)] = inputs
        except Exception as error:
            if is_stop(error):
                raise
            # One kind that fails must not cost the others, nor the part; what it had found stays, and is found anew.
            found.append(lately.filter(pl.col("kind") == kind.name))
            noted[_noted_as(kind)] = ""
            log.warning("events of kind %s in %s could not be found: %s", kind.name, part, _in_words(error))
    mine = with_first_seen(pl.concat(found), earlier)
    _store(run, pl.concat([earlier.filter(pl.col("part") != part), mine]), earlier, noted)
    return mine.height


def _store(run: RunContext, events: pl.DataFrame, earlier: pl.DataFrame, noted: dict[str, str]) -> None:
    # Subjects of two parts are named apart; if ever two were not, the first stays.
    events = events.unique("event_id", keep="first").sort("as_of", "event_id")
    with run.warehouse.transaction():
        # A file without any event has the table too.
        if EVENTS not in run.warehouse.tables() or not events.equals(earlier):
            run.warehouse.replace(EVENTS, events)
        if noted:
            rows = pl.DataFrame({"table_name": list(noted), "inputs": list(noted.values())})
            rows = rows.with_columns(computed_at=pl.lit(run.started_at))
            run.warehouse.merge(COMPUTED, rows.cast(pl.Schema(table(COMPUTED).polars_schema)))


def _noted_as(kind: Kind) -> str:
    return f"{EVENTS}:{kind.part}:{kind.name}"


def _in_words(error: Exception) -> str:
    return excerpt(f"{type(error).__name__}: {error}")


market_cap_events = events_found("market_caps")
exchange_events = events_found("exchanges")
cross_asset_events = events_found("cross_asset")
