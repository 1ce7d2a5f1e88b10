"""The card of our flows beside those that somebody else reports."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.charts.cross_asset.wording import lag_finding
from marketflows_pipeline.report.credits import SHARES, market_credit
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, rows

COMPARISON = "cross_asset_flow_comparison"
SQL = """
select symbol, lag_sessions, correlation, sign_agreement_pct, n, is_best, share_lag_sessions, our_flow_usd,
       reported_flow_usd, first_session, last_session
from mart.flow_comparison
order by symbol, lag_sessions
"""


def comparison_card(file: PublishedFile) -> Card | None:
    """Correlation at each lag; nothing where no pair of flows is known."""
    compared = rows(file, SQL)
    if compared["last_session"].drop_nulls().is_empty():
        return None
    return Card(
        key="cross-asset-flow-comparison",
        title=lag_finding(compared.filter("is_best").to_dicts()),
        subtitle="Our flows beside those of flows/SYMBOL.csv, ours taken as so many sessions later",
        caption=caption(
            market_credit(file, SHARES),
            compared["last_session"].max(),  # type: ignore[arg-type]
            "reported flows from own files: they are compared with ours and enter nothing else",
            "ours go by the session of the orders, as far as that is known",
        ),
        dataset=Dataset(COMPARISON, compared.with_columns(best=pl.when("is_best").then(pl.lit("best")))),
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
        sql=SQL,
        pictures=("CrossAsset_flow_comparison.png",),
    )
