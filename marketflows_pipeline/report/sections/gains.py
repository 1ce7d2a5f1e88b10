"""Gains of a category over each span, in each base: a table."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.charts.market_caps.wording import base_words, hours_text
from marketflows_pipeline.charts.spec import WEEK_HOURS, GainTableSpec
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import PRICE_NOT_INFLOW, caption, change_finding, select, source_of
from marketflows_pipeline.report.sections.controls import base_labels
from marketflows_pipeline.report.sections.series import KEY
from marketflows_pipeline.warehouse.ddl import literal

GAINS = "mart.percent_gains"
_SPAN_WORDS = {"w": "week", "d": "day", "h": "hour", "m": "minute"}


def gains_card(file: PublishedFile, category: str, caveat: str) -> Card | None:
    """The table of a category's gains; None where none is known.

    Args:
        file: the published file.
        category: as in ``mart.percent_gains``.
        caveat: for the caption.
    """
    if not (file.has(GAINS) and file.has("core.series")):
        return None
    spans = file.frame(
        f"select distinct hours_ago from mart.percent_gains where category = {literal(category)} "
        "and gain_pct is not null order by hours_ago"
    )["hours_ago"].to_list()
    if not spans:
        return None
    sql = _sql(category, spans)
    rows = file.frame(sql)
    bases = tuple(rows["base_asset"].unique(maintain_order=True))
    named = dict(zip(bases, base_labels(file, bases), strict=True))
    rows = rows.with_columns(base=pl.col("base_asset").replace(named))
    hours = WEEK_HOURS if WEEK_HOURS in spans else spans[-1]
    figures = rows.filter(pl.col("base_asset") == bases[0]).select(KEY, _field(hours))
    in_base = base_words(bases[0], named[bases[0]])
    as_of, noun = file.as_of(GAINS), category.lower()
    return Card(
        key=f"{noun}-gains",
        title=change_finding(dict(figures.iter_rows()), f"in {_words(hours)} {in_base}", noun=noun),
        subtitle=f"Gain of market cap of {noun} over each span, %, in each base",
        caption=caption(source_of(file), as_of, PRICE_NOT_INFLOW, caveat, *_held(file, category)),
        dataset=Dataset(f"{noun}_gains", rows.drop("base_asset")),
        columns=(
            FigureColumn(KEY, "Series"),
            FigureColumn("base", "Measured in"),
            *(FigureColumn(_field(span), f"{hours_text(span)}, %", 1, signed=True) for span in spans),
        ),
        sql=sql,
        series_key=KEY,
        pictures=tuple(GainTableSpec.file_name_of(category=category, base_asset=base) for base in bases),
    )


def _sql(category: str, spans: list[float]) -> str:
    gains = ",\n       ".join(
        f"max(g.gain_pct) filter (where g.hours_ago = {span:g}) as {_field(span)}" for span in spans
    )
    return select(
        f"select s.label, g.base_asset,\n       {gains}\n"
        f"from mart.percent_gains g join core.series s using (category, series)\n"
        f"where g.category = {literal(category)}\n"
        "group by s.label, s.sort_order, g.base_asset\n"
        "order by g.base_asset <> 'us-dollar', g.base_asset, s.sort_order"
    )


def _held(file: PublishedFile, category: str) -> list[str]:
    """Spans of which no gain is known, and that some are from observations between the times of the grid."""
    found = file.frame(
        f"select hours_ago, count(gain_pct) as n, bool_or(basis = 'observations' and gain_pct is not null) as own "
        f"from mart.percent_gains where category = {literal(category)} group by hours_ago order by hours_ago"
    )
    unknown = [hours_text(hours) for hours, n, _ in found.iter_rows() if not n]
    own = [hours_text(hours) for hours, _, is_own in found.iter_rows() if is_own]
    return [
        *([f"no column for {', '.join(unknown)}: no coin was observed that long ago"] if unknown else []),
        *([f"{', '.join(own)}: from the coins' own observations between the times of the grid"] if own else []),
    ]


def _field(hours: float) -> str:
    """The column of a span: ``gain_168h``, ``gain_30m``."""
    return f"gain_{hours:g}h" if hours >= 1 else f"gain_{60 * hours:g}m".replace(".", "_")


def _words(hours: float) -> str:
    span = hours_text(hours)
    count, unit = span[:-1], _SPAN_WORDS[span[-1]]
    return f"a {unit}" if count == "1" and unit != "hour" else f"{count} {unit}{'' if count == '1' else 's'}"
