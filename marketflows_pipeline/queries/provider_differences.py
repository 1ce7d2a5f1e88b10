"""Warehouse queries of the comparison with a second provider: what is compared, and what it is compared with."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from marketflows_pipeline.transforms.market_caps.id_map import BY_NAME, COINS
from marketflows_pipeline.transforms.market_caps.provider_differences import MOST_APART
from marketflows_pipeline.warehouse.store import Warehouse

KEPT_FOR = timedelta(days=400)
_HOUR_US = 3_600_000_000
# Two hours around the hour of a figure.
_NEAR = timedelta(hours=3)
# By whole hours, since a join by coin and a span of time looks at each pair of a coin's times.
NEAR_CHECKS_SQL = f"""
with hours as (
    select distinct coin_id, epoch_us(coalesce(ts, observed_at)) // {_HOUR_US} + unnest([-2, -1, 0, 1, 2]) as hour
    from accepted.cross_check_caps where observed_at > ?
)
select coin_id, ts, market_cap_usd, price_usd, source from accepted.market_caps caps
where ts > ? and ts < ? and exists (
    select 1 from hours where hours.coin_id = caps.coin_id and hours.hour = epoch_us(caps.ts) // {_HOUR_US}
)
"""


def checked_caps(warehouse: Warehouse, moment: datetime) -> pl.DataFrame:
    """Figures of the other provider of the last 400 days."""
    return warehouse.accepted("raw.cross_check_caps", where="observed_at > ?", params=[moment - KEPT_FOR])


def caps_near_checks(warehouse: Warehouse, moment: datetime) -> pl.DataFrame:
    """Own observations in the hours around them: ``coin_id, ts, market_cap_usd, price_usd, source``."""
    return warehouse.query(NEAR_CHECKS_SQL, near_checks(warehouse, moment))


def near_checks(warehouse: Warehouse, moment: datetime) -> list[datetime]:
    """The parameters of ``NEAR_CHECKS_SQL``; without bounds of time it would look at every observation there is."""
    since = moment - KEPT_FOR
    found = warehouse.query(
        "select min(coalesce(ts, observed_at)) as first, max(coalesce(ts, observed_at)) as last"
        " from accepted.cross_check_caps where observed_at > ?",
        [since],
    )
    first, last = found.row(0)
    return [since, (first or since) - _NEAR, (last or since) + _NEAR]


def coins_beside(warehouse: Warehouse, moment: datetime) -> pl.DataFrame:
    """Every coin that is listed, in ``COINS``, with the newest figures of the two hours before a moment, or null."""
    return warehouse.query(
        """
        with newest as (
            select coin_id, arg_max(market_cap_usd, ts) as market_cap_usd, arg_max_null(price_usd, ts) as price_usd
            from accepted.market_caps where ts > ? group by coin_id
        )
        select coin_id, symbol, name, price_usd, market_cap_usd
        from accepted.coins left join newest using (coin_id)
        where is_active
        order by coin_id
        """,
        [moment - MOST_APART],
    ).select(pl.col(name).cast(dtype) for name, dtype in COINS.items())


def mapped_before(warehouse: Warehouse, provider: str) -> pl.DataFrame:
    """Ids under which coins were compared before, found by symbol and name: ``coin_id, other_id``."""
    return warehouse.query(
        """
        select coin_id, arg_max(other_id, observed_at) as other_id from accepted.cross_check_caps
        where provider = ? and mapping_rule = ? group by coin_id order by coin_id
        """,
        [provider, BY_NAME],
    )
