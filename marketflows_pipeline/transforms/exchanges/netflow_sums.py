"""Net flow summed over some days: of one exchange, of classes of asset, of all exchanges.

Plain rows in and plain figures out, so that a command need not load polars.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

# A flow below this share of the reserves is called stable.
STABLE_PCT = 0.5
REASONS = ("new", "vanished", "dust", "absurd", "own_token", "unpriced", "negative", "quarantined")
PARTS = ("netflow_usd", "price_effect_usd", "netflow_mid_usd", "price_effect_mid_usd")


def sum_netflow(records: Sequence[Mapping[str, Any]], *, since: date) -> dict[str, Any]:
    """Sums over the days that have a net flow; null where none has.

    Args:
        records: rows of ``mart.exchange_netflow`` of one exchange, by day.
        since: day of the record that the period begins with; a flow since an earlier one is not the period's.

    Returns:
        The four PARTS, left_out_usd, left_out_gross_usd, left_out (by reason), tvl_change_usd in USD; netflow_days,
        netflow_from_day, netflow_to_day: how many days, and from which record to which.
    """
    measured = [record for record in records if record["netflow_usd"] is not None and record["previous_day"] >= since]
    return {
        **{part: _known_sum(measured, part) for part in (*PARTS, "left_out_usd", "left_out_gross_usd")},
        "left_out": {f"{reason}_usd": _known_sum(measured, f"left_out_{reason}_usd") for reason in REASONS},
        "tvl_change_usd": _known_sum(measured, "tvl_change_usd"),
        "netflow_days": len(measured),
        "netflow_from_day": min((record["previous_day"] for record in measured), default=None),
        "netflow_to_day": max((record["day"] for record in measured), default=None),
    }


def largest_identity_gap(records: Sequence[Mapping[str, Any]]) -> float | None:
    """The largest gap, in percent, between a change of the total and what explains it; None where none is known."""
    gaps = [abs(record["identity_gap_pct"]) for record in records if record["identity_gap_pct"] is not None]
    return max(gaps, default=None)


def flow_direction(share_pct: float | None) -> Literal["inflow", "stable", "outflow"] | None:
    """What a net flow is called, by its share of the reserves in percent."""
    if share_pct is None:
        return None
    if abs(share_pct) <= STABLE_PCT:
        return "stable"
    return "inflow" if share_pct > 0 else "outflow"


def pct_of(part: float | None, whole: float | None) -> float | None:
    """A part in percent; None where either is not known, or the whole is 0."""
    return None if part is None or not whole else 100 * part / whole


def sum_by_class(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Sums of each class over the days and exchanges of some rows, in the order of the classes.

    Args:
        records: rows of ``mart.exchange_netflow_by_class``.

    Returns:
        asset_class; netflow_mid_usd, price_effect_mid_usd, netflow_units over what is known, null where nothing is;
        reserves_usd and reserves_units of each exchange's newest day; n_exchanges with a known flow.
    """
    classes = sorted({record["asset_class"] for record in records})
    return [_sums_of(name, [record for record in records if record["asset_class"] == name]) for name in classes]


def _sums_of(name: str, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    newest: dict[str, Mapping[str, Any]] = {}
    for record in sorted(records, key=lambda record: record["day"]):
        newest[record["slug"]] = record
    flows = ("netflow_mid_usd", "price_effect_mid_usd", "netflow_units")
    return {
        "asset_class": name,
        **{column: _known_sum(records, column) for column in flows},
        **{column: _known_sum([*newest.values()], column) for column in ("reserves_usd", "reserves_units")},
        "n_exchanges": len({record["slug"] for record in records if record["netflow_mid_usd"] is not None}),
    }


def _known_sum(records: Sequence[Mapping[str, Any]], column: str) -> float | None:
    known = [record[column] for record in records if record[column] is not None]
    return math.fsum(known) if known else None


def league_totals(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What went in and out over all exchanges of one period, by either measure, never mixed.

    Args:
        rows: of ``mart.exchange_league``, of one period.

    Returns:
        netflow and defillama, each with total_in_usd, total_out_usd (below 0), net_usd, all null where nothing is
        known, and n_in, n_out, n_unknown; n_compared and n_signs_differ. Net flow is of tracked exchanges alone.
    """
    compared = [row["signs_differ"] for row in rows if row["signs_differ"] is not None]
    return {
        "netflow": _both_ways([row["netflow_mid_usd"] for row in rows if row["is_tracked"]]),
        "defillama": _both_ways([row["defillama_inflow_usd"] for row in rows]),
        "n_compared": len(compared),
        "n_signs_differ": compared.count(True),
    }


def _both_ways(flows: Sequence[float | None]) -> dict[str, Any]:
    known = [flow for flow in flows if flow is not None]
    into, out_of = [flow for flow in known if flow > 0], [flow for flow in known if flow < 0]
    sums = {"total_in_usd": into, "total_out_usd": out_of, "net_usd": known}
    return {
        **{name: math.fsum(some) if known else None for name, some in sums.items()},
        "n_in": len(into),
        "n_out": len(out_of),
        "n_unknown": len(flows) - len(known),
    }
