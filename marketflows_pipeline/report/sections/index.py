"""The chained index of narratives or portfolios, and which coins moved it most."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, cast

import polars as pl

from marketflows_pipeline.charts.market_caps.spec import IndexSpec
from marketflows_pipeline.charts.market_caps.wording import base_words
from marketflows_pipeline.charts.style.theme import INTO, OUT_OF
from marketflows_pipeline.charts.style.wording import percent_text, utc_day, value_text
from marketflows_pipeline.report.gaps import with_stretches
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import (
    caption,
    change_finding,
    described,
    known,
    newest_time,
    select,
    source_of,
)
from marketflows_pipeline.report.sections.controls import BASE, Measures
from marketflows_pipeline.report.sections.lines import Lines, fixed, line_spec
from marketflows_pipeline.report.sections.series import (
    KEY,
    labels_of,
    over_days,
    plain,
    points_for,
    row_height,
    styled,
    thinned,
    those_in,
)
from marketflows_pipeline.report.specs import SINGLED_OUT, kept_spec, spec_of
from marketflows_pipeline.warehouse.ddl import literal

INDEX, CONTRIBUTIONS = "mart.narrative_index", "mart.index_contributions"
_DAYS = 28
# Coins of each series on either side, and bars where no series is singled out.
_A_SIDE = 3
_BARS = 12


def index_card(file: PublishedFile, category: str, measures: Measures) -> Card | None:
    """The chained index of a category's series in every base; None before the first close.

    Args:
        file: the published file.
        category: Narratives or Portfolios.
        measures: the bases of the control bar.
    """
    if not (file.has(INDEX) and file.has("core.series") and measures.bases):
        return None
    sql, noun = _sql(category, measures), category.lower()
    full = file.frame(sql)
    if full["ts"].n_unique() < 2:
        return None
    rows, before = thinned(with_stretches(full, [KEY]), [KEY], most=points_for(full[KEY].n_unique()))
    series, dataset = styled(those_in(labels_of(file, category), rows)), f"{noun}_index"
    final = full.filter(~pl.col("is_provisional"))
    first, close = full["ts"].min(), final["ts"].max()
    assert isinstance(first, datetime), "there are two times"
    gains = over_days(final, "price_b0", _DAYS, lambda before, now: 100 * (now / before - 1))
    in_base = base_words(measures.bases[0], measures.base_labels[0])
    title = change_finding(gains, f"over {_DAYS} days by chained index {in_base}", noun=noun)
    subtitle = (
        f"Price index of {noun}, base 1,000, members as known at each reconstitution; dashed where members are by "
        "hindsight; the control bar sets the base"
    )
    newest = [(label, percent_text(gain)) for label, gain in known(gains).items()]
    return Card(
        key=f"{noun}-index",
        title=title,
        subtitle=subtitle,
        caption=caption(
            source_of(file),
            newest_time(full, "ts"),
            f"last final close {utc_day(close)}, later points are provisional" if isinstance(close, datetime) else "",
            *_caveats(full),
            "returns are of prices: no measure of money that came in",
        ),
        dataset=Dataset(dataset, rows, before),
        columns=(
            FigureColumn("ts", "Time (UTC)"),
            FigureColumn(KEY, "Series"),
            *(
                FigureColumn(f"price_b{place}", f"Price index, {label} (base = 1,000)", 1)
                for place, label in enumerate(measures.base_labels)
            ),
            FigureColumn("coverage_pct", "Prices known, %", 1),
            FigureColumn("is_backfilled", "By hindsight"),
            FigureColumn("is_provisional", "Provisional"),
        ),
        sql=sql,
        spec=line_spec(
            Lines(
                dataset=dataset,
                series=series,
                value=f"datum['price_' + {BASE}]",
                text=fixed(1),
                steps=int(rows["ts"].n_unique()),
                dashed="datum.is_backfilled",
                signals={BASE: measures.first[BASE]},
            )
        ),
        description=described(title, subtitle, newest),
        series_key=KEY,
        series=series,
        controls=(BASE,),
        pictures=tuple(IndexSpec.file_name_of(category=category, base_asset=base) for base in measures.bases),
    )


def _sql(category: str, measures: Measures) -> str:
    levels = ",\n       ".join(
        f"max(i.price_index) filter (where i.base_asset = {literal(base)}) as price_{measures.base_value(base)}"
        for base in measures.bases
    )
    return select(
        f"select s.label, i.ts,\n       {levels},\n"
        "       min(i.coverage_pct) as coverage_pct, bool_or(i.is_backfilled) as is_backfilled,\n"
        "       bool_or(i.is_provisional) as is_provisional\n"
        f"from mart.narrative_index i join core.series s using (category, series)\n"
        f"where i.category = {literal(category)}\n"
        "group by s.label, s.sort_order, i.ts order by s.sort_order, i.ts"
    )


def _caveats(full: pl.DataFrame) -> list[str]:
    words = []
    hindsight = full.filter(pl.col("is_backfilled"))
    if hindsight.height:
        last, whole = cast("datetime", hindsight["ts"].max()), hindsight.height == full.height
        until = "all closes" if whole else f"closes up to {utc_day(last)}"
        words.append(f"{until} are made with later members, by hindsight (survivor-biased)")
    least = full["coverage_pct"].min()
    if isinstance(least, float) and least < 99.95:
        words.append(f"prices of at least {least:.1f} % of a level are known, the rest is held")
    return words


def contributions_card(file: PublishedFile, category: str) -> Card | None:
    """The coins that added most to each index of a category and took most from it; None where nothing is known."""
    if not (file.has(CONTRIBUTIONS) and file.has("core.series") and file.has(INDEX)):
        return None
    sql = _contributions_sql(category)
    rows = file.frame(sql)
    if rows.is_empty():
        return None
    rows = rows.with_columns(bar=pl.concat_str("symbol", pl.lit(" in "), KEY))
    series = plain(those_in(labels_of(file, category), rows))
    title = _contributions_title(rows)
    subtitle = f"Contribution of coins to the chained index in US dollars over {_DAYS} days, percentage points"
    shown = rows.head(_BARS)
    newest = [
        (bar, f"{value_text(points, 1, signed=True)} points")
        for bar, points in shown.select("bar", "contribution_pp").iter_rows()
    ]
    dataset = f"{category.lower()}_contributions"
    return Card(
        key=f"{category.lower()}-contributions",
        title=title,
        subtitle=f"{subtitle}; the {shown.height} largest, or those of the series singled out",
        caption=caption(
            source_of(file),
            file.as_of(CONTRIBUTIONS),
            "weight times return of price, so no money that came in",
            f"of each series at most {_A_SIDE} coins that added and {_A_SIDE} that took",
        ),
        dataset=Dataset(dataset, rows),
        columns=(
            FigureColumn(KEY, "Series"),
            FigureColumn("symbol", "Coin"),
            FigureColumn("contribution_pp", f"Contribution over {_DAYS} days, pp", 2, signed=True),
            FigureColumn("days_known", "Days known", 0),
        ),
        sql=sql,
        spec=_contributions_spec(dataset, [each[0] for each in series], shown.height),
        description=described(title, subtitle, newest),
        series_key=KEY,
        series=series,
    )


def _contributions_sql(category: str) -> str:
    return select(f"""
        with newest as (select max(ts) as ts from mart.index_contributions),
        start as (
            select series, price_index from mart.narrative_index, newest
            where category = {literal(category)} and base_asset = 'us-dollar' and not is_provisional
              and narrative_index.ts = newest.ts - interval {_DAYS} day
        ),
        sums as (
            select c.series, c.coin_id, count(*) as days_known,
                   100 * sum(c.points - c.points_before) / any_value(start.price_index) as contribution_pp
            from mart.index_contributions c join start using (series), newest
            where c.category = {literal(category)} and c.ts > newest.ts - interval {_DAYS} day
            group by c.series, c.coin_id
        ),
        placed as (
            select *, row_number() over (partition by series, contribution_pp > 0
                                         order by abs(contribution_pp) desc, coin_id) as place_on_side
            from sums where contribution_pp <> 0
        )
        select s.label, p.coin_id, upper(coalesce(coins.symbol, p.coin_id)) as symbol, p.contribution_pp, p.days_known,
               row_number() over (order by abs(p.contribution_pp) desc, s.sort_order, p.coin_id) as place
        from placed p
        join core.series s on s.category = {literal(category)} and s.series = p.series
        left join accepted.coins coins using (coin_id)
        where p.place_on_side <= {_A_SIDE}
        order by place
    """)


def _contributions_title(rows: pl.DataFrame) -> str:
    first = rows.row(0, named=True)
    added, to = ("added", "to") if first["contribution_pp"] > 0 else ("took", "from")
    points = value_text(abs(first["contribution_pp"]), 1, signed=False)
    others = rows.filter(pl.col(KEY) != first[KEY], pl.col("symbol") == first["symbol"])
    also = f", and moved {others.height} other index{'' if others.height == 1 else 'es'}" if others.height else ""
    moved = f"{first['symbol']} {added} {points} points {to} {first[KEY]}"
    return f"{moved} in {_DAYS} days, the largest contribution{also}"


@kept_spec
def _contributions_spec(dataset: str, labels: list[str], bars: int) -> dict[str, Any]:
    import altair as alt

    own = f"indexof({json.dumps(labels)}, {SINGLED_OUT}) >= 0"
    rows = alt.Chart(alt.NamedData(dataset)).transform_filter(
        f"{own} ? datum.{KEY} === {SINGLED_OUT} : datum.place <= {_BARS}"
    )
    order = alt.EncodingSortField("contribution_pp", order="descending")
    y = alt.Y("bar:N", sort=order, axis=alt.Axis(title=None, ticks=False, domain=False, labelLimit=190))
    x = alt.X("contribution_pp:Q", axis=alt.Axis(title=None, grid=True))
    sign = alt.ColorValue(OUT_OF, condition={"test": "datum.contribution_pp > 0", "value": INTO})
    chart = rows.mark_bar(height=alt.RelativeBandSize(band=0.7)).encode(
        x=x,
        y=y,
        color=sign,
        tooltip=[
            alt.Tooltip("symbol:N", title="Coin"),
            alt.Tooltip(f"{KEY}:N", title="Series"),
            alt.Tooltip("contribution_pp:Q", title="Points", format="+.2f"),
        ],
    )
    return spec_of(chart, dataset, height=bars * row_height(bars))
