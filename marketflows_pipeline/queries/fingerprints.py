"""Fingerprints of what tables are computed from: two runs with the same one compute the same tables.

They depend on which rows are stored, and not on their order: a store that is copied into another kind of store has the
same ones there. So figures are hashed, and never summed: a sum of floats depends on the order in its last digits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version

from marketflows_pipeline.queries.closes import day_of
from marketflows_pipeline.queries.events.kinds import Kind
from marketflows_pipeline.queries.provider_differences import NEAR_CHECKS_SQL, near_checks
from marketflows_pipeline.schema import table
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.accepted import accepted_name
from marketflows_pipeline.warehouse.store import Warehouse

# Settings that say how the service is asked, and change no figure.
_OF_THE_ACCOUNT = {"base_url", "plan", "calls_per_minute", "monthly_credits", "repair_calls_per_run"}

# What kinds of events read of tables that have columns which change at every run.
_READ_BY_EVENTS = {
    "core.series": ("category", "series", "label"),
    "core.cohort": ("coin_id",),
    "core.exchanges": ("exchange_id", "name", "is_tracked"),
    "raw.coins": ("coin_id", "name"),
}


def closes_fingerprint(warehouse: Warehouse, settings: Settings, moment: datetime) -> str:
    """What tables on daily closes depend on: observations up to the last close, lists of members, settings, version.

    Two runs with the same fingerprint compute the same tables, so that the second need not.
    """
    last_close = day_of(moment)
    found = warehouse.query(
        """
        select
            (select bit_xor(hash(coin_id, ts, market_cap_usd, price_usd)) from accepted.market_caps where ts <= $1),
            (select bit_xor(hash(narrative, observed_at, coin_id, rank, is_excluded, is_full_page))
             from accepted.narrative_members where observed_at <= $1 or is_full_page),
            (select bit_xor(hash(observed_at, coin_id, market_cap_usd, circulating_supply))
             from accepted.cohort_members where observed_at <= $1),
            (select bit_xor(hash(coin_id, is_excluded)) from (
                select distinct coin_id, is_excluded from accepted.cohort_members)),
            (select bit_xor(hash(coin_id)) from accepted.coins where not is_active),
            (select bit_xor(hash(category_id, name)) from accepted.category_names),
            (select count(*) from meta.backfills where outcome in ('complete', 'empty'))
        """,
        [last_close],
    )
    return _digest(found.row(0), last_close, settings.source.model_dump_json(exclude=_OF_THE_ACCOUNT))


def snapshots_fingerprint(warehouse: Warehouse, moment: datetime) -> str:
    """What the radar depends on: daily snapshots of all categories, and the day."""
    found = warehouse.query(
        "select count(*), bit_xor(hash(observed_at, category_id, market_cap_usd, volume_24h_usd))"
        " from accepted.category_snapshots"
    )
    return _digest(found.row(0), day_of(moment))


def checks_fingerprint(warehouse: Warehouse, moment: datetime) -> str:
    """What the comparison with a second provider depends on: its figures, own ones around them, and the day."""
    theirs = warehouse.query(
        "select bit_xor(hash(coin_id, provider, observed_at, other_id, ts, market_cap_usd, price_usd))"
        " from accepted.cross_check_caps"
    )
    own = warehouse.query(
        f"select bit_xor(hash(coin_id, ts, market_cap_usd, price_usd, source)) from ({NEAR_CHECKS_SQL})",
        near_checks(warehouse, moment),
    )
    return _digest(theirs.row(0), own.row(0), day_of(moment))


def index_fingerprint(warehouse: Warehouse, settings: Settings) -> str:
    """What rotation depends on: the final closes of the index, and the base assets."""
    found = warehouse.query(
        "select bit_xor(hash(category, series, base_asset, ts, price_index, is_backfilled)) from core.index_closes"
    )
    return _digest(found.row(0), settings.source.coin_bases)


def event_fingerprints(warehouse: Warehouse, kinds: Sequence[Kind]) -> list[str]:
    """What each of these kinds of events depends on: the rows of its tables, its own SQL, and the version."""
    names = sorted({name for kind in kinds for name in kind.tables})
    if not names:
        return []
    asked = " union all ".join(
        f"select '{name}', count(*), bit_xor(hash({', '.join(_READ_BY_EVENTS.get(name, table(name).column_names))}))"
        f" from {accepted_name(name)}"
        for name in names
    )
    found = {name: (count, mixed) for name, count, mixed in warehouse.query(asked).iter_rows()}
    return [_digest(kind, *(found[name] for name in kind.tables)) for kind in kinds]


def _digest(*inputs: object) -> str:
    text = repr((*inputs, version("marketflows-pipeline")))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
