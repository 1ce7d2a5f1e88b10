"""Ranking of exchanges by what they hold: a bar an exchange, with its figures beside it."""

from __future__ import annotations

import altair as alt
import polars as pl

from marketflows_pipeline.charts.exchanges.spec import RankingSpec
from marketflows_pipeline.charts.style.axes import LegendEntry
from marketflows_pipeline.charts.style.frame import framed
from marketflows_pipeline.charts.style.ranked_bars import Bar, RankedBars, Row, Text
from marketflows_pipeline.charts.style.theme import INK, PALETTE, REFERENCE, figure_ink
from marketflows_pipeline.charts.style.time_axis import as_of
from marketflows_pipeline.charts.style.wording import (
    UNKNOWN,
    counted,
    note_of,
    percent_text,
    share_text,
    usd_text,
)

CLEAN_FILL, OWN_FILL, UNSPLIT_FILL = PALETTE[9], PALETTE[6], REFERENCE

_TOP_NAMED = 5


@framed
def ranking_chart(frame: pl.DataFrame, spec: RankingSpec) -> alt.LayerChart:
    """Draw the largest exchanges as horizontal bars from zero.

    A bar of a centralised exchange is dark for clean assets and light for its own tokens; grey where the two are not
    told apart.
    """
    is_cex = spec.kind == "cex"
    measured = frame.filter(pl.col("tvl_usd").is_finite()).sort("tvl_usd", "slug", descending=[True, False])
    # What holds nothing is measured, and has no bar.
    shown = measured.filter(pl.col("tvl_usd") > 0).head(spec.rows)
    bars = RankedBars(
        rows=_rows(shown, spec),
        columns=("Share", "7 days"),
        name="Exchange",
        value=("Reserves" if is_cex else "TVL",),
    )
    return bars.page(
        _title(measured, spec),
        _subtitle(measured, shown, spec),
        spec.footer(as_of(shown, "observed_at"), _notes(shown, spec)),
        _legend(shown) if is_cex else (),
        above=32 if is_cex else 2,
    )


def _title(measured: pl.DataFrame, spec: RankingSpec) -> str:
    name, tvl = measured.select("name", "tvl_usd").row(0)
    share = share_text(100 * tvl / float(measured.get_column("tvl_usd").sum()))
    what, kind = ("reserves", "centralised") if spec.kind == "cex" else ("value locked", "decentralised")
    return f"{name} holds {share} of the {what} of {counted(measured.height, f'{kind} exchange')}"


def _subtitle(measured: pl.DataFrame, shown: pl.DataFrame, spec: RankingSpec) -> list[str]:
    total = float(measured.get_column("tvl_usd").sum())
    what = "What the tracked wallets hold" if spec.kind == "cex" else "Total value locked (TVL)"
    count = f"the {shown.height} largest of " if measured.height > shown.height else ""
    parts = [f"{what}, in US dollars, {count}{measured.height} measured", f"in all {usd_text(total)}"]
    if measured.height > _TOP_NAMED:
        five = float(measured.head(_TOP_NAMED).get_column("tvl_usd").sum())
        parts.append(f"the five largest hold {share_text(100 * five / total)}")
    return parts


def _notes(shown: pl.DataFrame, spec: RankingSpec) -> list[str]:
    notes = ["share: of all that are measured", "7 days: change of the value, prices included"]
    if spec.kind == "cex":
        notes.insert(0, "tracked wallets only: those that DefiLlama knows")
        if shown.get_column("clean_tvl_usd").null_count():
            notes.append("grey: own tokens are not told apart")
    return [*notes, *note_of("reserves not known", spec.unmeasured)]


def _rows(shown: pl.DataFrame, spec: RankingSpec) -> list[Row]:
    rows = []
    columns = ("name", "tvl_usd", "clean_tvl_usd", "tvl_dominance_pct", "change_7d_pct")
    for name, tvl, clean, share, change in shown.select(columns).iter_rows():
        changed = UNKNOWN if change is None else percent_text(change)
        if spec.kind == "dex":
            parts: tuple[tuple[float, str], ...] = ((tvl, CLEAN_FILL),)
        elif clean is None:
            parts = ((tvl, UNSPLIT_FILL),)
        else:
            parts = ((min(clean, tvl), CLEAN_FILL), (tvl, OWN_FILL))
        figures = (Text(UNKNOWN if share is None else share_text(share)), Text(changed, figure_ink(changed)))
        rows.append(Row(Text(name, INK), (Bar(Text(usd_text(tvl), INK), parts, is_bold=True),), figures))
    return rows


def _legend(shown: pl.DataFrame) -> list[LegendEntry]:
    entries = [LegendEntry("without own tokens", CLEAN_FILL), LegendEntry("own tokens", OWN_FILL)]
    if shown.get_column("clean_tvl_usd").null_count():
        entries.append(LegendEntry("not told apart", UNSPLIT_FILL))
    return entries
