"""Size: dominance over time, the map of the market and what narratives share."""

from __future__ import annotations

from marketflows_pipeline.charts.style.theme import GREY, PALETTE
from marketflows_pipeline.charts.style.wording import counted, value_text
from marketflows_pipeline.report.gaps import with_stretches
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, described, extreme, select, source_of
from marketflows_pipeline.report.sections.lines import Lines, fixed, line_spec
from marketflows_pipeline.report.sections.series import KEY, newest_figures, over_days, shown, thinned
from marketflows_pipeline.transforms.categories import DISJOINT_RULE, NARRATIVES, OTHER
from marketflows_pipeline.warehouse.ddl import literal

DOMINANCE, MAP, OVERLAP = "mart.dominance", "mart.market_map", "mart.narrative_overlap"
_BILLION = 1e9
_DAYS = 28
_PAIRS = 30
_IN_NONE = "in no narrative"
_SHARES = (
    ("bitcoin_pct", "Bitcoin", PALETTE[1]),
    ("ethereum_pct", "Ether", PALETTE[0]),
    ("stablecoins_pct", "Stablecoins", PALETTE[2]),
    ("others_pct", "All others", GREY),
)


def dominance_card(file: PublishedFile) -> Card | None:
    """Shares of bitcoin, ether, stablecoins and all others over time; None before they are known."""
    if not file.has(DOMINANCE):
        return None
    each = "\nunion all\n".join(
        f"select {literal(label)} as label, {place} as place, ts, {column} as share_pct, is_backfilled "
        f"from mart.dominance where ts > (select max(ts) from mart.dominance) - interval 365 day"
        for place, (column, label, _) in enumerate(_SHARES)
    )
    sql = f"select label, ts, share_pct, is_backfilled from (\n{each}\n) order by place, ts"
    full = file.frame(sql)
    newest = newest_figures(full, "share_pct")
    if not newest:
        return None
    rows, before = thinned(with_stretches(full, [KEY]), [KEY])
    changes = over_days(full, "share_pct", _DAYS, lambda before, now: now - before)
    subject = "Bitcoin" if "Bitcoin" in newest else next(iter(newest))
    title = f"{subject} holds {_percent(newest[subject])} of the followed coins' market cap"
    change = changes.pop(subject, None)
    if change is not None:
        title += f", {value_text(change, 1, signed=True)} points in {_DAYS} days"
    moved = extreme(changes)
    if moved and abs(moved[1]) >= 0.05:
        title += f"; {moved[0]} {value_text(moved[1], 1, signed=True)}"
    subtitle = "Share of all followed coins above the smallest range limit, %; dashed where coins were known later only"
    shown_parts = set(rows[KEY].unique())
    series = tuple((label, label, color) for _, label, color in _SHARES if label in shown_parts)
    return Card(
        key="dominance",
        title=title,
        subtitle=subtitle,
        caption=caption(
            source_of(file),
            file.as_of(DOMINANCE),
            "not of the whole market",
            "wrapped, staked and pegged coins are left out",
        ),
        dataset=Dataset("dominance", rows, before),
        columns=(
            FigureColumn("ts", "Close (UTC)"),
            FigureColumn(KEY, "Part"),
            FigureColumn("share_pct", "Share, %", 2),
            FigureColumn("is_backfilled", "By hindsight"),
        ),
        sql=sql,
        spec=line_spec(
            Lines(
                dataset="dominance",
                series=series,
                value="datum.share_pct",
                text=fixed(1, " %"),
                steps=int(rows["ts"].n_unique()),
                axis={"labelExpr": "datum.label + ' %'"},
                scale={"zero": True},
                dashed="datum.is_backfilled",
                height=220,
            )
        ),
        description=described(title, subtitle, [(label, _percent(share)) for label, share in newest.items()]),
        series_key=KEY,
        series=series,
        pictures=("MarketCaps_dominance.png",),
    )


def map_card(file: PublishedFile) -> Card | None:
    """Every coin in one narrative: a table of the parts; None where all coins are in one part."""
    if not file.has(MAP):
        return None
    sql = select(f"""
        select coalesce(any_value(s.label), case when m.series = '{OTHER}' then '{_IN_NONE}' else m.series end)
                   as label,
               count(*) as n_coins, any_value(m.series_usd) as market_cap_usd,
               any_value(m.series_share_pct) as share_pct,
               any_value(m.series_price_change_1d_pct) as change_1d_pct,
               any_value(m.series_price_change_7d_pct) as change_7d_pct,
               any_value(m.series_price_change_30d_pct) as change_30d_pct,
               arg_max(upper(coalesce(c.symbol, m.coin_id)), m.market_cap_usd) as largest_coin
        from mart.market_map m left join core.series s on s.category = {literal(NARRATIVES)} and s.series = m.series
        left join accepted.coins c using (coin_id)
        group by m.series order by market_cap_usd desc, m.series
    """)
    rows = shown(file.frame(sql), ("largest_coin",))
    if rows.height < 2:
        return None
    first = rows.row(0, named=True)
    moved = extreme(dict(rows.select(KEY, "change_7d_pct").iter_rows()))
    part = _IN_NONE if first[KEY] == _IN_NONE else f"in {first[KEY]}"
    title = f"Coins {part} are {_percent(first['share_pct'])} of the map"
    if moved and abs(moved[1]) >= 0.05:
        title += f"; {moved[0]} moved most in 7 days, {value_text(moved[1], 1, signed=True)} % by price"
    return Card(
        key="market-map",
        title=title,
        subtitle="Followed coins by narrative, each counted once: market cap, share and change of price",
        caption=caption(
            source_of(file), file.as_of(MAP), DISJOINT_RULE, "changes are of prices, weighted by market cap before"
        ),
        dataset=Dataset("market_map", rows),
        columns=(
            FigureColumn(KEY, "Narrative"),
            FigureColumn("n_coins", "Coins", 0),
            FigureColumn("largest_coin", "Largest"),
            FigureColumn("market_cap_usd", "Market cap, B USD", 1, divisor=_BILLION),
            FigureColumn("share_pct", "Share, %", 1),
            FigureColumn("change_1d_pct", "1 d, %", 1, signed=True),
            FigureColumn("change_7d_pct", "7 d, %", 1, signed=True),
            FigureColumn("change_30d_pct", "30 d, %", 1, signed=True),
        ),
        sql=sql,
        pictures=("MarketCaps_market_map.png",),
    )


def overlap_card(file: PublishedFile) -> Card | None:
    """Which narratives share coins: a table of pairs, the largest overlap first; None with fewer than two."""
    if not (file.has(OVERLAP) and file.has("core.series")):
        return None
    label = "(select label from core.series where category = {} and series = o.{})"
    one, other = (label.format(literal(NARRATIVES), column) for column in ("series", "other_series"))
    sql = select(f"""
        select coalesce({one}, o.series) as label, coalesce({other}, o.other_series) as other, o.n_shared,
               o.shared_usd, o.of_smaller_pct, o.of_union_pct
        from mart.narrative_overlap o order by o.of_smaller_pct desc nulls last, o.series, o.other_series limit {_PAIRS}
    """)
    rows = shown(file.frame(sql), ("other",))
    if rows.is_empty():
        return None
    first = rows.row(0, named=True)
    if first["n_shared"]:
        of_smaller = "" if first["of_smaller_pct"] is None else f", {_percent(first['of_smaller_pct'])} of the smaller"
        title = f"{first[KEY]} and {first['other']} share {counted(first['n_shared'], 'coin')}{of_smaller}"
    else:
        title = "No two narratives share a coin"
    return Card(
        key="narratives-overlap",
        title=title,
        subtitle="What each two narratives share, by members at the newest close",
        caption=caption(
            source_of(file),
            file.as_of(OVERLAP),
            "who is in two narratives counts in both of their sums",
            f"at most {_PAIRS} pairs" if rows.height == _PAIRS else "",
        ),
        dataset=Dataset("narratives_overlap", rows),
        columns=(
            FigureColumn(KEY, "Narrative"),
            FigureColumn("other", "and"),
            FigureColumn("n_shared", "Shared coins", 0),
            FigureColumn("shared_usd", "Their cap, B USD", 1, divisor=_BILLION),
            FigureColumn("of_smaller_pct", "Of the smaller, %", 1),
            FigureColumn("of_union_pct", "Of both, %", 1),
        ),
        sql=sql,
    )


def _percent(value: float) -> str:
    return f"{value_text(value, 1, signed=False)} %"
