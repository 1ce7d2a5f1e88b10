"""Keeping what the brief tells, at publish, and finding what of it turned out otherwise."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.report.brief.choosing import TOLD_OF, choose
from marketflows_pipeline.report.brief.corrections import differs, figures_of
from marketflows_pipeline.report.brief.statement import Statement
from marketflows_pipeline.schema import TABLES, Part
from marketflows_pipeline.warehouse.pruning import prune
from marketflows_pipeline.warehouse.store import Warehouse

logger = logging.getLogger(__name__)

EVENTS, STATEMENTS = "mart.events", "meta.brief_statements"
QUERIED_FOR, KEPT_FOR = timedelta(days=30), timedelta(days=400)


@dataclass(frozen=True)
class Told:
    """What a publish added to the brief's record: sentences told, and earlier ones corrected."""

    statements: int
    corrections: int


def tell(
    warehouse: Warehouse, run_id: str, now: datetime, *, part: Part | None = None, changed_since: datetime | None = None
) -> Told:
    """Keep the sentences of the last day that have not been told, and correct earlier ones whose figures changed.

    A sentence is corrected once. Evidence that finds nothing is a correction without figures; a query that DuckDB
    refuses is retried by the next run. Nothing of this keeps a publish from being made. Tables of a part that a run is
    writing are not queried: what they hold is half old, half new.

    Args:
        warehouse: the open private file.
        run_id: of the run that publishes.
        now: the present, aware.
        part: whose checks have just passed, and whose evidence is queried again; None for every part that has passed.
        changed_since: evidence is queried again only where what its kind of event reads has changed at that moment or
            later (``meta.computed``); None to ask all of it.
    """
    stored = warehouse.read(STATEMENTS, where="told_at >= ?", params=[now - KEPT_FOR])
    known = set(stored["statement_id"])
    events = list(warehouse.read(EVENTS).iter_rows(named=True))
    new = [_row(each, run_id, now) for each in choose(events, now - TOLD_OF, now) if each.statement_id not in known]
    passed = warehouse.read("meta.part_runs", where="passed_at is not null")["part"].to_list()
    parts = passed if part is None else [part]
    open_ones = stored.filter(
        pl.col("corrected_at").is_null(), pl.col("told_at") >= now - QUERIED_FOR, pl.col("part").is_in(parts)
    )
    corrected = list(_corrected(warehouse, _but_unchanged(warehouse, open_ones, changed_since), now))
    if rows := [*new, *corrected]:
        warehouse.merge(STATEMENTS, pl.DataFrame(rows, schema=TABLES[STATEMENTS].polars_schema))
    prune(warehouse, STATEMENTS, now - KEPT_FOR)
    return Told(len(new), len(corrected))


def _row(statement: Statement, run_id: str, now: datetime) -> dict[str, Any]:
    return {
        "statement_id": statement.statement_id,
        "publish": run_id,
        "told_at": now,
        "subject": statement.subject,
        "part": statement.part,
        "as_of": statement.as_of,
        "text": statement.text,
        "figures": _as_json(statement.figures),
        "evidence": statement.evidence,
        "corrected_at": None,
        "corrected_figures": None,
    }


def _but_unchanged(warehouse: Warehouse, stored: pl.DataFrame, changed_since: datetime | None) -> pl.DataFrame:
    """Sentences but those of kinds whose tables are known to be as they were: most hours no day closes."""
    if changed_since is None:
        return stored
    kept = warehouse.read("meta.computed", where="computed_at < ?", params=[changed_since])
    kind = pl.col("statement_id").str.split(":").list.first()
    return stored.filter(
        ~pl.concat_str(pl.lit(f"{EVENTS}:"), "part", pl.lit(":"), kind).is_in(kept["table_name"].to_list())
    )


def _corrected(warehouse: Warehouse, stored: pl.DataFrame, now: datetime) -> Iterator[dict[str, Any]]:
    """Rows of sentences whose figures have changed since they were told, with what was found."""
    for row in stored.iter_rows(named=True):
        try:
            answer = next(warehouse.query(row["evidence"]).iter_rows(named=True), None)
        except WarehouseError as error:
            reason = " ".join(str(error).split())
            logger.warning("The figures of %s could not be asked for: %s", row["statement_id"], reason)
            continue
        if answer is None and _may_go(row):
            continue
        found = None if answer is None else {name: _plain(value) for name, value in answer.items()}
        if found is None or differs(row["text"], figures_of(row["figures"]) or {}, found):
            yield row | {"corrected_at": now, "corrected_figures": None if found is None else _as_json(found)}


def _may_go(row: Mapping[str, Any]) -> bool:
    """Whether a sentence stays true though its evidence finds it no more.

    Of a day that is not over a later record takes the place of the one that was told of; what was stale and then left
    the lists was stale.
    """
    is_stale: bool = row["statement_id"].startswith("staleness:")
    return is_stale or row["as_of"].time() != time.min


def _plain(value: object) -> object:
    """A figure as JSON holds it: no decimal, and null for what is no number."""
    if isinstance(value, Decimal):
        return float(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _as_json(figures: Mapping[str, object]) -> str:
    return json.dumps(dict(figures), ensure_ascii=False, default=str)
