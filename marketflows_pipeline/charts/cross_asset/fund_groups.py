"""Flows of groups of funds: a bar a group, with how many of its funds and how much of its assets are known."""

from __future__ import annotations

from typing import Any, cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.context_spec import FundGroupsSpec
from marketflows_pipeline.charts.cross_asset.wording import flows_text, known_text
from marketflows_pipeline.charts.style.frame import framed
from marketflows_pipeline.charts.style.ranked_bars import FLOW_SYMBOLS, RankedBars, Row, Text, flow_bar
from marketflows_pipeline.charts.style.theme import INK
from marketflows_pipeline.charts.style.time_axis import first_and_last
from marketflows_pipeline.charts.style.wording import UNKNOWN, counted, note_of, share_text, usd_text

_ROW_MOST = 64
_COVERAGE = ("coverage_pct", "least_coverage_pct")


@framed
def fund_groups_chart(frame: pl.DataFrame, spec: FundGroupsSpec) -> alt.LayerChart:
    """Draw sums of what is known of each group, the largest inflow on top, on an axis symmetric around zero.

    A group of which nothing is known has no bar.
    """
    is_known = pl.col("flow_usd").is_finite().fill_null(value=False)
    ordered = frame.with_columns(flow_usd=pl.when(is_known).then("flow_usd")).sort(
        "flow_usd", "asset_group", descending=[True, False], nulls_last=True
    )
    shown = ordered.head(spec.rows)
    _, session = first_and_last(frame, "session")
    n_sessions = cast("int", frame["n_sessions"].max())
    bars = RankedBars(
        rows=[_row(row, n_sessions) for row in shown.to_dicts()],
        columns=("funds known", "of assets", "least"),
        name="Group",
        value=("\u2190 out", "in, USD \u2192"),
        row_most=_ROW_MOST,
    )
    return bars.page(
        _title(ordered, n_sessions),
        [f"{flows_text(n_sessions, session)}, summed over the funds of each group whose flow is known"],
        spec.footer(session, _notes(ordered, shown)),
        FLOW_SYMBOLS,
    )


def _title(ordered: pl.DataFrame, n_sessions: int) -> str:
    largest = ordered.drop_nulls("flow_usd").sort(pl.col("flow_usd").abs(), descending=True, maintain_order=True)
    row = largest.row(0, named=True)
    moved = "took in" if row["flow_usd"] >= 0 else "lost"
    known = f"{row['n_known']} of {counted(row['n_funds'], 'fund')} known"
    return (
        f"{row['asset_group']} {moved} most in {counted(n_sessions, 'session')}: "
        f"{usd_text(row['flow_usd'], signed=True)} ({known})"
    )


def _row(row: dict[str, Any], n_sessions: int) -> Row:
    flow = row["flow_usd"]
    columns = (
        Text(f"{row['n_known']} of {row['n_funds']}"),
        *(Text(UNKNOWN if row[name] is None else share_text(row[name])) for name in _COVERAGE),
    )
    known = known_text(row["sessions_known"], n_sessions)
    text = "flow unknown" if flow is None else f"{usd_text(flow, signed=True)}{known}"
    return Row(name=Text(row["asset_group"], INK), bars=(flow_bar(flow, text),), columns=columns)


def _notes(ordered: pl.DataFrame, shown: pl.DataFrame) -> list[str]:
    absent = ordered.join(shown, on="asset_group", how="anti", maintain_order="left")["asset_group"].to_list()
    return [
        "nothing is filled in: a sum of a part of a group is that of the part",
        "of assets: share of the last known assets at the newest session; least: of any session",
        "a fund is in a part of a group and in the whole",
        *note_of("smaller, not drawn", absent),
    ]
