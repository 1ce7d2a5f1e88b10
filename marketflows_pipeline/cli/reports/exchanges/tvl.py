"""`exchange-tvl`: reserves of centralised exchanges, and TVL of decentralised ones beside them."""

from __future__ import annotations

from typing import Any

from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure
from marketflows_pipeline.report.ages import DAILY_LIMIT, HOURLY_LIMIT

METHOD = (
    "exchanges and market_summary are centralised exchanges: what the wallets that DefiLlama knows hold, own tokens "
    "included (tvl_usd) and left out (clean_tvl_usd). decentralised has the TVL of decentralised ones: another thing, "
    "ranked apart. Shares, totals and means are over all that are measured, however many are shown. A change is one of "
    "value, prices included; a change that is not given counts in no mean."
)
SOURCE = "DefiLlama (https://defillama.com): centralised exchanges every hour, protocols every day."

CSV_COLUMNS = (
    "kind", "rank", "name", "slug", "exchange_id", "symbol", "category", "tvl_usd", "tvl_dominance_pct",
    "clean_tvl_usd", "clean_dominance_pct", "change_1d_pct", "change_7d_pct", "mcap_usd", "chains", "url",
)  # fmt: skip
TABLE_COLUMNS = (
    ColumnFormat("kind", "kind"),
    ColumnFormat("#", "rank", 0),
    ColumnFormat("name", "name"),
    ColumnFormat("TVL (M USD)", "tvl_usd", 1, 1e6),
    ColumnFormat("share (%)", "tvl_dominance_pct", 2),
    ColumnFormat("without own tokens (M USD)", "clean_tvl_usd", 1, 1e6),
    ColumnFormat("1 d (%)", "change_1d_pct", 2),
    ColumnFormat("7 d (%)", "change_7d_pct", 2),
)

_RANKING = """
select name, symbol, tvl_usd, change_1d_pct, change_7d_pct, mcap_usd, category, chains, url, tvl_dominance_pct,
       kind, rank, slug, exchange_key as exchange_id, clean_tvl_usd, clean_dominance_pct
from mart.exchange_tvl
where kind = $kind and rank is not null
order by rank
limit $limit
"""
_SUMMARY = """
select observed_at, total_tvl_usd, n_exchanges, top_5_dominance_pct, avg_7d_change_pct, total_clean_tvl_usd,
       n_unmeasured
from mart.exchange_tvl_summary
where kind = $kind
"""


def exchange_tvl(data: PublishedData, limit: int) -> Report:
    """The report of `exchange-tvl`; at most `limit` of each kind are listed, totals are over all."""
    data.require("mart.exchange_tvl")
    centralised, decentralised = _kind(data, "cex", limit), _kind(data, "dex", limit)
    as_of, dex_as_of = centralised.pop("as_of"), decentralised["as_of"]
    is_dex_stale = data.is_stale(dex_as_of, DAILY_LIMIT)
    has_dex = bool(decentralised["exchanges"])
    without = data.without_reserves()
    body: dict[str, Any] = {
        **data.header(as_of, stale=data.is_stale(as_of, HOURLY_LIMIT) or (has_dex and is_dex_stale)),
        **centralised,
        "decentralised": {**decentralised, "stale": is_dex_stale},
        "source": data.credit(SOURCE),
        "method": METHOD,
        "coverage": {
            "n_measured": centralised["market_summary"]["num_exchanges"],
            "n_unmeasured": centralised["market_summary"]["num_unmeasured"],
            "largest_without_reserves": without,
        },
    }
    names = ", ".join(row["exchange"] for row in without) or "none"
    return Report(
        "Exchange reserves and TVL",
        body,
        [*centralised["exchanges"], *decentralised["exchanges"]],
        CSV_COLUMNS,
        TABLE_COLUMNS,
        (_line("Centralised", centralised), _line("Decentralised", decentralised)),
        (f"Coverage: the largest centralised exchanges by volume without known reserves: {names}.",),
    )


def _kind(data: PublishedData, kind: str, limit: int) -> dict[str, Any]:
    ranking = data.rows(_RANKING, {"kind": kind, "limit": limit})
    for row in ranking:
        row["chains"] = [chain.strip() for chain in row["chains"].split(",")] if row["chains"] else []
    summary = data.row(_SUMMARY, {"kind": kind})
    return {
        "as_of": summary.get("observed_at"),
        "exchanges": ranking,
        "market_summary": {
            "total_tvl_usd": summary.get("total_tvl_usd"),
            "num_exchanges": summary.get("n_exchanges", 0),
            "top_5_dominance_pct": summary.get("top_5_dominance_pct"),
            "avg_7d_change_pct": summary.get("avg_7d_change_pct"),
            "total_clean_tvl_usd": summary.get("total_clean_tvl_usd"),
            "num_unmeasured": summary.get("n_unmeasured", 0),
            "num_shown": len(ranking),
        },
    }


def _line(title: str, answer: dict[str, Any]) -> str:
    summary = answer["market_summary"]
    return (
        f"{title}: {summary['num_exchanges']:,} measured, {figure(summary['total_tvl_usd'], 2, ' billion USD', 1e9)}; "
        f"five largest {figure(summary['top_5_dominance_pct'], 2, ' %')}; "
        f"mean change over 7 days {figure(summary['avg_7d_change_pct'], 2, ' %')}"
    )
