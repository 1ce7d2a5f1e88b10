"""The card of money that moves into and out of exchanges by class of asset."""

from __future__ import annotations

from typing import Any

import polars as pl

from marketflows_pipeline.charts.style.wording import usd_text
from marketflows_pipeline.report.credits import DEFILLAMA, credit
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, joined, rows
from marketflows_pipeline.report.sections.exchange_netflow import PERIOD, WALLETS
from marketflows_pipeline.report.sections.marks import (
    both_ways,
    columns_axis,
    heat_map,
    height_of,
    limits_text,
    rows_axis,
)
from marketflows_pipeline.report.specs import fading, kept_spec, spec_of

CLASSES = "exchange_classes"
CLASS_NAMES = {"btc": "Bitcoin", "eth": "Ether", "stablecoins": "Stablecoins", "other": "Other tokens"}
CLASS_LIMITS = (0.1, 0.5, 2.0)

BY_CLASS = """
with newest as (select max(day) as day from mart.exchange_netflow_by_class),
periods as (select unnest([1, 7, 30]) as period_days),
held as (
    select asset_class, sum(reserves_usd) as class_usd from (
        from mart.exchange_netflow_by_class where day > (select day from newest) - 30
        qualify row_number() over (partition by slug, asset_class order by day desc) = 1
    ) group by asset_class
)
select asset_class, period_days, sum(flow_usd) as netflow_mid_usd, any_value(class_usd) as reserves_usd,
       100 * sum(flow_usd) / nullif(any_value(class_usd), 0) as netflow_pct,
       count(distinct slug) filter (flow_usd is not null) as n_exchanges
from (
    select slug, asset_class, period_days,
           if(previous_day >= newest.day - period_days, netflow_mid_usd, null) as flow_usd
    from newest
    cross join periods
    join mart.exchange_netflow_by_class flows on flows.day > newest.day - period_days
)
join held using (asset_class)
group by asset_class, period_days
order by list_position(['btc', 'eth', 'stablecoins', 'other'], asset_class), asset_class, period_days
"""


def class_card(file: PublishedFile) -> Card | None:
    """Net flow by class of asset over 1, 7 and 30 days; nothing where none is known."""
    known = rows(file, BY_CLASS).with_columns(
        label=pl.col("asset_class").replace(CLASS_NAMES),
        period=pl.format("{} d", "period_days"),
    )
    if known["netflow_mid_usd"].drop_nulls().is_empty():
        return None
    title = class_title(known)
    return Card(
        key="exchanges-classes",
        title=title,
        subtitle=(
            "Net flow of all tracked exchanges in USD over 1, 7 and 30 days; "
            f"{limits_text(CLASS_LIMITS, '% of the reserves of the class')}"
        ),
        caption=caption(
            credit(file, DEFILLAMA),
            file.as_of("mart.exchange_netflow_by_class"),
            f"net flow is {WALLETS}",
            "coins that come in may be for sale, a pledge, or a move between wallets; stablecoins that come in could "
            "buy, and have bought nothing",
            "tokens are sorted by symbol; wrapped ones count as their coin",
        ),
        dataset=Dataset(CLASSES, known),
        columns=(
            FigureColumn("label", "Class"),
            FigureColumn("period", "Over"),
            FigureColumn("netflow_mid_usd", "Net flow (M USD)", 1, signed=True, divisor=1e6),
            FigureColumn("netflow_pct", "Of its reserves (%)", 2, signed=True),
            FigureColumn("reserves_usd", "Reserves (B USD)", 1, divisor=1e9),
            FigureColumn("n_exchanges", "Exchanges known", 0),
        ),
        sql=BY_CLASS,
        spec=_spec(known.select("asset_class", "label", "period", "period_days")),
        description=f"A table of colours, a row for each class and a column for each period. {title}.",
        series_key="asset_class",
    )


def class_title(known: pl.DataFrame) -> str:
    """What came in and what went out over 7 days, the larger first."""
    week = known.filter(pl.col("period_days") == PERIOD).drop_nulls("netflow_mid_usd")
    if week.is_empty():
        return "No net flow of 7 days is known by class of asset"
    ordered = week.sort(pl.col("netflow_mid_usd").abs(), descending=True, maintain_order=True)
    into, out_of = (
        [f"{row['label'].lower()} {usd_text(row['netflow_mid_usd'], signed=True)}" for row in side.to_dicts()]
        for side in (ordered.filter(pl.col("netflow_mid_usd") > 0), ordered.filter(pl.col("netflow_mid_usd") < 0))
    )
    parts = [f"{joined(names)} {went}" for names, went in ((into, "came in"), (out_of, "went out")) if names]
    if len(parts) > 1 and ordered["netflow_mid_usd"][0] < 0:
        parts.reverse()
    text = "; ".join(parts) or "nothing moved"
    return f"Exchanges in 7 days: {text}"


@kept_spec
def _spec(known: pl.DataFrame) -> dict[str, Any]:
    import altair as alt

    labels = dict(known.select("asset_class", "label").unique(maintain_order=True).iter_rows())
    cells = (
        alt.Chart(alt.NamedData(CLASSES))
        .transform_calculate(
            million="isValid(datum.netflow_mid_usd) ? datum.netflow_mid_usd / 1e6 : null",
            text="isValid(datum.million) ? format(datum.million, '+,.1f') : 'not known'",
        )
        .encode(
            x=columns_axis("period", known.sort("period_days")["period"].unique(maintain_order=True).to_list()),
            y=rows_axis("asset_class", labels),
            tooltip=[
                alt.Tooltip("label:N", title="Class"),
                alt.Tooltip("period:N", title="Over"),
                alt.Tooltip("million:Q", title="Net flow (M USD)", format="+,.1f"),
                alt.Tooltip("netflow_pct:Q", title="Of its reserves (%)", format="+.2f"),
                alt.Tooltip("n_exchanges:Q", title="Exchanges known"),
            ],
        )
    )
    chart = heat_map(cells, both_ways("netflow_pct", CLASS_LIMITS), opacity=fading("asset_class"))
    return spec_of(chart, CLASSES, height=height_of(len(labels), row=44))
