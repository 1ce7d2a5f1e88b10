"""Which coins moved each chained index most: bars."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from marketflows_pipeline.charts.style.theme import INTO, OUT_OF
from marketflows_pipeline.charts.style.wording import value_text
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, select
from marketflows_pipeline.report.sections.series import KEY, labels_of, plain, row_height, those_in
from marketflows_pipeline.report.sections.words import described, source_of
from marketflows_pipeline.report.specs import SINGLED_OUT, kept_spec, spec_of
from marketflows_pipeline.warehouse.ddl import literal

CONTRIBUTIONS = "mart.index_contributions"
_DAYS = 28
_A_SIDE = 3
_BARS = 12


def contributions_card(file: PublishedFile, category: str) -> Card | None:
    """The coins that added most to each index of a category and took most from it; None where nothing is known."""
    if not (file.has(CONTRIBUTIONS) and file.has("core.series") and file.has("mart.narrative_index")):
        return None
    sql = _sql(category)
    rows = file.frame(sql)
    if rows.is_empty():
        return None
    rows = rows.with_columns(bar=pl.concat_str("symbol", pl.lit(" in "), KEY))
    series = plain(those_in(labels_of(file, category), rows))
    title = _title(rows)
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
        spec=_spec(dataset, [each[0] for each in series], shown.height),
        description=described(title, subtitle, newest),
        series_key=KEY,
        series=series,
    )


def _sql(category: str) -> str:
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


def _title(rows: pl.DataFrame) -> str:
    first = rows.row(0, named=True)
    added, to = ("added", "to") if first["contribution_pp"] > 0 else ("took", "from")
    points = value_text(abs(first["contribution_pp"]), 1, signed=False)
    others = rows.filter(pl.col(KEY) != first[KEY], pl.col("symbol") == first["symbol"])
    also = f", and moved {others.height} other index{'' if others.height == 1 else 'es'}" if others.height else ""
    moved = f"{first['symbol']} {added} {points} points {to} {first[KEY]}"
    return f"{moved} in {_DAYS} days, the largest contribution{also}"


@kept_spec
def _spec(dataset: str, labels: list[str], bars: int) -> dict[str, Any]:
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
