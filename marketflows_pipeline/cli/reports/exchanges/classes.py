"""Net flow by class of asset, as the reports about exchanges speak of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import figure

BY_CLASS = "mart.exchange_netflow_by_class"

UNITS = {"btc": "BTC", "eth": "ETH", "stablecoins": "coins of a dollar"}

# The last days of one exchange, or of all up to the newest record of any. A flow since before them is not theirs.
_RECORDS = """
with period as (
    select max(day) - $days::integer as start from mart.exchange_netflow_by_class where $slug is null or slug = $slug
)
select slug, day, asset_class, reserves_usd, reserves_units,
       if(previous_day >= start, netflow_mid_usd, null) as netflow_mid_usd,
       if(previous_day >= start, price_effect_mid_usd, null) as price_effect_mid_usd,
       if(previous_day >= start, netflow_units, null) as netflow_units
from mart.exchange_netflow_by_class
cross join period
where ($slug is null or slug = $slug) and day > start
order by slug, day, asset_class
"""


def records_by_class(data: PublishedData, days: int, slug: str | None = None) -> list[dict[str, Any]]:
    """Rows of the last days of an exchange, or of every one; none where no class is published."""
    return data.rows(_RECORDS, {"days": days, "slug": slug}) if data.has(BY_CLASS) else []


def class_line(sums: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The line that says what flowed by class; none without classes."""
    parts = []
    for each in sums:
        units = UNITS.get(each["asset_class"])
        has_own_units = units is not None and units != UNITS["stablecoins"]
        beside = f" ({figure(each['netflow_units'], 0, f' {units}')})" if has_own_units else ""
        parts.append(f"{each['asset_class']} {figure(each['netflow_mid_usd'], 1, ' M USD', 1e6)}{beside}")
    return (f"By class: {', '.join(parts)}",) if parts else ()
