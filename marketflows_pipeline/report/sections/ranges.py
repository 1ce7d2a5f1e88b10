"""Ranges of market cap: their curves, shares, chains, and the coins that crossed a limit."""

from __future__ import annotations

from typing import Any

import polars as pl

from marketflows_pipeline.charts.style.wording import percent_text, value_text
from marketflows_pipeline.report.gaps import usual_step, with_stretches
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn, Section
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.attribution import attribution_card
from marketflows_pipeline.report.sections.breadth import averages_card, breadth_of
from marketflows_pipeline.report.sections.cards import (
    PRICE_NOT_INFLOW,
    caption,
    change_finding,
    described,
    extreme,
    held_words,
    known,
    newest_time,
    section_of_cards,
    select,
    source_of,
)
from marketflows_pipeline.report.sections.categories import category_card
from marketflows_pipeline.report.sections.controls import measures_of
from marketflows_pipeline.report.sections.gains import gains_card
from marketflows_pipeline.report.sections.lines import Lines, fixed, input_number, line_spec
from marketflows_pipeline.report.sections.migration import migration_card
from marketflows_pipeline.report.sections.series import KEY, labels_of, newest_figures, styled, thinned, those_in
from marketflows_pipeline.report.specs import fading, kept_spec, spec_of
from marketflows_pipeline.transforms.categories import RANGES
from marketflows_pipeline.warehouse.ddl import literal

CHAIN, LEVELS = "mart.range_chain", "core.group_totals"
_DAYS = 90
_CHAIN_DAYS = (30, 7)
_SHARE_TICKS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)
COUNTED = "each coin counts for the range it is in at the time, so crossing a limit moves levels, and growth does not"
SURVIVORS = "today's coins drawn back (survivor-biased)"


def ranges_section(file: PublishedFile) -> Section:
    """The section of ranges; cards whose tables are missing are named in its notes."""
    breadth = breadth_of(file, RANGES)
    caveats = (COUNTED, SURVIVORS, PRICE_NOT_INFLOW, *held_words(file))
    return section_of_cards(
        "ranges",
        "Ranges of market cap",
        {
            "curves of ranges": category_card(file, RANGES, measures_of(file), caveats),
            "shares of ranges": _shares_card(file),
            "coins that crossed a limit": migration_card(file),
            "chains of ranges": _chain_card(file),
            "attribution": attribution_card(file, RANGES),
            "breadth": averages_card(breadth, key="ranges-breadth") if breadth else None,
            "gains": gains_card(file, RANGES, COUNTED),
        },
    )


def _shares_card(file: PublishedFile) -> Card | None:
    """The share of each range in the cohort, on a scale of ratios so that small ranges are seen beside large ones."""
    if not (file.has(LEVELS) and file.has("core.series")):
        return None
    sql = select(f"""
        select s.label, t.ts, t.n_assets, t.market_cap_usd,
               100 * t.market_cap_usd / sum(t.market_cap_usd) over (partition by t.ts) as share_pct
        from core.group_totals t join core.series s using (category, series)
        where t.category = {literal(RANGES)} order by s.sort_order, t.ts
    """)
    full = file.frame(sql)
    shares = newest_figures(full, "share_pct")
    if not shares:
        return None
    rows, before = thinned(with_stretches(full, [KEY], usual_step(full)), [KEY])
    series = styled(labels_of(file, RANGES))
    largest = extreme(shares)
    title = _share_title(full, largest, len(shares))
    subtitle = (
        "Share of all coins above the smallest limit, %, on a logarithmic scale: equal distances are equal ratios"
    )
    return Card(
        key="ranges-shares",
        title=title,
        subtitle=subtitle,
        caption=caption(source_of(file), newest_time(full, "ts"), COUNTED, SURVIVORS),
        dataset=Dataset("ranges_shares", rows, before),
        columns=(
            FigureColumn("ts", "Time (UTC)"),
            FigureColumn(KEY, "Range"),
            FigureColumn("n_assets", "Coins", 0),
            FigureColumn("market_cap_usd", "Market cap, B USD", 2, divisor=1e9),
            FigureColumn("share_pct", "Share, %", 2),
        ),
        sql=sql,
        spec=line_spec(
            Lines(
                dataset="ranges_shares",
                series=series,
                value="datum.share_pct > 0 ? datum.share_pct : null",
                text=fixed(2, " %"),
                steps=int(rows["ts"].n_unique()),
                axis={"labelExpr": "datum.label + ' %'", "format": "~r", "values": list(_SHARE_TICKS)},
                scale={"type": "log", "nice": False},
            )
        ),
        description=described(title, subtitle, [(label, f"{share:.1f} %") for label, share in shares.items()]),
        series_key=KEY,
        series=series,
    )


def _share_title(full: pl.DataFrame, largest: tuple[str, float] | None, count: int) -> str:
    if largest is None:
        return f"No single one of {count} ranges holds most of the market cap"
    label, share = largest
    end = full["ts"].max()
    of_range = full.filter(pl.col(KEY) == label).drop_nulls("share_pct").sort("ts")
    earlier = of_range.filter(pl.col("ts") <= end - pl.duration(days=_DAYS))
    # A range within a sentence: "above $100B", "from $1B to $5B".
    within = label if label.startswith("above") else f"from {label}"
    title = f"Coins {within} hold {value_text(share, 0, signed=False)} % of the cohort"
    if not earlier.height:
        return title
    change = value_text(share - earlier["share_pct"][-1], 1, signed=True)
    return f"{title}, {change} points in {_DAYS} days"


def _chain_card(file: PublishedFile) -> Card | None:
    """How much each range grew by the coins that stay in it, beside its level."""
    if not (file.has(CHAIN) and file.has("core.series")):
        return None
    sql = _chain_sql()
    rows = file.frame(sql)
    periods = [days for days in _CHAIN_DAYS if days in set(rows["days"])]
    if not periods:
        return None
    subject = rows.filter(pl.col("days") == periods[0])
    gains = dict(subject.select(KEY, "chain_change_pct").iter_rows())
    title = change_finding(gains, f"over {periods[0]} days by the coins that stay", noun="ranges")
    gaps = subject.select(KEY, gap=pl.col("level_change_pct") - pl.col("chain_change_pct"))
    widest = extreme(dict(gaps.iter_rows()))
    if widest and abs(widest[1]) >= 1:
        row = subject.filter(pl.col(KEY) == widest[0]).row(0, named=True)
        title += f"; with those that crossed a limit {widest[0]} shows {percent_text(row['level_change_pct'])}"
    subtitle = "Change of each range, %: by coins that stay in it (filled), and of its level (open)"
    series = styled(those_in(labels_of(file, RANGES), rows))
    return Card(
        key="ranges-chain",
        title=title,
        subtitle=subtitle,
        caption=caption(
            source_of(file),
            file.as_of(CHAIN),
            "members are fixed at each close, and change their range only 5 % beyond a limit",
            COUNTED,
            PRICE_NOT_INFLOW,
        ),
        dataset=Dataset("ranges_chain", rows),
        columns=(
            FigureColumn(KEY, "Range"),
            FigureColumn("days", "Days", 0),
            FigureColumn("chain_change_pct", "Coins that stay, %", 2, signed=True),
            FigureColumn("level_change_pct", "Level, %", 2, signed=True),
            FigureColumn("n_members", "Coins", 0),
        ),
        sql=sql,
        spec=_chain_spec([each[0] for each in series], series, periods),
        description=described(title, subtitle, [(label, percent_text(gain)) for label, gain in known(gains).items()]),
        series_key=KEY,
        series=series,
        pictures=("Ranges_chain_30d.png",),
    )


def _chain_sql() -> str:
    periods = ", ".join(f"({days})" for days in _CHAIN_DAYS)
    return select(f"""
        with newest as (select max(ts) as ts from mart.range_chain), periods(days) as (values {periods})
        select s.label, p.days, 100 * (now.chain_index / before.chain_index - 1) as chain_change_pct,
               100 * (now.level_usd / before.level_usd - 1) as level_change_pct, now.n_members
        from mart.range_chain now join newest on now.ts = newest.ts, periods p
        join mart.range_chain before on before.series = now.series and before.ts = now.ts - to_days(p.days)
        join core.series s on s.category = {literal(RANGES)} and s.series = now.series
        where now.chain_index is not null and before.chain_index is not null
        order by p.days desc, s.sort_order
    """)


@kept_spec
def _chain_spec(labels: list[str], series: tuple[tuple[str, str, str], ...], periods: list[int]) -> dict[str, Any]:
    import altair as alt

    rows = alt.Chart(alt.NamedData("ranges_chain")).transform_filter("datum.days === +days")
    y = alt.Y(f"{KEY}:N", sort=labels[::-1], axis=alt.Axis(title=None, ticks=False, domain=False, labelLimit=150))
    axis = alt.Axis(title=None, grid=True, labelExpr="datum.label + ' %'")
    color = alt.Color(f"{KEY}:N", scale=alt.Scale(domain=labels, range=[each[2] for each in series]), legend=None)
    tooltip = [
        alt.Tooltip(f"{KEY}:N", title="Range"),
        alt.Tooltip("chain_change_pct:Q", title="Coins that stay, %", format="+.2f"),
        alt.Tooltip("level_change_pct:Q", title="Level, %", format="+.2f"),
    ]
    shared = {"y": y, "color": color, "opacity": fading(KEY), "tooltip": tooltip}
    between = rows.mark_rule(strokeWidth=2).encode(
        x=alt.X("chain_change_pct:Q", axis=axis), x2="level_change_pct:Q", **shared
    )
    chain = rows.mark_point(filled=True, size=120, opacity=1).encode(x=alt.X("chain_change_pct:Q", axis=axis), **shared)
    level = rows.mark_point(filled=False, size=120, strokeWidth=2, opacity=1).encode(
        x=alt.X("level_change_pct:Q", axis=axis), **shared
    )
    choice = input_number("days", "Days", periods, periods[0])
    return spec_of(alt.layer(between, level, chain), "ranges_chain", height=40 * max(2, len(labels)), inputs=[choice])
