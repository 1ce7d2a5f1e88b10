"""Cards of flows by asset: ranked, and beside what prices did."""

from __future__ import annotations

from typing import Any

import polars as pl

from marketflows_pipeline.charts.cross_asset.spec import is_fund
from marketflows_pipeline.charts.cross_asset.wording import percent_of_cap_text
from marketflows_pipeline.charts.style.theme import GREY
from marketflows_pipeline.charts.style.wording import names_text, percent_text, usd_text
from marketflows_pipeline.report.credits import BARS, SHARES, market_credit
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, joined, most_both_ways, of_all, rows
from marketflows_pipeline.report.sections.cross_flows import CREATIONS
from marketflows_pipeline.report.sections.marks import height_of, into_or_out_of, rows_axis, signed_axis, signed_bars
from marketflows_pipeline.report.specs import fading, kept_spec, spec_of

RANKING = "cross_asset_ranking"
_IS_FUND = "(datum.flow_method == 'shares' || datum.flow_method == 'aum') && isValid(datum.flow_usd)"
SQL = """
with shown as (
    select case when bool_or(window_sessions = 21) then 21 else max(window_sessions) end as n from mart.flow_rankings
)
select symbol, name, asset_class, window_sessions, flow_method, flow_usd, sessions_known, flow_pct_of_market_cap,
       100 * price_return as price_return_pct, price_effect_usd, session
from mart.flow_rankings
where window_sessions = (select n from shown)
order by flow_usd desc nulls last, symbol
"""


def ranking_card(file: PublishedFile) -> Card | None:
    """Assets by flow of the month; nothing where no fund's flow is known."""
    ranked = rows(file, SQL)
    funds = funds_of(ranked)
    if funds.is_empty():
        return None
    title = ranking_title(funds)
    window = ranked["window_sessions"][0]
    unknown = names_text(sorted(ranked.filter(pl.col("flow_usd").is_null())["symbol"]))
    issuance = names_text(sorted(ranked.filter(pl.col("flow_method") == "supply")["symbol"]))
    return Card(
        key="cross-asset-ranking",
        title=title,
        subtitle=f"Flow of {window} sessions in percent of the assets before them, and in USD",
        caption=caption(
            market_credit(file, BARS, SHARES),
            ranked["session"][0],
            "flow, not price",
            CREATIONS,
            f"left out, issuance is no flow of investors: {issuance}" if issuance else "",
            f"flow not known: {unknown}" if unknown else "",
        ),
        dataset=Dataset(RANKING, ranked),
        columns=_COLUMNS,
        sql=SQL,
        spec=_ranking_spec(funds),
        description=f"Bars of {of_all(funds.height, funds.height, 'fund')}, the largest inflow first. {title}.",
        series_key="symbol",
        pictures=(f"CrossAsset_flow_ranking_{window}.png",),
    )


def ranking_title(funds: pl.DataFrame) -> str:
    """Who took in most and who lost most, in USD."""
    ordered = funds.sort("flow_usd", "symbol", descending=[True, False])
    span = f"in {funds['window_sessions'][0]} sessions"
    return "; ".join(most_both_ways(ordered, "symbol", "flow_usd", span, _amount)) or f"No fund had a flow {span}"


def against_price_card(file: PublishedFile) -> Card | None:
    """Flows beside returns; nothing where no fund has both."""
    ranked = rows(file, SQL)
    both = funds_of(ranked).drop_nulls(["flow_pct_of_market_cap", "price_return_pct"])
    if both.is_empty():
        return None
    title, window = against_price_title(both), ranked["window_sessions"][0]
    return Card(
        key="cross-asset-price-flow",
        title=title,
        subtitle=f"Return of {window} sessions (across) and flow of the same sessions (up), both in percent",
        caption=caption(
            market_credit(file, BARS, SHARES),
            ranked["session"][0],
            "flow in percent of the assets before, so that funds of every size compare",
            CREATIONS,
            "neither is said to have caused the other; returns leave dividends out",
        ),
        dataset=Dataset(RANKING, ranked),
        columns=_COLUMNS,
        sql=SQL,
        spec=_against_price_spec(),
        description=f"A point for {of_all(both.height, both.height, 'fund')} with both. {title}.",
        series_key="symbol",
        pictures=("CrossAsset_price_vs_flow.png",),
    )


def against_price_title(both: pl.DataFrame) -> str:
    """How often money went against price, and where most."""
    flow, price = pl.col("flow_pct_of_market_cap"), pl.col("price_return_pct")
    against = both.filter(flow * price < 0).sort(flow.abs(), "symbol", descending=[True, False])
    window = both["window_sessions"][0]
    if against.is_empty():
        return f"Money and price went the same way at {of_all(both.height, both.height, 'fund')} in {window} sessions"
    row = against.row(0, named=True)
    took, fell = row["flow_pct_of_market_cap"], row["price_return_pct"]
    verb, moved = ("took in", "fell") if took > 0 else ("lost", "rose")
    amount, change = (text.lstrip("+\u2212") for text in (percent_of_cap_text(took), percent_text(fell)))
    return (
        f"Money went against price at {of_all(against.height, both.height, 'fund')}: {row['symbol']} {verb} {amount} "
        f"of its assets while its price {moved} {change}"
    )


def funds_of(ranked: pl.DataFrame) -> pl.DataFrame:
    """Rows whose flow is one of investors, and known."""
    return ranked.filter(is_fund(), pl.col("flow_usd").is_not_null())


_COLUMNS = (
    FigureColumn("symbol", "Symbol"),
    FigureColumn("name", "Name"),
    FigureColumn("flow_usd", "Flow (M USD)", 1, signed=True, divisor=1e6),
    FigureColumn("flow_pct_of_market_cap", "Of assets (%)", 2, signed=True),
    FigureColumn("price_return_pct", "Return (%)", 1, signed=True),
    FigureColumn("price_effect_usd", "Price effect (M USD)", 0, signed=True, divisor=1e6),
    FigureColumn("sessions_known", "Sessions known", 0),
    FigureColumn("flow_method", "By"),
)


def _amount(row: dict[str, Any]) -> str:
    share = row["flow_pct_of_market_cap"]
    known = row["sessions_known"]
    notes = [] if share is None else [f"{percent_of_cap_text(share)} of assets"]
    if known < row["window_sessions"]:
        notes.append(f"{known} of {row['window_sessions']} sessions known")
    return usd_text(row["flow_usd"], signed=True) + (f" ({joined(notes)})" if notes else "")


def _tooltip() -> list[Any]:
    import altair as alt

    return [
        alt.Tooltip("symbol:N", title="Symbol"),
        alt.Tooltip("name:N", title="Name"),
        alt.Tooltip("million:Q", title="Flow (M USD)", format="+,.1f"),
        alt.Tooltip("flow_pct_of_market_cap:Q", title="Of assets (%)", format="+.2f"),
        alt.Tooltip("price_return_pct:Q", title="Return (%)", format="+.1f"),
        alt.Tooltip("sessions_known:Q", title="Sessions known"),
    ]


@kept_spec
def _ranking_spec(funds: pl.DataFrame) -> dict[str, Any]:
    import altair as alt

    shown = funds.drop_nulls("flow_pct_of_market_cap").sort("flow_pct_of_market_cap", descending=True)
    base = (
        alt.Chart(alt.NamedData(RANKING))
        .transform_filter(f"{_IS_FUND} && isValid(datum.flow_pct_of_market_cap)")
        .transform_calculate(
            million="datum.flow_usd / 1e6",
            usd="(datum.flow_usd < 0 ? '\u2212' : '+') + '$' + (abs(datum.flow_usd) >= 1e9 ? "
            "format(abs(datum.flow_usd) / 1e9, ',.1f') + 'B' : format(abs(datum.flow_usd) / 1e6, ',.0f') + 'M')",
        )
    )
    y = rows_axis("symbol", {symbol: symbol for symbol in shown["symbol"]})
    bars = signed_bars(base, y, "symbol", _tooltip(), length="flow_pct_of_market_cap", flow="flow_usd")
    # On the side of zero that the bar leaves free.
    texts = {"x": alt.datum(0, type="quantitative"), "y": y, "text": "usd:N", "opacity": fading("symbol")}
    into = base.transform_filter("datum.flow_usd >= 0").mark_text(align="right", dx=-6).encode(**texts)
    out_of = base.transform_filter("datum.flow_usd < 0").mark_text(align="left", dx=6).encode(**texts)
    return spec_of(bars + into + out_of, RANKING, height=height_of(shown.height, row=28))


@kept_spec
def _against_price_spec() -> dict[str, Any]:
    import altair as alt

    base = (
        alt.Chart(alt.NamedData(RANKING))
        .transform_filter(f"{_IS_FUND} && isValid(datum.flow_pct_of_market_cap) && isValid(datum.price_return_pct)")
        .transform_calculate(million="datum.flow_usd / 1e6")
    )
    x = alt.X("price_return_pct:Q", axis=signed_axis("return, %"), scale=alt.Scale(padding=16))
    y = alt.Y("flow_pct_of_market_cap:Q", axis=signed_axis("flow, % of assets"), scale=alt.Scale(padding=16))
    points = base.mark_point(filled=True, size=110).encode(
        x=x,
        y=y,
        color=into_or_out_of("flow_usd"),
        opacity=fading("symbol"),
        tooltip=_tooltip(),
    )
    names = base.mark_text(dy=-13, fontSize=12).encode(x=x, y=y, text="symbol:N", opacity=fading("symbol"))
    zeros = [
        alt.Chart(alt.NamedData(RANKING)).mark_rule(stroke=GREY, strokeDash=[4, 3]).encode(**channel)
        for channel in ({"x": alt.datum(0, type="quantitative")}, {"y": alt.datum(0, type="quantitative")})
    ]
    return spec_of(alt.layer(*zeros, points, names), RANKING, height=300)
