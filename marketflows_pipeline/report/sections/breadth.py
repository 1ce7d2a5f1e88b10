"""Breadth: how many coins take part in a move, by their averages, by advances and declines, and against bitcoin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from marketflows_pipeline.charts.style.theme import INK
from marketflows_pipeline.charts.style.wording import value_text
from marketflows_pipeline.report.gaps import with_stretches
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn, Section
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import (
    caption,
    described,
    newest_time,
    section_of_cards,
    select,
    source_of,
)
from marketflows_pipeline.report.sections.lines import Lines, fixed, input_choice, input_number, line_spec
from marketflows_pipeline.report.sections.series import (
    ALL_COINS,
    KEY,
    Series,
    labels_of,
    newest_figures,
    points_for,
    thinned,
)
from marketflows_pipeline.report.sections.size import dominance_card, map_card, overlap_card
from marketflows_pipeline.report.specs import series_of
from marketflows_pipeline.transforms.categories import COHORT, NARRATIVES
from marketflows_pipeline.warehouse.ddl import literal

BREADTH = "mart.breadth"
_DAYS = 180
_LEAST_COINS = 8
_WORTH_SAYING = timedelta(days=30)
_SPANS = ("50", "20", "200")
_LOOK_BACKS = ("30", "7", "90")


@dataclass(frozen=True)
class Breadth:
    """Breadth of a category's series and of all ranges together, and the select that gives it."""

    file: PublishedFile
    category: str
    sql: str
    rows: pl.DataFrame


def breadth_section(file: PublishedFile) -> Section:
    """The section of breadth and size; cards whose tables are missing are named in its notes."""
    breadth = breadth_of(file, NARRATIVES)
    return section_of_cards(
        "breadth",
        "Breadth and size",
        {
            "share above averages": averages_card(breadth, key="breadth-averages") if breadth else None,
            "advances and declines": _advances_card(breadth) if breadth else None,
            "coins that beat bitcoin": _beaten_card(breadth) if breadth else None,
            "dominance": dominance_card(file),
            "market map": map_card(file),
            "overlap of narratives": overlap_card(file),
        },
    )


def breadth_of(file: PublishedFile, category: str) -> Breadth | None:
    """Breadth of a category; None where there is none."""
    if not file.has(BREADTH):
        return None
    sql = select(f"""
        select case when b.category = '{COHORT}' then '{ALL_COINS}' else coalesce(s.label, b.series) end as label,
               b.ts, b.n, b.n_advancing, b.n_declining, b.advance_decline, b.mcclellan,
               b.above_ema_20_pct, b.above_ema_50_pct, b.above_ema_200_pct,
               b.beat_bitcoin_7d_pct, b.beat_bitcoin_30d_pct, b.beat_bitcoin_90d_pct, b.is_backfilled
        from mart.breadth b left join core.series s on s.category = b.category and s.series = b.series
        where b.category in ('{COHORT}', {literal(category)})
          and b.ts > (select max(ts) from mart.breadth) - interval {_DAYS} day
        order by b.category <> '{COHORT}', s.sort_order, b.series, b.ts
    """)
    rows = file.frame(sql)
    measured = rows.filter(pl.any_horizontal(pl.col("advance_decline", "above_ema_50_pct").is_finite()))
    return None if measured.is_empty() else Breadth(file, category, sql, rows)


def averages_card(breadth: Breadth, *, key: str) -> Card | None:
    """How many coins stand above their averages."""
    rows = breadth.rows
    span = next((each for each in _SPANS if newest_figures(rows, f"above_ema_{each}_pct")), None)
    if span is None:
        return None
    field = f"above_ema_{span}_pct"
    own = rows if breadth.category == NARRATIVES else rows.filter(pl.col(KEY) != ALL_COINS)
    label, row = _subject(own if newest_figures(own, field) else rows, field)
    title = (
        f"{_percent(row[field])} of coins ({label}) with {span} closes stand above their average of {span} days"
        f"{_against_past(rows, label, field)}"
    )
    return _card(
        breadth,
        key=key,
        title=title,
        subtitle="Coins above their exponential moving average of the chosen days, % of those with as many closes",
        value="datum['above_ema_' + span + '_pct']",
        choice=input_number("span", "Average of days", map(int, _SPANS), int(span)),
        fields={f"above_ema_{each}_pct": f"Above EMA {each}, %" for each in ("20", "50", "200")},
        subject=field,
    )


def _advances_card(breadth: Breadth) -> Card | None:
    rows = breadth.rows
    if not newest_figures(rows, "advance_decline"):
        return None
    label, row = _subject(rows, "advance_decline")
    up, down = row["n_advancing"], row["n_declining"]
    title = f"{up} of {row['n']} coins ({label}) rose on the newest day, {down} fell"
    mcclellan = row["mcclellan"]
    if mcclellan is not None:
        moving = "rising" if mcclellan > 0 else "falling" if mcclellan < 0 else "unchanged"
        title += f": breadth is {moving}, McClellan {value_text(mcclellan, 0, signed=True)}"
    return _card(
        breadth,
        key="breadth-advances",
        title=title,
        subtitle=(
            "McClellan oscillator, EMA 19 less EMA 39 of advances less declines per 1,000 coins that moved; or that "
            "figure itself"
        ),
        value="measure === 'mcclellan' ? datum.mcclellan : datum.advance_decline",
        choice=input_choice(
            "measure",
            "Show",
            [("mcclellan", "McClellan"), ("advance_decline", "advances less declines")],
            "mcclellan",
        ),
        fields={
            "n_advancing": "Rose, coins",
            "n_declining": "Fell, coins",
            "advance_decline": "Advances less declines, per 1,000",
            "mcclellan": "McClellan",
        },
        subject="advance_decline",
        is_percent=False,
    )


def _beaten_card(breadth: Breadth) -> Card | None:
    rows = breadth.rows
    days = next((each for each in _LOOK_BACKS if newest_figures(rows, f"beat_bitcoin_{each}d_pct")), None)
    if days is None:
        return None
    field = f"beat_bitcoin_{days}d_pct"
    label, row = _subject(rows, field)
    words = "more than half" if row[field] > 50 else "half" if row[field] == 50 else "fewer than half"
    return _card(
        breadth,
        key="breadth-bitcoin",
        title=f"{_percent(row[field])} of coins ({label}) gained more than bitcoin in {days} days, {words}",
        subtitle="Coins other than bitcoin that gained more than it over the chosen days, %",
        value="datum['beat_bitcoin_' + look + 'd_pct']",
        choice=input_number("look", "Over days", map(int, _LOOK_BACKS), int(days)),
        fields={f"beat_bitcoin_{each}d_pct": f"Beat bitcoin over {each} days, %" for each in ("7", "30", "90")},
        subject=field,
    )


def _card(
    breadth: Breadth,
    *,
    key: str,
    title: str,
    subtitle: str,
    value: str,
    choice: dict[str, Any],
    fields: dict[str, str],
    subject: str,
    is_percent: bool = True,
) -> Card:
    file, category, rows = breadth.file, breadth.category, breadth.rows
    kept, before = thinned(with_stretches(rows, [KEY]), [KEY], most=points_for(rows[KEY].n_unique()))
    dataset = f"breadth_of_{category.lower()}"
    digits = 1 if is_percent else 0
    series = _styles(file, category, rows)
    later = int(rows["is_backfilled"].sum())
    newest = [(label, value_text(at, digits, signed=False)) for label, at in newest_figures(rows, subject).items()]
    return Card(
        key=key,
        title=title,
        subtitle=f"{subtitle}; dashed where coins were known later only",
        caption=caption(
            source_of(file),
            newest_time(rows, "ts"),
            f"nothing is said of fewer than {_LEAST_COINS} coins",
            f"{later:,} of {rows.height:,} rows are of coins known later only (survivor-biased)" if later else "",
        ),
        dataset=Dataset(dataset, kept, before),
        columns=(
            FigureColumn("ts", "Close (UTC)"),
            FigureColumn(KEY, "Series"),
            FigureColumn("n", "Coins", 0),
            *(FigureColumn(field, header, digits) for field, header in fields.items()),
            FigureColumn("is_backfilled", "By hindsight"),
        ),
        sql=breadth.sql,
        spec=line_spec(
            Lines(
                dataset=dataset,
                series=series,
                value=value,
                text=fixed(0, " %") if is_percent else fixed(0, signed=True),
                steps=int(kept["ts"].n_unique()),
                axis={"labelExpr": "datum.label + ' %'"} if is_percent else {},
                scale={"domain": [0, 100]} if is_percent else {"zero": True},
                dashed="datum.is_backfilled",
                strong=ALL_COINS,
                inputs=(choice,),
                height=220,
            )
        ),
        description=described(title, subtitle, newest),
        series_key=KEY,
        series=series,
        pictures=(f"MarketCaps_breadth_{category}.png",),
    )


def _styles(file: PublishedFile, category: str, rows: pl.DataFrame) -> Series:
    """Series in the colours that they have in the other charts of the category; all coins together in ink."""
    present = set(rows[KEY])
    labels = [(label, label) for label in labels_of(file, category)]
    styles = tuple(each for each in series_of(labels) if each[0] in present)
    return (*(((ALL_COINS, ALL_COINS, INK),) if ALL_COINS in present else ()), *styles)


def _subject(rows: pl.DataFrame, field: str) -> tuple[str, dict[str, Any]]:
    """The widest universe of which a figure is known at the newest close, and its row."""
    newest = rows.filter(pl.col("ts") == pl.col("ts").max(), pl.col(field).is_finite())
    row = newest.sort(pl.col("n"), descending=True, maintain_order=True).row(0, named=True)
    return row[KEY], row


def _against_past(rows: pl.DataFrame, label: str, field: str) -> str:
    """Whether the newest figure is the highest or lowest for long; "" where it is neither, or as others were."""
    past = rows.filter(pl.col(KEY) == label).drop_nulls(field).sort("ts")
    newest = past[field][-1]
    now = past["ts"][-1]
    before = past.filter(pl.col("ts") < now)
    other_way = before.filter(pl.col(field) <= newest), before.filter(pl.col(field) >= newest)
    for reached, word in zip(other_way, ("fewest", "most"), strict=True):
        since = reached["ts"].max() if reached.height else before["ts"].min()
        if isinstance(since, datetime) and now - since >= _WORTH_SAYING:
            return f", the {word} in {(now - since).days} days"
    return ""


def _percent(value: float) -> str:
    return f"{value_text(value, 0, signed=False)} %"
