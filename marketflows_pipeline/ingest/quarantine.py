"""Quarantining stored rows that cannot be true, before anything is computed from them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import polars as pl

from marketflows_pipeline.schema import DType, Part, table
from marketflows_pipeline.transforms.cross_asset.repeated_actions import repeated_actions
from marketflows_pipeline.transforms.plausibility import (
    BOUNDS,
    Bound,
    TimeBound,
    implausible,
)
from marketflows_pipeline.transforms.unit_slips import (
    LEAST_RANGE,
    bitcoin_slips,
    cap_slips,
    close_slips,
    index_slips,
    share_slips,
)
from marketflows_pipeline.warehouse.quarantine import left_by_others, quarantine
from marketflows_pipeline.warehouse.store import Warehouse

log = logging.getLogger(__name__)

BOUNDS_RULE = "bounds"
SLIPS_RULE = "unit_slip"
REPEATS_RULE = "repeated"
SHOWN = 3
# Of a table whose rows are many: the coins whose caps, or supply, ever were so far apart that one may be a slip.
MAY_HAVE_SLIPPED = f"""
coin_id in (
    select coin_id from raw.market_caps where isfinite(market_cap_usd) and market_cap_usd > 0 group by coin_id
    having max(market_cap_usd) >= {LEAST_RANGE} * min(market_cap_usd)
        or max(price_usd) filter (price_usd > 0) >= {LEAST_RANGE} * min(price_usd) filter (price_usd > 0)
        or max(market_cap_usd / price_usd) filter (price_usd > 0)
            >= {LEAST_RANGE} * min(market_cap_usd / price_usd) filter (price_usd > 0)
)
"""  # noqa: S608 (a number)


def quarantine_implausible(warehouse: Warehouse, part: Part, now: datetime) -> None:
    """Leave out every row of the part's raw tables that cannot be true, and let corrected ones count again.

    Each table is read through once by DuckDB, and only rows that may be at fault leave it.
    """
    for name in BOUNDS:
        if table(name).part == part:
            found = implausible(name, suspects(warehouse, name, now), now)
            warn_of_quarantined(name, quarantine(warehouse, name, found, rule=BOUNDS_RULE, at=now))


def quarantine_repeated(warehouse: Warehouse, part: Part, now: datetime) -> None:
    """Leave out splits and dividends that the service lists on another day by now: they would count twice."""
    if part == "cross_asset":
        name = "raw.corporate_actions"
        found = repeated_actions(left_by_others(warehouse, name, rule=REPEATS_RULE))
        added = quarantine(warehouse, name, found, rule=REPEATS_RULE, at=now)
        warn_of_quarantined(name, added, "splits and dividends that are listed twice")


def quarantine_unit_slips(warehouse: Warehouse, part: Part, now: datetime) -> None:
    """Leave out the part's rows with a figure that looks like a slip of unit, until a later row bears it out."""
    for name, slips in _slips(warehouse, part):
        found = slips.filter(pl.col("released_at").is_null()).drop("released_at")
        added = quarantine(warehouse, name, found, rule=SLIPS_RULE, at=now)
        warn_of_quarantined(name, added, "values that look like a slip of unit")


def _slips(warehouse: Warehouse, part: Part) -> Iterator[tuple[str, pl.DataFrame]]:
    rows = partial(left_by_others, warehouse, rule=SLIPS_RULE)
    match part:
        case "market_caps":
            caps = rows("raw.market_caps", where=MAY_HAVE_SLIPPED)
            yield "raw.market_caps", cap_slips(caps.select("coin_id", "ts", "market_cap_usd", "price_usd"))
        case "exchanges":
            yield "raw.bitcoin_prices", bitcoin_slips(rows("raw.bitcoin_prices"))
        case "cross_asset":
            bars, shares = rows("raw.daily_bars"), rows("raw.shares_outstanding")
            actions = warehouse.accepted("raw.corporate_actions")
            yield "raw.daily_bars", close_slips(bars, shares, actions)
            yield "raw.shares_outstanding", share_slips(shares, actions, bars)
            yield "raw.volatility_index", index_slips(rows("raw.volatility_index"))


def suspects(warehouse: Warehouse, name: str, moment: datetime) -> pl.DataFrame:
    """Stored rows of a raw table that may be impossible: all that `implausible` would find at fault, and few others."""
    return warehouse.query(f"select * from {name} where {' or '.join(_suspicions(name, moment))}")  # noqa: S608 (registered names)


def _suspicions(name: str, moment: datetime) -> Iterator[str]:
    """SQL conditions of which a row at fault meets one."""
    now = f"timestamptz '{moment.astimezone(UTC).isoformat()}'"
    for bound in BOUNDS[name].values:
        yield _is_outside(bound)
    for time in BOUNDS[name].times:
        yield from _is_out_of_time(name, time, now)


def _is_outside(bound: Bound) -> str:
    limits = [f"isfinite({bound.column})"]
    if bound.least is not None:
        limits.append(f"{bound.column} {'>' if bound.is_above else '>='} {bound.least!r}")
    if bound.most is not None:
        limits.append(f"{bound.column} <= {bound.most!r}")
    return f"not ({' and '.join(limits)})"


def _is_out_of_time(name: str, bound: TimeBound, now: str) -> Iterator[str]:
    entry = table(name)
    is_date = entry.column(bound.column).dtype is DType.DATE
    first = f"date '{bound.earliest}'" if is_date else f"timestamptz '{bound.earliest} 00:00:00Z'"
    yield f"{bound.column} < {first}"
    for known, ahead in bound.latest(entry).items():
        # In whole numbers: sums of times with a time zone take five times as long.
        last = f"epoch_us({now if known == 'now' else known}) + {ahead // timedelta(microseconds=1)}"
        yield f"epoch_us({bound.column}) > {last}"


def warn_of_quarantined(name: str, added: pl.DataFrame, what: str = "impossible values") -> None:
    """Warn of rows that are left out since now, if there are any.

    Rows added are ``key, column_name, reason``.
    """
    if added.is_empty():
        return
    shown = "; ".join(f"{key}: {reason}" for key, reason in added.select("key", "reason").head(SHOWN).iter_rows())
    more = f"; and {added.height - SHOWN} more" if added.height > SHOWN else ""
    log.warning(
        "%s: %s left out from now on: %d (%s%s); see `marketflows quarantine list`",
        name,
        what,
        added.height,
        shown,
        more,
    )
