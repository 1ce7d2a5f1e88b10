"""Warehouse queries of index corrections: which revised observations no correction has looked at, what they touched."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from marketflows_pipeline.queries.closes import daily_closes
from marketflows_pipeline.transforms.market_caps.index_corrections import index_corrections
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.text_lists import IS_ONE_OF, as_parameter

CLOSES, CONSTITUENTS = "core.index_closes", "core.narrative_constituents"
_TIME = pl.Datetime("us", "UTC")
_OF_LEVELS = ("price_usd", "market_cap_usd")
_PENDING = """
select key, seen_at, n_changes > 1 as stands_for_many from meta.revisions
where table_name = 'raw.market_caps' and (n_changes > 1 or list_contains(?, column_name))
  and seen_at > coalesce((select max(computed_at) from meta.computed where table_name = ?), timestamptz '1970-01-01')
"""


@dataclass(frozen=True)
class Corrections:
    """What revisions since the last look mean for stored levels.

    Attributes:
        changes: as `index_corrections` returns them.
        looked_to: time of the newest of these revisions.
    """

    changes: pl.DataFrame
    looked_to: datetime


def pending_corrections(warehouse: Warehouse, moment: datetime, within: timedelta) -> Corrections | None:
    """Stored levels that revised observations concern; None where none was revised since the last look.

    Args:
        warehouse: the private file, with closes as they are known now.
        moment: the run's.
        within: how much older than its close an observation may be.
    """
    pending = warehouse.query(_PENDING, [list(_OF_LEVELS), CLOSES])
    looked_to = pending["seen_at"].max()
    if not isinstance(looked_to, datetime):
        return None
    stored = warehouse.read(CLOSES)
    first = stored["ts"].min()
    if not isinstance(first, datetime):
        return Corrections(_nothing(), looked_to)
    constituents = warehouse.read(CONSTITUENTS)
    touched = _touched(warehouse, pending, moment)
    bases = stored["base_asset"].unique()
    coins = sorted({*constituents["coin_id"], *bases})
    closes = daily_closes(warehouse, coins, first, moment, within)
    return Corrections(index_corrections(stored, constituents, closes, touched), looked_to)


def _touched(warehouse: Warehouse, pending: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """``coin_id, ts`` of the closes that come from revised observations; of many at once all of the coin's."""
    revised = [(_fields(key), is_whole) for key, is_whole in pending.select("key", "stands_for_many").iter_rows()]
    whole = [fields[0] for fields, is_whole in revised if is_whole]
    single = pl.DataFrame(
        [(fields[0], datetime.fromisoformat(fields[1])) for fields, is_whole in revised if not is_whole],
        schema={"coin_id": pl.String, "observed_at": _TIME},
        orient="row",
    )
    closes = warehouse.read(
        "core.daily_closes",
        columns=["coin_id", "ts", "observed_at"],
        where=f"coin_id {IS_ONE_OF} and ts <= ?",
        params=[as_parameter({fields[0] for fields, _ in revised}), moment],
    )
    of_single = closes.join(single.unique(), on=["coin_id", "observed_at"], how="semi")
    return pl.concat([of_single, closes.filter(pl.col("coin_id").is_in(whole))]).select("coin_id", "ts").unique()


def _fields(key: str) -> list[str]:
    """The fields of a key text, which is one CSV record."""
    return next(csv.reader(key.splitlines(keepends=True)))


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "category": pl.String, "series": pl.String, "base_asset": pl.String, "ts": _TIME, "column_name": pl.String,
            "old": pl.Float64, "new": pl.Float64,
        }
    )  # fmt: skip
