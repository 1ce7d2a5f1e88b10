"""Cards of money that moves into and out of exchanges: by exchange, beside DefiLlama's own figure, and by class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from marketflows_pipeline.charts.style.theme import BACKGROUND, INK
from marketflows_pipeline.charts.style.wording import counted, percent_text, usd_text
from marketflows_pipeline.report.credits import DEFILLAMA, credit
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, joined, most_both_ways, of_all, rows
from marketflows_pipeline.report.sections.marks import (
    both_ways,
    columns_axis,
    heat_map,
    height_of,
    limits_text,
    rows_axis,
    signed_bars,
)
from marketflows_pipeline.report.specs import fading, kept_spec, spec_of

# The period that the chart and its title are about.
PERIOD = 7
NETFLOW = "exchange_netflow"
WALLETS = "of the wallets that DefiLlama knows, tracked exchanges alone"

LEAGUE = """
select name as exchange, exchange_key, is_tracked,
       max(rank) filter (period_days = 7) as rank_7d,
       max(netflow_mid_usd) filter (period_days = 1) as netflow_1d_usd,
       max(netflow_mid_usd) filter (period_days = 7) as netflow_7d_usd,
       max(netflow_mid_usd) filter (period_days = 30) as netflow_30d_usd,
       max(netflow_pct_of_reserves) filter (period_days = 7) as netflow_7d_pct,
       max(days_known) filter (period_days = 7) as days_known_7d,
       max(days_known) filter (period_days = 30) as days_known_30d,
       max(defillama_inflow_usd) filter (period_days = 1) as defillama_1d_usd,
       max(defillama_inflow_usd) filter (period_days = 7) as defillama_7d_usd,
       max(defillama_inflow_usd) filter (period_days = 30) as defillama_30d_usd,
       string_agg(case when signs_differ then period_days || ' d' end, ', ' order by period_days) as signs_differ,
       bool_or(signs_differ) filter (period_days = 7) as signs_differ_7d,
       max(reason) filter (period_days = 7) as reason
from mart.exchange_league
group by exchange_key, name, is_tracked
order by rank_7d nulls last, is_tracked desc, defillama_7d_usd desc nulls last, exchange_key
"""
_SHOWN = ("netflow_7d_usd", "defillama_7d_usd")

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


def netflow_card(file: PublishedFile) -> Card | None:
    """Net flow of exchanges over 1, 7 and 30 days, beside DefiLlama's own; nothing where neither is known."""
    league = rows(file, LEAGUE)
    shown = league.filter(pl.any_horizontal(pl.col(_SHOWN).is_not_null()))
    if shown.is_empty():
        return None
    title = netflow_title(league)
    return Card(
        key="exchanges-netflow",
        title=title,
        subtitle=(
            "Net flow of 7 days in million USD: bars from token quantities at the mean of both days' prices, diamonds "
            "DefiLlama's own figure, \u2260 where it has the other sign; positive is into the exchange"
        ),
        caption=caption(
            credit(file, DEFILLAMA),
            file.as_of("mart.exchange_netflow") or file.as_of("mart.exchange_league"),
            f"net flow is {WALLETS}; a wallet without a label is not seen",
            "flow, not price: what prices did to reserves is left out",
            "DefiLlama's formula is not published; where signs differ, trust neither blindly",
        ),
        dataset=Dataset(NETFLOW, league),
        columns=(
            FigureColumn("exchange", "Exchange"),
            *_millions("netflow", ""),
            FigureColumn("netflow_7d_pct", "7 d (% of reserves)", 2, signed=True),
            FigureColumn("days_known_30d", "Days known of 30", 0),
            *_millions("defillama", "DefiLlama "),
            FigureColumn("signs_differ", "Signs differ"),
            FigureColumn("reason", "No net flow, because"),
        ),
        sql=LEAGUE,
        spec=_netflow_spec(shown.select("exchange_key", "exchange")),
        description=f"Bars of {counted(shown.height, 'exchange')}, the largest inflow first. {title}.",
        series_key="exchange_key",
        pictures=("Exchanges_netflow_league.png",),
    )


def _millions(whose: str, named: str) -> Iterator[FigureColumn]:
    for days in (1, 7, 30):
        yield FigureColumn(f"{whose}_{days}d_usd", f"{named}{days} d (M USD)", 1, signed=True, divisor=1e6)


def netflow_title(league: pl.DataFrame) -> str:
    """Who took in most and who lost most, and how often DefiLlama says the opposite."""
    known = league.drop_nulls("netflow_7d_usd").sort("netflow_7d_usd", descending=True, maintain_order=True)
    compared = league["signs_differ_7d"].drop_nulls()
    doubt = ""
    if differ := int(compared.sum()):
        doubt = f"; DefiLlama says the opposite of {of_all(differ, compared.len(), 'exchange')}"
    if known.is_empty():
        return "No net flow of 7 days is known; DefiLlama's own figures stand alone"
    parts = most_both_ways(known, "exchange", "netflow_7d_usd", "in 7 days", _flow_text)
    return (", ".join(parts) or "Nothing moved into or out of exchanges in 7 days") + doubt


def _flow_text(row: dict[str, Any]) -> str:
    flow, share, days = row["netflow_7d_usd"], row["netflow_7d_pct"], row["days_known_7d"]
    beside = [] if share is None else [f"{percent_text(share, 2)} of reserves"]
    if days < PERIOD:
        beside.append(f"{days} of 7 days known")
    return usd_text(flow, signed=True) + (f" ({', '.join(beside)})" if beside else "")


@kept_spec
def _netflow_spec(shown: pl.DataFrame) -> dict[str, Any]:
    import altair as alt

    y = rows_axis("exchange_key", dict(shown.select("exchange_key", "exchange").iter_rows()))
    tooltip = [
        alt.Tooltip("exchange:N", title="Exchange"),
        alt.Tooltip("flow:Q", title="Net flow, 7 d (M USD)", format="+,.1f"),
        alt.Tooltip("netflow_7d_pct:Q", title="Of reserves (%)", format="+.2f"),
        alt.Tooltip("days_known_7d:Q", title="Days known of 7"),
        alt.Tooltip("theirs:Q", title="DefiLlama's own, 7 d (M USD)", format="+,.1f"),
    ]
    base = (
        alt.Chart(alt.NamedData(NETFLOW))
        .transform_filter("isValid(datum.netflow_7d_usd) || isValid(datum.defillama_7d_usd)")
        .transform_calculate(
            flow="isValid(datum.netflow_7d_usd) ? datum.netflow_7d_usd / 1e6 : null",
            theirs="isValid(datum.defillama_7d_usd) ? datum.defillama_7d_usd / 1e6 : null",
            end="max(datum.flow || 0, datum.theirs || 0)",
        )
    )
    bars = signed_bars(base, y, "exchange_key", tooltip, length="flow", flow="flow")
    theirs = base.mark_point(shape="diamond", filled=True, size=70, stroke=BACKGROUND, strokeWidth=1).encode(
        x="theirs:Q", y=y, color=alt.value(INK), opacity=fading("exchange_key", 0.9), tooltip=tooltip
    )
    differ = (
        base.transform_filter("datum.signs_differ_7d")
        .mark_text(align="left", dx=10, text="\u2260", fontSize=14, fontWeight="bold", color=INK)
        .encode(x="end:Q", y=y)
    )
    return spec_of(bars + theirs + differ, NETFLOW, height=height_of(shown.height))


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
        spec=_class_spec(known.select("asset_class", "label", "period", "period_days")),
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
def _class_spec(known: pl.DataFrame) -> dict[str, Any]:
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
