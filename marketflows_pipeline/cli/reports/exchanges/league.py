"""`exchange-netflow --all`: tracked exchanges by net flow, beside what DefiLlama reports of every exchange it lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marketflows_pipeline.charts.style.wording import counted
from marketflows_pipeline.cli.reports.exchanges.classes import class_line, records_by_class
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure
from marketflows_pipeline.report.ages import HOURLY_LIMIT, RECORD_LIMIT
from marketflows_pipeline.transforms.exchanges.netflow_sums import league_totals, sum_by_class

LEAGUE = "mart.exchange_league"
_NETFLOW, _POSITIONS = "mart.exchange_netflow", "mart.exchange_positions"

METHOD = (
    "netflow_mid_usd is from token quantities in the wallets that DefiLlama knows, at the mean of both days' prices, "
    "summed over the days of the period with a known flow (days_known); positive is into the exchange. "
    "defillama_inflow_usd is DefiLlama's own figure of 24 hours, a week or a month up to the moment of its overview, "
    "own tokens left out, its formula not published; signs_differ marks exchanges that the two put on different sides. "
    "Totals add up exchanges that are in, and those that are out: what one exchange sends to another counts in both. "
    "btc and eth hold tokens wrapped one for one too, stablecoins those pegged to a dollar, other the rest. "
    "Derivatives are perpetuals and dated futures together; volumes and open interest are as exchanges report them."
)
SOURCE = "DefiLlama (https://defillama.com): reserves by token every day, the overview of exchanges every hour."

_POSITION_KEYS = (
    "stablecoins_day", "stablecoin_reserves_usd", "stablecoin_reserves_pct", "open_interest_usd",
    "open_interest_share_pct", "leverage", "spot_volume_usd", "derivatives_volume_usd", "spot_share_pct",
    "derivatives_share_pct", "derivatives_of_volume_pct",
)  # fmt: skip
_LEAGUE_KEYS = (
    "rank", "exchange", "exchange_id", "is_tracked", "netflow_mid_usd", "days_known", "from_day", "to_day",
    "netflow_pct_of_reserves", "reserves_usd", "defillama_inflow_usd", "signs_differ",
)  # fmt: skip
CSV_COLUMNS = (*_LEAGUE_KEYS, *_POSITION_KEYS, "reason")
TABLE_COLUMNS = (
    ColumnFormat("#", "rank", 0),
    ColumnFormat("exchange", "exchange"),
    ColumnFormat("net flow (M USD)", "netflow_mid_usd", 1, 1e6),
    ColumnFormat("days", "days_known", 0),
    ColumnFormat("of reserves (%)", "netflow_pct_of_reserves", 2),
    ColumnFormat("DefiLlama (M USD)", "defillama_inflow_usd", 1, 1e6),
    ColumnFormat("signs differ", "signs_differ"),
    ColumnFormat("stablecoins (M USD)", "stablecoin_reserves_usd", 0, 1e6),
    ColumnFormat("open interest (M USD)", "open_interest_usd", 0, 1e6),
    ColumnFormat("leverage", "leverage", 2),
    ColumnFormat("derivatives (% of volume)", "derivatives_of_volume_pct", 1),
)

_ROWS = """
select rank, name as exchange, exchange_key as exchange_id, is_tracked, netflow_mid_usd, days_known, from_day, to_day,
       netflow_pct_of_reserves, reserves_usd, defillama_inflow_usd, signs_differ, reason
from mart.exchange_league where period_days = $days
order by rank nulls last, is_tracked desc, defillama_inflow_usd desc nulls last, exchange_key
"""
_POSITION = f"select exchange_key, {', '.join(_POSITION_KEYS)} from mart.exchange_positions"


def league(data: PublishedData, days: int) -> Report:
    """The report of `exchange-netflow --all` over 1, 7 or 30 days."""
    data.require(LEAGUE)
    rows = data.rows(_ROWS, {"days": days})
    has_positions = data.has(_POSITIONS)
    positions = {row.pop("exchange_key"): row for row in data.rows(_POSITION)} if has_positions else {}
    unknown = dict.fromkeys(_POSITION_KEYS)
    entries = [{**row, **positions.get(row["exchange_id"], unknown)} for row in rows]
    overview, records = data.as_of(LEAGUE), data.as_of(_NETFLOW) if data.has(_NETFLOW) else None
    body: dict[str, Any] = {
        **data.header(overview, stale=data.is_stale(overview, HOURLY_LIMIT) or data.is_stale(records, RECORD_LIMIT)),
        "netflow_as_of": records,
        "days": days,
        "exchanges": [{key: entry[key] for key in CSV_COLUMNS} for entry in entries],
        "totals": league_totals(rows),
        "by_class": sum_by_class(records_by_class(data, days)),
        "source": data.credit(SOURCE),
        "method": METHOD,
        "coverage": {
            "wallets": "those that DefiLlama knows",
            "n_tracked": len([row for row in rows if row["is_tracked"]]),
            "n_listed": len(rows),
            "tracked_without_netflow": [
                {key: row[key] for key in ("exchange", "exchange_id", "reason")}
                for row in rows
                if row["is_tracked"] and row["netflow_mid_usd"] is None
            ],
            "partly_known": [
                {key: row[key] for key in ("exchange", "exchange_id", "days_known")}
                for row in rows
                if 0 < row["days_known"] < days
            ],
        },
    }
    return Report(
        f"Net flow of exchanges over {counted(days, 'day')}",
        body,
        body["exchanges"],
        CSV_COLUMNS,
        TABLE_COLUMNS,
        _summary(body),
        _footnotes(body["coverage"], days),
    )


def _summary(body: Mapping[str, Any]) -> tuple[str, ...]:
    totals = body["totals"]
    return (
        f"Tracked, net flow: {_both_ways(totals['netflow'])}",
        f"All listed, DefiLlama's own figure: {_both_ways(totals['defillama'])}",
        f"Signs differ for {totals['n_signs_differ']:,} of {totals['n_compared']:,} exchanges with both",
        *class_line(body["by_class"]),
    )


def _both_ways(sums: Mapping[str, Any]) -> str:
    amounts = {name: figure(sums[f"{name}_usd"], 1, " M USD", 1e6) for name in ("total_in", "total_out", "net")}
    return (
        f"in {amounts['total_in']} ({sums['n_in']:,}), out {amounts['total_out']} ({sums['n_out']:,}), "
        f"net {amounts['net']}; unknown for {sums['n_unknown']:,}"
    )


def _footnotes(coverage: Mapping[str, Any], days: int) -> tuple[str, ...]:
    without: Sequence[Mapping[str, Any]] = coverage["tracked_without_netflow"]
    notes = []
    if without:
        names = ", ".join(f"{row['exchange']} ({row['reason']})" for row in without)
        notes.append(f"No net flow: {names}.")
    if partly := coverage["partly_known"]:
        names = ", ".join(f"{row['exchange']} {row['days_known']:,}" for row in partly)
        notes.append(f"Of {days:,} days known: {names}. Their net flows are sums of those alone.")
    return tuple(notes)
