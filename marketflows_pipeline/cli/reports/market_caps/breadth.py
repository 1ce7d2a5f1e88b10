"""`breadth`: how many coins of each narrative, each range and the cohort take part, and what narratives share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from marketflows_pipeline.charts.style.wording import counted
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.report.ages import DAILY_LIMIT
from marketflows_pipeline.system.near_matches import did_you_mean, near_matches
from marketflows_pipeline.transforms.categories import DISJOINT_RULE

METHOD = (
    "Daily closes at 00:00 UTC; members are those of the close before with a price at both, ranges by market cap then. "
    "advance_decline is 1000 (advancing - declining) / (advancing + declining), mcclellan its EMA 19 less its EMA 39, "
    "above_ema_N_pct the coins above their EMA over N closes, beat_bitcoin_Nd_pct the coins other than bitcoin that "
    "gained more than it. Null where fewer than 8 coins are known."
)
COHORT_LABEL = "all ranges"
# How many of a list the table's words name.
NAMED = 4

CSV_COLUMNS = (
    "category", "series", "label", "ts", "n", "n_members", "is_backfilled", "n_advancing", "n_declining",
    "advance_decline", "mcclellan", "above_ema_20_pct", "above_ema_50_pct", "above_ema_200_pct",
    "beat_bitcoin_7d_pct", "beat_bitcoin_30d_pct", "beat_bitcoin_90d_pct", "median_return_pct",
    "cap_weighted_return_pct", "median_minus_cap_weighted_pct", "dispersion_pct", "hhi_index", "n_effective",
    "rank_churn_7d",
)  # fmt: skip

_SHOWN = (
    ColumnFormat("of", "label"),
    ColumnFormat("close", "day"),
    ColumnFormat("n", "n", 0),
    ColumnFormat("above EMA 20 (%)", "above_ema_20_pct", 0),
    ColumnFormat("50", "above_ema_50_pct", 0),
    ColumnFormat("200", "above_ema_200_pct", 0),
    ColumnFormat("A/D", "advance_decline", 0),
    ColumnFormat("McClellan", "mcclellan", 0),
    ColumnFormat("beat BTC 7 d (%)", "beat_bitcoin_7d_pct", 0),
    ColumnFormat("30 d", "beat_bitcoin_30d_pct", 0),
    ColumnFormat("90 d", "beat_bitcoin_90d_pct", 0),
    ColumnFormat("median - cap-weighted (pp)", "median_minus_cap_weighted_pct", 2),
    ColumnFormat("effective n", "n_effective", 1),
    ColumnFormat("back-filled", "is_backfilled"),
)

_ROWS = """
select b.category, b.series, coalesce(s.label, b.series) as label, b.ts, b.n, b.n_members, b.is_backfilled,
       b.n_advancing, b.n_declining, b.advance_decline, b.mcclellan,
       b.above_ema_20_pct, b.above_ema_50_pct, b.above_ema_200_pct, b.n_ema_20, b.n_ema_50, b.n_ema_200,
       b.beat_bitcoin_7d_pct, b.beat_bitcoin_30d_pct, b.beat_bitcoin_90d_pct,
       b.n_beat_7d, b.n_beat_30d, b.n_beat_90d, b.median_return_pct, b.cap_weighted_return_pct,
       b.median_minus_cap_weighted_pct, b.dispersion_pct, b.hhi_index, b.n_effective, b.rank_churn_7d, b.n_ranked_7d
from mart.breadth b left join core.series s on s.category = b.category and s.series = b.series
where b.ts > $since and ($series is null or b.series = $series)
order by b.category, s.sort_order, b.series, b.ts
"""
_KNOWN = """
select b.series, any_value(s.label) as label
from mart.breadth b left join core.series s on s.category = b.category and s.series = b.series
group by b.series order by b.series
"""
_PAGES = """
select series, observed_at, days, n_listed, n, advancing_pct, median_change_pct, cap_weighted_change_pct,
       median_minus_cap_weighted_pct, dispersion_pct, beat_bitcoin_pct, bitcoin_change_pct
from mart.category_breadth where $series is null or series = $series
qualify observed_at = max(observed_at) over (partition by series)
order by series, days
"""
_OVERLAP = """
select series, other_series, n_shared, shared_usd, of_smaller_pct, of_union_pct, is_backfilled
from mart.narrative_overlap where $series is null or $series in (series, other_series)
order by of_smaller_pct desc nulls last, series, other_series
"""
_PARTS = """
select series, count(*) as n, any_value(series_usd) as market_cap_usd, any_value(series_share_pct) as share_pct,
       any_value(series_price_change_1d_pct) as price_change_1d_pct,
       any_value(series_price_change_7d_pct) as price_change_7d_pct,
       any_value(series_price_change_30d_pct) as price_change_30d_pct, bool_or(is_backfilled) as is_backfilled
from mart.market_map group by series order by market_cap_usd desc, series
"""
_DOMINANCE = """
select ts, n, n_stablecoins, total_usd, bitcoin_pct, ethereum_pct, stablecoins_pct, others_pct,
       total_without_bitcoin_usd, total_without_bitcoin_and_ethereum_usd, total_without_stablecoins_usd, is_backfilled
from mart.dominance order by ts desc limit 1
"""


def breadth(data: PublishedData, series: str | None, days: int) -> Report:
    """The report of `breadth`: the last `days` closes of every universe, or of one.

    Raises:
        UserInputError: if nothing is known of the series.
    """
    data.require("mart.breadth")
    as_of = data.as_of("mart.breadth")
    assert as_of is not None, "a table with rows has a newest one"
    wanted = None if series is None else _found(series, data.rows(_KNOWN))
    asked = {"series": wanted}
    entries = data.rows(_ROWS, {**asked, "since": as_of - timedelta(days=days)})
    for row in entries:
        row["label"] = COHORT_LABEL if row["category"] == "Cohort" else row["label"]
        row["day"] = row["ts"].date()
    pages = data.rows(_PAGES, asked) if data.has("mart.category_breadth") else []
    overlap = data.rows(_OVERLAP, asked) if data.has("mart.narrative_overlap") else []
    parts = data.rows(_PARTS) if data.has("mart.market_map") else []
    newest = [row for row in entries if row["ts"] == as_of]
    body: dict[str, Any] = {
        **data.header(as_of, stale=data.is_stale_by_market_caps(as_of, DAILY_LIMIT)),
        "series": wanted,
        "days": days,
        "breadth": entries,
        "pages_of_categories": pages,
        "overlap": overlap,
        "market_map": parts,
        "market_map_rule": DISJOINT_RULE,
        "dominance": data.row(_DOMINANCE) if data.has("mart.dominance") else None,
        "source": data.credit(f"{data.market_source}."),
        "method": METHOD,
        "coverage": {
            "n_series": len(newest),
            "too_few_coins": [row["label"] for row in newest if row["advance_decline"] is None],
            "backfilled_rows": sum(row["is_backfilled"] is True for row in entries),
        },
    }
    title = "Breadth" if wanted is None else f"Breadth of {wanted}"
    return Report(
        title,
        body,
        entries,
        CSV_COLUMNS,
        _SHOWN,
        _summary(parts, overlap, body["dominance"]),
        _footnotes(body, entries),
        _headline(newest),
    )


def _found(wanted: str, known: Sequence[Mapping[str, Any]]) -> str:
    spelled = wanted.strip().lower()
    for row in known:
        if spelled in {row["series"].lower(), (row["label"] or "").lower()}:
            series: str = row["series"]
            return series
    near = near_matches(wanted, {row["series"]: [row["label"] or ""] for row in known}, is_whole_word=False)
    hint = did_you_mean(near) or f"; there is: {', '.join(row['series'] for row in known)}"
    raise UserInputError(f'no breadth is known of "{wanted}"{hint}')


def _headline(newest: Sequence[Mapping[str, Any]]) -> str:
    """The widest universe that has measures, in a sentence."""
    measured = [row for row in newest if row["above_ema_50_pct"] is not None]
    if not measured:
        return ""
    row = max(measured, key=lambda each: each["n"])
    beaten = row["beat_bitcoin_7d_pct"]
    also = "" if beaten is None else f", and {figure(beaten, 0, ' %')} beat bitcoin over 7 days"
    above = figure(row["above_ema_50_pct"], 0, " %")
    return f"{above} of {row['n_ema_50']} coins ({row['label']}) stand above their average of 50 days{also}."


def _summary(
    parts: Sequence[Mapping[str, Any]], overlap: Sequence[Mapping[str, Any]], dominance: Mapping[str, Any] | None
) -> tuple[str, ...]:
    lines = []
    if parts:
        words = "; ".join(
            f"{row['series']} {figure(row['share_pct'], 1, ' %')} ({_change(row['price_change_7d_pct'])})"
            for row in parts
        )
        lines.append(f"Market map, share and price change over 7 days: {words}")
    shared = [row for row in overlap if row["n_shared"]]
    if shared:
        words = "; ".join(
            f"{row['series']} and {row['other_series']} share {counted(row['n_shared'], 'coin')}, "
            f"{figure(row['of_smaller_pct'], 1, ' %')} of the smaller"
            for row in shared[:NAMED]
        )
        lines.append(f"Overlap: {words}")
    if dominance:
        lines.append(
            f"Of {dominance['n']} coins above the smallest limit: bitcoin {figure(dominance['bitcoin_pct'], 1, ' %')}, "
            f"ether {figure(dominance['ethereum_pct'], 1, ' %')}, "
            f"stablecoins {figure(dominance['stablecoins_pct'], 1, ' %')}"
        )
    return tuple(lines)


def _change(percent: float | None) -> str:
    return "unknown" if percent is None else f"{'+' if percent > 0 else ''}{figure(percent, 1, ' %')}"


def _footnotes(body: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    coverage = body["coverage"]
    notes = [f"Market map: {body['market_map_rule']}."] if body["market_map"] else []
    if coverage["too_few_coins"]:
        notes.append(f"Fewer than 8 coins at the newest close: {', '.join(coverage['too_few_coins'])}.")
    if coverage["backfilled_rows"]:
        notes.append(
            f"{coverage['backfilled_rows']:,} of {len(entries):,} rows are back-filled: no coins were stored by then, "
            "so they are of coins known later only."
        )
    return tuple(notes)
