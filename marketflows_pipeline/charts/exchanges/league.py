"""League of exchanges by net flow: two bars a row, from token quantities and as DefiLlama reports it."""

from __future__ import annotations

from datetime import date
from typing import cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.exchanges.spec import LeagueSpec
from marketflows_pipeline.charts.style.axes import LegendEntry
from marketflows_pipeline.charts.style.frame import framed
from marketflows_pipeline.charts.style.ranked_bars import FLOW_SYMBOLS, RankedBars, Row, Text, flow_bar, reference_bar
from marketflows_pipeline.charts.style.theme import BACKGROUND, GREY, INK, REFERENCE, sign_ink
from marketflows_pipeline.charts.style.time_axis import as_of
from marketflows_pipeline.charts.style.wording import (
    UNKNOWN,
    counted,
    day_text,
    note_of,
    percent_text,
    usd_text,
)

_FLOW, _REPORTED = "netflow_mid_usd", "defillama_inflow_usd"


@framed
def league_chart(frame: pl.DataFrame, spec: LeagueSpec) -> alt.LayerChart:
    """Draw net flows as horizontal bars from zero, the largest inflow on top, DefiLlama's own figure hollow below each.

    Tracked exchanges come first; below a line those of which DefiLlama's figure alone is known. The frame holds rows of
    ``mart.exchange_league`` of one period.
    """
    ordered = drawable_exchanges(frame)
    shown = ordered.head(spec.rows)
    bars = RankedBars(
        rows=_rows(shown, spec),
        columns=("Of reserves", "Signs"),
        name="Exchange",
        value=("\u2190 out", "in \u2192"),
        row_most=46,
    )
    return bars.page(
        _title(ordered, spec),
        _subtitle(ordered, spec),
        spec.footer(as_of(shown, "observed_at"), _notes(frame, ordered, shown)),
        [*FLOW_SYMBOLS, LegendEntry("DefiLlama's own figure", BACKGROUND, stroke=REFERENCE)],
    )


def drawable_exchanges(frame: pl.DataFrame) -> pl.DataFrame:
    """Exchanges with a figure of either kind: ranked ones, then the others by DefiLlama's."""
    known = (pl.when(pl.col(name).is_finite()).then(name).alias(name) for name in (_FLOW, _REPORTED))
    return (
        frame.with_columns(*known)
        .filter(pl.any_horizontal(pl.col(_FLOW, _REPORTED).is_not_null()))
        .sort("rank", _REPORTED, "exchange_key", descending=[False, True, False], nulls_last=True)
    )


def _rows(shown: pl.DataFrame, spec: LeagueSpec) -> list[Row]:
    rows: list[Row] = []
    columns = ("name", _FLOW, _REPORTED, "netflow_pct_of_reserves", "signs_differ", "days_known")
    was_ranked = False
    for name, flow, reported, percent, differ, days in shown.select(columns).iter_rows():
        ink = sign_ink(flow)
        partly = "" if flow is None or days >= spec.period_days else f" ({days} of {spec.period_days} days)"
        own = flow_bar(flow, "not measured" if flow is None else f"{usd_text(flow, signed=True)}{partly}")
        theirs = reference_bar(reported, "not reported" if reported is None else usd_text(reported, signed=True))
        rows.append(
            Row(
                name=Text(name, GREY if flow is None else INK),
                bars=(own, theirs),
                columns=(
                    Text(UNKNOWN if percent is None else percent_text(percent, 2), ink),
                    Text(UNKNOWN if differ is None else "differ" if differ else "agree", INK if differ else GREY),
                ),
                begins_group=was_ranked and flow is None,
            )
        )
        was_ranked = flow is not None
    return rows


def _title(ordered: pl.DataFrame, spec: LeagueSpec) -> str:
    flows = ordered.filter(pl.col(_FLOW).is_not_null()).select("name", _FLOW).rows()
    span = f"Over {counted(spec.period_days, 'day')}"
    ends = [
        f"{words} {name} ({usd_text(flow, signed=True)})"
        for (name, flow), words, sign in zip(flows[:1] + flows[-1:], ("into", "out of"), (1, -1), strict=False)
        if flow * sign > 0
    ]
    if ends:
        return f"{span} most flowed {' and '.join(ends)}"
    return f"{span} nothing flowed into or out of exchanges" if flows else f"{span} no exchange's net flow is known"


def _subtitle(ordered: pl.DataFrame, spec: LeagueSpec) -> list[str]:
    flows = ordered[_FLOW].drop_nulls()
    parts = [
        f"Net flow of {flows.len()} tracked exchanges from token quantities, in US dollars, over "
        f"{counted(spec.period_days, 'day')}"
    ]
    if flows.len():
        into, out_of = float(flows.clip(0, None).sum()), float(flows.clip(None, 0).sum())
        parts.append(f"in {usd_text(into, signed=True)}, out {usd_text(out_of, signed=True)}")
    differ = ordered["signs_differ"].drop_nulls()
    if differ.len():
        parts.append(f"DefiLlama's own figure has another sign for {int(differ.sum())} of {differ.len()}")
    return parts


def _notes(frame: pl.DataFrame, ordered: pl.DataFrame, shown: pl.DataFrame) -> list[str]:
    unknown = frame.filter(pl.col("is_tracked"), pl.col(_FLOW).is_null()).sort("exchange_key")["name"].to_list()
    absent = ordered.join(shown, on="exchange_key", how="anti", maintain_order="left")["name"].to_list()
    return [
        "tracked wallets only: those that DefiLlama knows",
        f"net flow to the record of {day_text(cast('date', frame['to_day'].max()))}, DefiLlama's to the as-of time",
        *note_of("tracked, net flow not known", unknown),
        *note_of("not drawn", absent),
    ]
