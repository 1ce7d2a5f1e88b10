"""`migration`: which coins crossed the limits of ranges, net and gross, beside chain and level of each range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marketflows_pipeline.charts.style.wording import counted
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure
from marketflows_pipeline.report.ages import DAILY_LIMIT
from marketflows_pipeline.transforms.market_caps.range_chain import chain_changes
from marketflows_pipeline.transforms.market_caps.range_migration import pair_flows, range_flows

METHOD = (
    "Ranges at two daily closes (00:00 UTC) are compared: a coin's own move stays with the range it came from, and it "
    "arrives at its market cap after; a delisted one departs at its last. Net is arrivals less departures. entered and "
    "left cross the smallest limit; listed and delisted are about the provider's list. The chain is the growth of the "
    "coins that a range had at each close before, where one changes its range only 5 % beyond the limit; the level "
    "counts each of today's coins where it is, so coins that cross a limit move it. No figure is money that moved."
)

CSV_COLUMNS = (
    "series", "label", "net_usd", "arrivals_usd", "departures_usd", "n_arrivals", "n_departures", "level_usd",
    "level_change_pct", "chain_change_pct",
)  # fmt: skip
TABLE_COLUMNS = (
    ColumnFormat("range", "label"),
    ColumnFormat("net (M USD)", "net_usd", 1, 1e6),
    ColumnFormat("came (M USD)", "arrivals_usd", 1, 1e6),
    ColumnFormat("coins", "n_arrivals", 0),
    ColumnFormat("went (M USD)", "departures_usd", 1, 1e6),
    ColumnFormat("coins", "n_departures", 0),
    ColumnFormat("level (%)", "level_change_pct", 2),
    ColumnFormat("chain (%)", "chain_change_pct", 2),
)

NAMED = 12
# What a coin did, before the range or ranges that it did it to.
_TOLD = {"moved": "moved from", "listed": "was listed in", "delisted": "was delisted from"}
_MOVES, _CHAIN = "mart.range_migration", "mart.range_chain"
_COLUMNS = ("period_days", "ts", "from_range", "to_range", "cap_before_usd", "cap_after_usd")
_LABELS = "select series, label from core.series where category = 'Ranges' order by sort_order"
_COINS = """
select m.coin_id, upper(c.symbol) as symbol, m.kind, m.from_range, m.to_range, m.cap_before_usd, m.cap_after_usd
from mart.range_migration m left join accepted.coins c using (coin_id)
where m.period_days = $days and m.ts = $ts
order by coalesce(m.cap_after_usd, m.cap_before_usd) desc, m.coin_id
"""


def migration(data: PublishedData, days: int) -> Report:
    """The report of `migration` between the newest close and that `days` before."""
    data.require(_CHAIN)
    as_of = data.as_of(_CHAIN)
    labels = {row["series"]: row["label"] for row in data.rows(_LABELS)}
    stored = data.table(_CHAIN, ("series", "ts", "chain_index", "level_usd"))
    changes = {row["series"]: row for row in chain_changes(stored, days).to_dicts()}
    moves = data.table(_MOVES, _COLUMNS).filter(period_days=days, ts=as_of)
    ranges = [{**row, "label": labels.get(row["series"], row["series"])} for row in _flows(moves, labels, changes)]
    coins = data.rows(_COINS, {"days": days, "ts": as_of})
    unknown = [row["coin_id"] for row in coins if _is_unknown(row)]
    is_known = any(row["chain_change_pct"] is not None for row in changes.values())
    body: dict[str, Any] = {
        **data.header(as_of, stale=data.is_stale_by_market_caps(as_of, DAILY_LIMIT)),
        "days": days,
        "ranges": ranges,
        "pairs": pair_flows(moves).to_dicts(),
        "coins": coins,
        "source": data.credit(f"{data.market_source}: market caps, coins above the smallest limit."),
        "method": METHOD,
        "coverage": {
            "is_known": is_known,
            "n_coins_crossed": len(coins),
            "other_cap_not_stored": unknown,
        },
    }
    span = counted(days, "day")
    return Report(
        f"Coins that crossed the limits of ranges in {span}",
        body,
        ranges,
        CSV_COLUMNS,
        TABLE_COLUMNS,
        _summary(coins, labels),
        (f"Their cap on the other side is not stored: {', '.join(unknown[:NAMED])}.",) if unknown else (),
        headline=_headline(coins, span, is_known=is_known),
    )


def _flows(moves: Any, labels: dict[str, str], changes: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:  # noqa: ANN401 (a frame; polars is not loaded here)
    order = [*labels, *(series for series in changes if series not in labels)]
    nothing = dict.fromkeys(("level_usd", "level_change_pct", "chain_change_pct"))
    return [{**row, **nothing, **changes.get(row["series"], {})} for row in range_flows(moves, order).to_dicts()]


def _is_unknown(row: dict[str, Any]) -> bool:
    """Whether the cap on the other side of the smallest limit is not stored."""
    return (row["kind"] == "entered" and row["cap_before_usd"] is None) or (
        row["kind"] == "left" and row["cap_after_usd"] is None
    )


def _headline(coins: Sequence[dict[str, Any]], span: str, *, is_known: bool) -> str:
    if not is_known:
        return f"The cohort has not been stored for {span} yet, so nobody knows who was in which range"
    return f"{counted(len(coins), 'coin') if coins else 'No coin'} crossed a limit in {span}"


def _summary(coins: Sequence[dict[str, Any]], labels: dict[str, str]) -> tuple[str, ...]:
    lines = []
    for row in coins[:NAMED]:
        cap = row["cap_before_usd"] if row["cap_after_usd"] is None else row["cap_after_usd"]
        ends = [labels.get(row[side], row[side]) for side in ("from_range", "to_range") if row[side] is not None]
        told = f"{_TOLD.get(row['kind'], row['kind'])} the range {' to the range '.join(ends)}"
        lines.append(f"{row['symbol'] or row['coin_id']} {told}, at {figure(cap, 2, ' B USD', 1e9)}")
    return (*lines, f"and {len(coins) - NAMED:,} more") if len(coins) > NAMED else tuple(lines)
