"""Growth of ranges: by coins that stay in them, and by level, which counts what crosses as growth."""

from __future__ import annotations

import altair as alt
import polars as pl

from marketflows_pipeline.charts.market_caps.spec import ChainSpec
from marketflows_pipeline.charts.style.axes import LegendEntry
from marketflows_pipeline.charts.style.frame import framed
from marketflows_pipeline.charts.style.ranked_bars import Bar, RankedBars, Row, Text, reference_bar, signed_part
from marketflows_pipeline.charts.style.theme import BACKGROUND, INK, INTO, OUT_OF, REFERENCE, sign_ink
from marketflows_pipeline.charts.style.wording import UNKNOWN, counted, percent_text

_CHAIN, _LEVEL = "chain_change_pct", "level_change_pct"


@framed
def chain_chart(frame: pl.DataFrame, spec: ChainSpec) -> alt.LayerChart:
    """Draw two bars a range in percent, the largest range on top: the chain, and hollow below it the level.

    The frame holds series, chain_change_pct, level_change_pct, as `range_chain.chain_changes` returns them.
    """
    known = {row["series"]: row for row in frame.iter_rows(named=True)}
    shown = [(label, known[series]) for series, label in reversed(spec.ranges) if series in known]
    bars = RankedBars(
        rows=[_row(label, changes) for label, changes in shown],
        columns=("Crossings, pp",),
        name="Range",
        value=("\u2190 fell", "rose \u2192"),
        row_most=56,
    )
    return bars.page(
        _title(shown, spec),
        [
            f"Growth of market cap over {counted(spec.days, 'day')}, in percent",
            "members fixed at each 00:00 UTC; a coin changes its range only once it is 5 % beyond the limit",
        ],
        spec.footer(
            spec.as_of,
            ["the level counts each coin where it is, so that one that crosses a limit is growth", "mostly of prices"],
        ),
        [
            LegendEntry("rose", INTO),
            LegendEntry("fell", OUT_OF),
            LegendEntry("by level, crossings included", BACKGROUND, stroke=REFERENCE),
        ],
        is_fitted=True,
    )


def _row(label: str, changes: dict[str, float | None]) -> Row:
    chain, level = changes[_CHAIN], changes[_LEVEL]
    text = UNKNOWN if chain is None else percent_text(chain, 1)
    own = Bar(Text(text, sign_ink(chain)), signed_part(chain), is_bold=True)
    other = reference_bar(level, "level not known" if level is None else percent_text(level, 1))
    crossings = UNKNOWN if chain is None or level is None else percent_text(level - chain, 1).removesuffix("%")
    return Row(name=Text(label, INK), bars=(own, other), columns=(Text(crossings),))


def _title(shown: list[tuple[str, dict[str, float | None]]], spec: ChainSpec) -> str:
    """The range whose level tells most of something else than its coins did."""
    both = [(label, row[_CHAIN], row[_LEVEL]) for label, row in shown]
    known = [(label, chain, level) for label, chain, level in both if chain is not None and level is not None]
    if not known:
        return f"Ranges over {counted(spec.days, 'day')}: no level is known at both closes"
    label, chain, level = max(known, key=lambda each: abs(each[2] - each[1]))
    return f"Coins of {label} changed by {percent_text(chain, 1)}, its level by {percent_text(level, 1)}"
