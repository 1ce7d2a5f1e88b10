"""Price effect beside share effect: how much of a change in market cap is price, and how much is flow."""

from __future__ import annotations

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.spec import EffectsSpec, is_known_of_fund
from marketflows_pipeline.charts.cross_asset.wording import (
    PARTLY_KNOWN,
    known_text,
    not_drawn_notes,
    percent_of_cap_text,
    without_flow_notes,
)
from marketflows_pipeline.charts.style.axes import LegendEntry
from marketflows_pipeline.charts.style.frame import Frame, framed
from marketflows_pipeline.charts.style.ranked_bars import Bar, RankedBars, Row, Text
from marketflows_pipeline.charts.style.theme import GREY, INK, INTO, REFERENCE
from marketflows_pipeline.charts.style.time_axis import first_and_last
from marketflows_pipeline.charts.style.wording import counted, day_text, share_text, usd_text

PRICE_FILL, SHARE_FILL = REFERENCE, INTO

_ROW_MOST = 64


@framed
def effects_chart(frame: pl.DataFrame, spec: EffectsSpec) -> alt.LayerChart:
    """Draw each fund's price effect and share effect over the sessions of the frame as two bars.

    Bars are in percent of the fund's market cap before the window, so that small funds can be read beside large ones,
    on an axis symmetric around zero; the dollars stand beside them.
    """
    sessions = frame["session"].n_unique()
    _, last = first_and_last(frame, "session")
    effects = summed_effects(frame)
    drawable = effects.filter(pl.col("cap_before_usd") > 0)
    largest = drawable.sort("cap_before_usd", "symbol", descending=[True, False]).head(spec.rows)
    shown = largest.sort(-pl.col("price_pct").abs(), "symbol")
    bars = RankedBars(_rows(shown, dict(spec.assets), sessions), value=("", ""), row_most=_ROW_MOST)
    page = Frame(
        title=_title(effects, sessions),
        subtitle=[
            f"Sums of daily effects, {counted(sessions, 'session')} to {day_text(last)}",
            "in percent of the market cap before, US dollars beside it",
        ],
        footer=spec.footer(last, _notes(frame, effects, shown, spec)),
        left=bars.left,
        right=bars.right,
        above=32,
    )
    symbols = [LegendEntry("price effect", PRICE_FILL), LegendEntry("share effect: the flow", SHARE_FILL)]
    return page.draw([*bars.draw(page.plot_width, page.plot_height), *page.legend(symbols)])


def summed_effects(window: pl.DataFrame) -> pl.DataFrame:
    """Sums of each fund's daily effects over the sessions in which both are known.

    Args:
        window: symbol, session, flow_method, price_effect_usd, share_effect_usd, market_cap_usd,
            market_cap_change_usd, sessions_known of the window.

    Returns:
        symbol, price_usd, share_usd, cap_before_usd (market cap before the first session in the sums, in the terms of
        that session's change), price_pct, share_pct (of that), known (sessions in the sums).
    """
    price, share = pl.col("price_effect_usd"), pl.col("share_effect_usd")
    before = (pl.col("market_cap_usd") - pl.col("market_cap_change_usd")).first()
    return (
        window.filter(is_known_of_fund("price_effect_usd", "share_effect_usd"))
        .sort("symbol", "session")
        .group_by("symbol", maintain_order=True)
        .agg(price_usd=price.sum(), share_usd=share.sum(), cap_before_usd=before, known=pl.col("sessions_known").sum())
        .with_columns(
            price_pct=100 * pl.col("price_usd") / pl.col("cap_before_usd"),
            share_pct=100 * pl.col("share_usd") / pl.col("cap_before_usd"),
        )
    )


def price_share_pct(effects: pl.DataFrame) -> float | None:
    """What price makes of all effects by size, in percent; None where nothing moved."""
    price = float(effects.get_column("price_usd").abs().sum())
    share = float(effects.get_column("share_usd").abs().sum())
    return 100 * price / (price + share) if price + share > 0 else None


def _title(effects: pl.DataFrame, sessions: int) -> str:
    of_price = price_share_pct(effects)
    if of_price is None:
        return f"No fund's market cap moved over the last {counted(sessions, 'session')}"
    return f"Price made {share_text(of_price)} of the moves in funds' market caps over {counted(sessions, 'session')}"


def _notes(window: pl.DataFrame, effects: pl.DataFrame, shown: pl.DataFrame, spec: EffectsSpec) -> list[str]:
    order = [symbol for symbol, _ in spec.assets]
    known = set(effects["symbol"])
    notes = [
        "price effect: shares before times change of price",
        "share effect (the flow): price now times change of shares",
        "each day's two effects add up to its change of market cap",
        *without_flow_notes(window, known, order),
    ]
    if (shown["known"] < window["session"].n_unique()).any():
        notes.append(PARTLY_KNOWN)
    return [*notes, *not_drawn_notes("not drawn", known - set(shown["symbol"]), order)]


def _rows(shown: pl.DataFrame, names: dict[str, str], sessions: int) -> list[Row]:
    rows = []
    columns = ("symbol", "price_usd", "share_usd", "price_pct", "share_pct", "known")
    for symbol, price, share, price_pct, share_pct, known in shown.select(columns).iter_rows():
        name, partly = names.get(symbol, symbol), known_text(known, sessions)
        effects = ((price_pct, price, PRICE_FILL, GREY), (share_pct, share, SHARE_FILL, SHARE_FILL))
        bars = tuple(
            Bar(
                Text(f"{percent_of_cap_text(percent)} ({usd_text(amount, signed=True)}){partly}", ink),
                ((percent, fill),),
            )
            for percent, amount, fill, ink in effects
        )
        rows.append(Row(Text(symbol, INK), bars, detail="" if name == symbol else name))
    return rows
