"""The card of groups of funds: what flowed into each, and how much of it is known."""

from __future__ import annotations

from typing import Any

import polars as pl

from marketflows_pipeline.charts.cross_asset.wording import coverage_text
from marketflows_pipeline.charts.style.wording import counted, usd_text
from marketflows_pipeline.report.credits import BARS, SHARES, market_credit
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, rows
from marketflows_pipeline.report.sections.cross_flows import CREATIONS
from marketflows_pipeline.report.sections.marks import height_of, rows_axis, signed_bars
from marketflows_pipeline.report.specs import kept_spec, spec_of

GROUPS = "cross_asset_groups"
SQL = """
with sessions as (
    select session from (select distinct session from mart.fund_group_flows)
    qualify row_number() over (order by session desc) <= 21
)
select asset_group, max(session) as session, sum(flow_usd) as flow_usd, count(*) as n_sessions,
       count(flow_usd) as sessions_known, arg_max(n_funds, session) as n_funds, arg_max(n_known, session) as n_known,
       arg_max(n_with_assets, session) as n_with_assets, last(assets_usd order by session) as assets_usd,
       last(coverage_pct order by session) as coverage_pct, min(coverage_pct) as least_coverage_pct
from mart.fund_group_flows
join sessions using (session)
group by asset_group
order by flow_usd desc nulls last, asset_group
"""


def groups_card(file: PublishedFile) -> Card | None:
    """Flows of groups over a month of sessions; nothing where none is known."""
    groups = rows(file, SQL)
    known = groups.drop_nulls("flow_usd")
    if known.is_empty():
        return None
    title = groups_title(known)
    parts = [f"{row['asset_group']} {coverage_text(row)}" for row in groups.to_dicts()]
    return Card(
        key="cross-asset-groups",
        title=title,
        subtitle=f"Flows of groups of funds over {counted(known['n_sessions'].max(), 'session')}, M USD",  # type: ignore[arg-type]
        caption=caption(
            market_credit(file, BARS, SHARES),
            groups["session"].max(),  # type: ignore[arg-type]
            f"known: {'; '.join(parts)}",
            "nothing is filled in: a sum of a part of a group is that of the part",
            "a fund is in a part of a group and in the whole",
            CREATIONS,
        ),
        dataset=Dataset(GROUPS, groups),
        columns=(
            FigureColumn("asset_group", "Group"),
            FigureColumn("flow_usd", "Flow (M USD)", 1, signed=True, divisor=1e6),
            FigureColumn("sessions_known", "Sessions known", 0),
            FigureColumn("n_known", "Funds known", 0),
            FigureColumn("n_funds", "Funds", 0),
            FigureColumn("coverage_pct", "Of known assets (%)", 1),
            FigureColumn("least_coverage_pct", "Least of a session (%)", 1),
            FigureColumn("assets_usd", "Known assets (M USD)", 0, divisor=1e6),
        ),
        sql=SQL,
        spec=_spec(known.select("asset_group")),
        description=f"Bars of {counted(known.height, 'group')}, the largest inflow first. {title}.",
        series_key="asset_group",
        pictures=("CrossAsset_fund_groups.png",),
    )


def groups_title(known: pl.DataFrame) -> str:
    """The group with the largest flow either way, and how much of it is known."""
    row = known.sort(pl.col("flow_usd").abs(), "asset_group", descending=[True, False]).row(0, named=True)
    moved = "took in" if row["flow_usd"] >= 0 else "lost"
    return (
        f"{row['asset_group']} {moved} {usd_text(abs(row['flow_usd']))} in {counted(row['n_sessions'], 'session')}, "
        f"{row['n_known']} of {counted(row['n_funds'], 'fund')} known"
    )


@kept_spec
def _spec(known: pl.DataFrame) -> dict[str, Any]:
    import altair as alt  # noqa: PLC0415 (loads for 0.6 s)

    base = (
        alt.Chart(alt.NamedData(GROUPS))
        .transform_filter("isValid(datum.flow_usd)")
        .transform_calculate(million="datum.flow_usd / 1e6")
    )
    tooltip = [
        alt.Tooltip("asset_group:N", title="Group"),
        alt.Tooltip("million:Q", title="Flow (M USD)", format="+,.1f"),
        alt.Tooltip("n_known:Q", title="Funds known"),
        alt.Tooltip("n_funds:Q", title="Funds"),
        alt.Tooltip("coverage_pct:Q", title="Of known assets (%)", format=".1f"),
    ]
    y = rows_axis("asset_group", {name: name for name in known["asset_group"]})
    bars = signed_bars(base, y, "asset_group", tooltip, length="million", flow="flow_usd")
    return spec_of(bars, GROUPS, height=height_of(known.height, row=28))
