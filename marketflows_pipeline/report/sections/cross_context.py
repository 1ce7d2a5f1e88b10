"""Cards beside the flows of single assets: flows that somebody else reports, and reference series without a flow."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.charts.cross_asset.wording import lag_finding
from marketflows_pipeline.charts.style.wording import value_text
from marketflows_pipeline.report.credits import REFERENCE, SHARES, market_credit
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, newest_time, rows

COMPARISON_SQL = """
select symbol, lag_sessions, correlation, sign_agreement_pct, n, is_best, share_lag_sessions, our_flow_usd,
       reported_flow_usd, first_session, last_session
from mart.flow_comparison
order by symbol, lag_sessions
"""
SERIES_SQL = """
select series_id, name, session, value, unit, change_1_session, change_21_sessions, change_unit
from mart.reference_series where value is not null
qualify row_number() over (partition by series_id order by session desc) = 1
order by series_id
"""


def comparison_card(file: PublishedFile) -> Card | None:
    """Correlation at each lag; nothing where no pair of flows is known."""
    compared = rows(file, COMPARISON_SQL)
    if compared["last_session"].drop_nulls().is_empty():
        return None
    return Card(
        key="cross-asset-flow-comparison",
        title=lag_finding(compared.filter("is_best").to_dicts()),
        subtitle="Our flows beside those of flows/SYMBOL.csv, ours taken as so many sessions later",
        caption=caption(
            market_credit(file, SHARES),
            newest_time(compared, "last_session"),
            "reported flows from own files: they are compared with ours and enter nothing else",
            "ours go by the session of the orders, as far as that is known",
        ),
        dataset=Dataset(
            "cross_asset_flow_comparison", compared.with_columns(best=pl.when("is_best").then(pl.lit("best")))
        ),
        columns=(
            FigureColumn("symbol", "Fund"),
            FigureColumn("lag_sessions", "Lag (sessions)", 0, signed=True),
            FigureColumn("correlation", "Correlation", 3, signed=True),
            FigureColumn("best", "Fit"),
            FigureColumn("sign_agreement_pct", "Same sign (%)", 0),
            FigureColumn("n", "Sessions", 0),
            FigureColumn("our_flow_usd", "Ours (M USD)", 1, signed=True, divisor=1e6),
            FigureColumn("reported_flow_usd", "Reported (M USD)", 1, signed=True, divisor=1e6),
        ),
        sql=COMPARISON_SQL,
        pictures=("CrossAsset_flow_comparison.png",),
    )


def reference_card(file: PublishedFile) -> Card | None:
    """The newest value of each series; nothing where there is none."""
    series = rows(file, SERIES_SQL)
    if series.is_empty():
        return None
    return Card(
        key="cross-asset-reference-series",
        title=reference_title(series),
        subtitle="Newest values, and changes over one session and 21 sessions of the funds",
        caption=caption(
            market_credit(file, REFERENCE),
            newest_time(series, "session"),
            "context beside the regimes, which are not made of it: these series have no flow",
            "a session without a value, such as a holiday of the bond market, is not filled in",
        ),
        dataset=Dataset("cross_asset_reference_series", series),
        columns=(
            FigureColumn("name", "Series"),
            FigureColumn("series_id", "FRED's id"),
            FigureColumn("session", "Session"),
            FigureColumn("value", "Value", 2),
            FigureColumn("unit", "Unit"),
            FigureColumn("change_1_session", "1 session", 2, signed=True),
            FigureColumn("change_21_sessions", "21 sessions", 2, signed=True),
            FigureColumn("change_unit", "Unit of changes"),
        ),
        sql=SERIES_SQL,
    )


def reference_title(series: pl.DataFrame) -> str:
    """Two series at most, each with its newest value."""
    parts = []
    for row in series.head(2).to_dicts():
        unit = "" if row["unit"] == "index" else f" {row['unit']}"
        parts.append(f"{row['name']} {value_text(row['value'], 2, signed=False)}{unit}")
    return "; ".join(parts)
