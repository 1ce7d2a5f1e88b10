"""Ranking of flows: a bar an asset, to the right for money that came in and to the left for money that went out."""

from __future__ import annotations

from datetime import date

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.spec import ISSUANCE, FlowRankingSpec
from marketflows_pipeline.charts.cross_asset.wording import (
    PARTLY_KNOWN,
    PROXY_OF_ISSUANCE,
    flows_text,
    known_text,
    left_out_notes,
    percent_of_cap_text,
)
from marketflows_pipeline.charts.style.axes import LegendEntry
from marketflows_pipeline.charts.style.frame import framed
from marketflows_pipeline.charts.style.ranked_bars import FLOW_SYMBOLS, Bar, RankedBars, Row, Text, signed_part
from marketflows_pipeline.charts.style.theme import BACKGROUND, GREY, INK, INTO, sign_ink
from marketflows_pipeline.charts.style.time_axis import first_and_last
from marketflows_pipeline.charts.style.wording import UNKNOWN, counted, note_of, usd_text

RANKED, ISSUED, NOT_KNOWN = "ranked", "issuance, not ranked", "flow unknown"

_ROW_MOST = 46


@framed
def flow_ranking_chart(frame: pl.DataFrame, spec: FlowRankingSpec) -> alt.LayerChart:
    """Draw the flows of one window as horizontal bars on an axis symmetric around zero.

    Bars are in percent of the market cap before the window, so that small funds can be read beside large ones; the
    dollars stand beside them. Ranked funds come first, the largest inflow on top; below them issuance of coins as
    hollow bars, then the assets whose flow is not known, without any bar.
    """
    ordered = grouped(frame)
    shown = _largest(ordered, spec.rows)
    _, session = first_and_last(frame, "session")
    bars = RankedBars(
        rows=_rows(shown, spec.window_sessions),
        columns=("US dollars",),
        name="Asset",
        value=("\u2190 out", "in, % of market cap \u2192"),
        row_most=_ROW_MOST,
    )
    issued = [LegendEntry("issuance of coins", BACKGROUND, stroke=INTO)] if (shown["group"] == ISSUED).any() else []
    return bars.page(
        _title(ordered, spec),
        _subtitle(ordered, spec, session),
        spec.footer(session, _notes(ordered, shown, spec)),
        [*FLOW_SYMBOLS, *issued],
    )


def grouped(frame: pl.DataFrame) -> pl.DataFrame:
    """All assets with their group, in the order they are drawn.

    Returns:
        symbol, name, flow_usd, sessions_known, flow_pct, group; a flow that is not known is null.
    """
    is_known = pl.col("flow_usd").is_finite().fill_null(value=False)
    is_issued = pl.col("flow_method") == ISSUANCE
    group = pl.when(~is_known).then(pl.lit(NOT_KNOWN)).when(is_issued).then(pl.lit(ISSUED)).otherwise(pl.lit(RANKED))
    return frame.select(
        "symbol",
        "name",
        flow_usd=pl.when(is_known).then("flow_usd"),
        sessions_known="sessions_known",
        flow_pct=pl.when(is_known).then("flow_pct_of_market_cap"),
        group=group.cast(pl.Enum([RANKED, ISSUED, NOT_KNOWN])),
    ).sort("group", "flow_pct", "flow_usd", "symbol", descending=[False, True, True, False], nulls_last=True)


def _largest(ordered: pl.DataFrame, most: int) -> pl.DataFrame:
    """The rows that find room: of ranked ones those with the largest flows either way, before anything else."""
    size = pl.col("flow_pct").abs()
    kept = ordered.with_row_index("drawn").sort(
        pl.col("group") != RANKED, size, descending=[False, True], nulls_last=True, maintain_order=True
    )
    return kept.head(most).sort("drawn").drop("drawn")


def _title(ordered: pl.DataFrame, spec: FlowRankingSpec) -> str:
    is_one = spec.window_sessions == 1
    span = "In the newest session" if is_one else f"Over the last {counted(spec.window_sessions, 'session')}"
    ranked = ordered.filter(pl.col("group") == RANKED, pl.col("flow_pct").is_not_null())
    ends = []
    for row, is_in in ((ranked.head(1), True), (ranked.tail(1), False)):
        for symbol, flow in row.select("symbol", "flow_pct").iter_rows():
            if (flow > 0) is is_in and flow != 0:
                ends.append(f"{'added most to' if is_in else 'took most from'} {symbol} ({percent_of_cap_text(flow)})")
    return f"{span} flows {' and '.join(ends)}" if ends else f"{span} no fund's flow stands out"


def _subtitle(ordered: pl.DataFrame, spec: FlowRankingSpec, session: date) -> list[str]:
    ranked = ordered.filter(pl.col("group") == RANKED).get_column("flow_usd")
    parts = [f"{flows_text(spec.window_sessions, session)}, in percent of the market cap before"]
    if ranked.len():
        inflow, outflow = float(ranked.clip(0, None).sum()), float(ranked.clip(None, 0).sum())
        parts.append(f"into funds {usd_text(inflow, signed=True)}, out of funds {usd_text(outflow, signed=True)}")
    return parts


def _notes(ordered: pl.DataFrame, shown: pl.DataFrame, spec: FlowRankingSpec) -> list[str]:
    notes = ["flow: change of shares outstanding at their price"]
    if (shown.get_column("group") == ISSUED).any():
        notes.append(f"hollow: new coins at their price; {PROXY_OF_ISSUANCE}")
    if (shown.get_column("group") == NOT_KNOWN).any():
        notes.append("flow unknown: no share count is published, and none is guessed from price or volume")
    if (shown.drop_nulls("flow_usd")["sessions_known"] < spec.window_sessions).any():
        notes.append(PARTLY_KNOWN)
    absent = ordered.join(shown, on="symbol", how="anti", maintain_order="left")
    smaller, issued, unknown = (
        absent.filter(pl.col("group") == group).get_column("symbol").to_list() for group in (RANKED, ISSUED, NOT_KNOWN)
    )
    return [*notes, *note_of("smaller, not drawn", smaller), *left_out_notes(unknown, issued)]


def _rows(shown: pl.DataFrame, window: int) -> list[Row]:
    rows: list[Row] = []
    before = RANKED
    for symbol, name, flow, known, percent, group in shown.iter_rows():
        ink = sign_ink(flow) if group == RANKED else GREY
        value = NOT_KNOWN if group == NOT_KNOWN else UNKNOWN if percent is None else percent_of_cap_text(percent)
        if group == ISSUED:
            value = f"{value}, {ISSUED}"
        dollars = UNKNOWN if group == NOT_KNOWN else f"{usd_text(flow, signed=True)}{known_text(known, window)}"
        rows.append(
            Row(
                name=Text(symbol, INK if group == RANKED else GREY),
                bars=(Bar(Text(value, ink), signed_part(percent), is_bold=group == RANKED, is_hollow=group == ISSUED),),
                columns=(Text(dollars, ink),),
                detail="" if name == symbol else name,
                begins_group=bool(rows) and before != group,
            )
        )
        before = group
    return rows
