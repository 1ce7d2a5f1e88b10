"""Coins that crossed the limits of ranges: a matrix from where to where."""

from __future__ import annotations

from typing import Any

import polars as pl

from marketflows_pipeline.charts.style.theme import INK, PALETTE
from marketflows_pipeline.charts.style.wording import counted, usd_text
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, described, listed, select, source_of
from marketflows_pipeline.report.sections.lines import input_number
from marketflows_pipeline.report.sections.series import labels_of, shown
from marketflows_pipeline.report.specs import kept_spec, spec_of
from marketflows_pipeline.transforms.categories import RANGES
from marketflows_pipeline.warehouse.ddl import literal

MIGRATION = "mart.range_migration"
OUTSIDE = "below all limits"
_PERIODS = (30, 7, 1)
# On a phone amounts go, which the table has.
_IS_NARROW = "width < 380"
# Names of ranges stand on two lines, on a phone on three; below them is no room for an axis title.
_ON_LINES = f"split({_IS_NARROW} ? datum.label : replace(datum.label, ' to ', ' to|'), {_IS_NARROW} ? ' ' : '|')"
# Coins a cell, from which its colour is stronger.
_STEPS, _STRENGTHS = (2, 4, 8), (0.12, 0.22, 0.34, 0.46)


def migration_card(file: PublishedFile) -> Card | None:
    """What crossed from each range to each other over 30, 7 days and 1 day; None where no coin is known to have."""
    labels = labels_of(file, RANGES)
    if not labels or not file.has(MIGRATION) or not file.has("mart.range_chain"):
        return None
    sql = _sql()
    rows = shown(file.frame(sql), ("from_label", "to_label"), ("coins",))
    periods = [days for days in _PERIODS if days in set(rows["days"])]
    if not periods:
        return None
    title = _title(rows.filter(pl.col("days") == periods[0]), labels, periods[0])
    subtitle = (
        "Coins that are in another range than before, from the range on the left to the one below, and their market cap"
    )
    pairs = rows.filter(pl.col("days") == periods[0])
    newest = [
        (
            f"{row['from_label']} to {row['to_label']}",
            f"{counted(row['n_coins'], 'coin')}, {usd_text(row['crossed_usd'])}",
        )
        for row in pairs.to_dicts()
    ]
    return Card(
        key="ranges-migration",
        title=title,
        subtitle=subtitle,
        caption=caption(
            source_of(file),
            file.as_of("mart.range_chain"),
            "a coin's own move stays with the range it came from, and it arrives at its market cap after",
            "listed and delisted coins come from and go to below all limits",
            "a crossing is no money that moved",
        ),
        dataset=Dataset("ranges_migration", rows),
        columns=(
            FigureColumn("days", "Days", 0),
            FigureColumn("from_label", "From"),
            FigureColumn("to_label", "To"),
            FigureColumn("n_coins", "Coins", 0),
            FigureColumn("crossed_usd", "Market cap, B USD", 2, divisor=1e9),
            FigureColumn("coins", "Which"),
        ),
        sql=sql,
        spec=_spec([OUTSIDE, *labels], periods),
        description=described(title, subtitle, newest),
        pictures=tuple(f"Ranges_migration_{days}d.png" for days in (7, 30)),
    )


def _sql() -> str:
    label = f"select label from core.series where category = {literal(RANGES)} and series"
    sides = {side: f"coalesce(({label} = m.{side}), m.{side}, '{OUTSIDE}')" for side in ("from_range", "to_range")}
    return select(f"""
        select m.period_days as days, {sides["from_range"]} as from_label,
               {sides["to_range"]} as to_label, count(*) as n_coins,
               sum(coalesce(m.cap_after_usd, m.cap_before_usd)) as crossed_usd,
               string_agg(upper(coalesce(c.symbol, m.coin_id)), ', ' order by
                          coalesce(m.cap_after_usd, m.cap_before_usd) desc, m.coin_id) as coins
        from mart.range_migration m left join accepted.coins c using (coin_id)
        where m.ts = (select max(ts) from mart.range_chain)
        group by all order by days desc, crossed_usd desc, from_label, to_label
    """)


def _title(pairs: pl.DataFrame, labels: tuple[str, ...], days: int) -> str:
    """How many coins crossed a limit, and whether upwards or downwards."""
    span = f"in {counted(days, 'day')}"
    total = int(pairs["n_coins"].sum())
    place = {label: at for at, label in enumerate([OUTSIDE, *labels])}
    rows = pairs.to_dicts()
    up = sum(row["n_coins"] for row in rows if place.get(row["to_label"], 0) > place.get(row["from_label"], 0))
    down = sum(row["n_coins"] for row in rows if place.get(row["to_label"], 0) < place.get(row["from_label"], 0))
    ways = "all up" if up == total else "all down" if down == total else listed([f"{up} up", f"{down} down"])
    largest = rows[0]
    places = f"from {largest['from_label']} into {largest['to_label']}"
    return f"{counted(total, 'coin')} crossed a limit {span}, {ways}: most by market cap {places}"


@kept_spec
def _spec(order: list[str], periods: list[int]) -> dict[str, Any]:
    import altair as alt

    rows = (
        alt.Chart(alt.NamedData("ranges_migration"))
        .transform_filter("datum.days === +days")
        .transform_calculate(amount="format(datum.crossed_usd / 1e9, ',.1f') + ' B USD'", number="'' + datum.n_coins")
    )
    x = alt.X(
        "to_label:N",
        scale=alt.Scale(domain=order),
        axis=alt.Axis(title=None, labelAngle=0, labelLimit=90, labelOverlap=False, labelExpr=_ON_LINES),
    )
    y = alt.Y("from_label:N", scale=alt.Scale(domain=order[::-1]), axis=alt.Axis(title=None, labelLimit=130))
    strength = alt.FillOpacity(
        "n_coins:Q", scale=alt.Scale(type="threshold", domain=list(_STEPS), range=list(_STRENGTHS)), legend=None
    )
    tooltip = [
        alt.Tooltip("from_label:N", title="From"),
        alt.Tooltip("to_label:N", title="To"),
        alt.Tooltip("n_coins:Q", title="Coins"),
        alt.Tooltip("amount:N", title="Market cap"),
        alt.Tooltip("coins:N", title="Which"),
    ]
    cells = rows.mark_rect(fill=PALETTE[0], cornerRadius=3).encode(x=x, y=y, fillOpacity=strength, tooltip=tooltip)
    texts = {"number": -7, "amount": 9}
    too_wide = {"test": _IS_NARROW, "value": 0}
    words = [
        rows.mark_text(dy=dy, color=INK, fontSize=13 if name == "number" else 11).encode(
            x=x,
            y=y,
            text=f"{name}:N",
            opacity=alt.OpacityValue(1, **({"condition": too_wide} if name == "amount" else {})),
            tooltip=tooltip,
        )
        for name, dy in texts.items()
    ]
    choice = input_number("days", "Days", periods, periods[0])
    return spec_of(alt.layer(cells, *words), "ranges_migration", height=46 * len(order), inputs=[choice])
