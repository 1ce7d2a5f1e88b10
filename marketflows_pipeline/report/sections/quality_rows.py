"""Cards of what is not known: values that are held or interpolated, indices and exchanges that are not covered."""

from __future__ import annotations

from typing import Any

import polars as pl

from marketflows_pipeline.charts.style.theme import GREY
from marketflows_pipeline.charts.style.wording import counted, share_text
from marketflows_pipeline.report.credits import COINGECKO, credit
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, joined, of_all, rows, source_of
from marketflows_pipeline.report.sections.marks import height_of, rows_axis
from marketflows_pipeline.report.specs import fading, kept_spec, spec_of

HELD = "quality_held"
_ASPECTS = {
    "reserves": "without reserves",
    "mapping": "known to one service alone",
    "netflow": "tracked without a net flow",
    "volume": "tracked without a volume",
}

HELD_SQL = """
select coin_id, count(*) as n_values,
       100.0 * count(*) filter (fill <> 'observed') / count(*) as not_observed_pct,
       100.0 * count(*) filter (fill = 'before_first') / count(*) as before_first_pct,
       100.0 * count(*) filter (fill = 'interpolated') / count(*) as interpolated_pct,
       100.0 * count(*) filter (fill = 'after_last') / count(*) as after_last_pct
from core.market_cap_grid
group by coin_id
having count(*) filter (fill <> 'observed') > 0
order by not_observed_pct desc, coin_id
limit 25
"""
_HELD_IN_ALL = """
select count(*) as n, count(*) filter (fill <> 'observed') as n_held, count(distinct coin_id) as n_coins
from core.market_cap_grid
"""
INDEX_SQL = """
with dollars as (select * from mart.narrative_index where base_asset = 'us-dollar')
select category, series, max(ts) as ts, arg_max(n, ts) as n, arg_max(coverage_pct, ts) as coverage_pct,
       min(coverage_pct) filter (ts > (select max(ts) from dollars) - interval 30 day) as least_30d_pct,
       min(coverage_pct) as least_pct, 100 * avg(is_backfilled::int) as backfilled_pct
from dollars
group by category, series
order by coverage_pct, least_pct, category, series
"""
EXCHANGES_SQL = """
select aspect, reason, count(*) as n_exchanges, count(*) filter (is_tracked) as n_tracked,
       sum(volume_24h_btc) as volume_24h_btc
from mart.exchange_coverage
group by aspect, reason
order by n_exchanges desc, aspect, reason
"""


def held_card(file: PublishedFile) -> Card | None:
    """Grid values that no observation stands behind, by coin; nothing where all are observed."""
    held, totals = rows(file, HELD_SQL), file.frame(_HELD_IN_ALL).row(0, named=True)
    if held.is_empty():
        return None
    title = held_title(held, totals)
    return Card(
        key="quality-held",
        title=title,
        subtitle="Share of each coin's grid values that were not observed within half a step, percent; the 25 largest",
        caption=caption(
            source_of(file),
            file.as_of("core.market_cap_grid"),
            "before the first and after the last observation a value is held flat, between two it is interpolated",
            "a held value moves no chart and hides what happened",
        ),
        dataset=Dataset(HELD, held),
        columns=(
            FigureColumn("coin_id", "Coin"),
            FigureColumn("not_observed_pct", "Not observed (%)", 1),
            FigureColumn("before_first_pct", "Before the first (%)", 1),
            FigureColumn("interpolated_pct", "Interpolated (%)", 1),
            FigureColumn("after_last_pct", "After the last (%)", 1),
            FigureColumn("n_values", "Values", 0),
        ),
        sql=HELD_SQL,
        spec=_held_spec(held["coin_id"].to_list()),
        description=f"Bars of {counted(held.height, 'coin')}, the largest share first. {title}.",
        series_key="coin_id",
    )


def held_title(held: pl.DataFrame, totals: dict[str, Any]) -> str:
    """How much of the grid is not observed, and of which coin most."""
    first = held.row(0, named=True)
    whole = share_text(100 * totals["n_held"] / totals["n"])
    most = f"{first['coin_id']}, {share_text(first['not_observed_pct'])}"
    grid = f"{totals['n']:,} grid values of {counted(totals['n_coins'], 'coin')}"
    return f"{whole} of {grid} are not observed, most of {most}"


def index_card(file: PublishedFile) -> Card | None:
    """How much of each index rests on known prices; nothing without an index."""
    found = rows(file, INDEX_SQL)
    if found.is_empty():
        return None
    return Card(
        key="quality-index-coverage",
        title=index_title(found),
        subtitle="Share of each index's level whose price is known at the close, percent; the rest is held",
        caption=caption(
            source_of(file),
            file.as_of("mart.narrative_index"),
            "back-filled: before the first stored list of members, made with later members by hindsight",
        ),
        dataset=Dataset("quality_index_coverage", found),
        columns=(
            FigureColumn("series", "Index"),
            FigureColumn("n", "Coins", 0),
            FigureColumn("coverage_pct", "Now (%)", 1),
            FigureColumn("least_30d_pct", "Least of 30 d (%)", 1),
            FigureColumn("backfilled_pct", "Back-filled (%)", 0),
        ),
        sql=INDEX_SQL,
        series_key="series",
    )


def index_title(found: pl.DataFrame) -> str:
    """How many indices rest on held prices now, and how much of history is hindsight."""
    held = found.filter(pl.col("coverage_pct") < 100)
    backfilled = found["backfilled_pct"].mean()
    past = f"; {share_text(backfilled)} of closes are back-filled, on average" if isinstance(backfilled, float) else ""
    if held.is_empty():
        whole = of_all(found.height, found.height, "index").replace("indexs", "indices")
        return f"All prices of {whole.removeprefix('all ')} are known now{past}"
    first = held.row(0, named=True)
    return f"{share_text(100 - first['coverage_pct'])} of {first['series']} is held at old prices{past}"


def exchange_coverage_card(file: PublishedFile) -> Card | None:
    """What is not known of exchanges, by reason; nothing where there is no gap."""
    gaps = rows(file, EXCHANGES_SQL).with_columns(gap=pl.col("aspect").replace(_ASPECTS))
    if gaps.is_empty():
        return None
    return Card(
        key="quality-exchange-coverage",
        title=exchange_coverage_title(gaps),
        subtitle="Exchanges of which something is not known, by reason, with their spot volume of 24 hours in BTC",
        caption=caption(credit(file, f"{COINGECKO} and DefiLlama"), file.as_of("mart.exchange_flows")),
        dataset=Dataset("quality_exchange_coverage", gaps),
        columns=(
            FigureColumn("gap", "Exchanges"),
            FigureColumn("reason", "Why"),
            FigureColumn("n_exchanges", "Number", 0),
            FigureColumn("n_tracked", "Tracked", 0),
            FigureColumn("volume_24h_btc", "24 h (BTC)", 0),
        ),
        sql=EXCHANGES_SQL,
    )


def exchange_coverage_title(gaps: pl.DataFrame) -> str:
    """How many exchanges have which gap, the commonest first."""
    sums = (
        gaps.group_by("gap", maintain_order=True)
        .agg(pl.col("n_exchanges").sum())
        .sort("n_exchanges", "gap", descending=[True, False])
    )
    return f"Exchanges {joined([f'{gap}: {n:,}' for gap, n in sums.iter_rows()])}"


@kept_spec
def _held_spec(coins: list[str]) -> dict[str, Any]:
    import altair as alt

    base = alt.Chart(alt.NamedData(HELD)).encode(y=rows_axis("coin_id", {coin: coin for coin in coins}))
    bars = base.mark_bar(height={"band": 0.6}, color=GREY).encode(
        x=alt.X("not_observed_pct:Q", title=None, scale=alt.Scale(domain=[0, 100]), axis=alt.Axis(grid=True)),
        opacity=fading("coin_id"),
        tooltip=[
            alt.Tooltip("coin_id:N", title="Coin"),
            alt.Tooltip("not_observed_pct:Q", title="Not observed (%)", format=".1f"),
            alt.Tooltip("before_first_pct:Q", title="Before the first (%)", format=".1f"),
            alt.Tooltip("interpolated_pct:Q", title="Interpolated (%)", format=".1f"),
            alt.Tooltip("after_last_pct:Q", title="After the last (%)", format=".1f"),
        ],
    )
    return spec_of(bars, HELD, height=height_of(len(coins), least=60))
