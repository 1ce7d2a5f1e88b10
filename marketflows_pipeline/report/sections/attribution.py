"""What moved the market cap of each series: price, supply, large steps, timing, arrivals and departures, as bars."""

from __future__ import annotations

from typing import Any

import polars as pl

from marketflows_pipeline.charts.style.theme import GREY, INK, INTO, OUT_OF, PALETTE
from marketflows_pipeline.charts.style.wording import counted, percent_text, usd_text
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, described, extreme, select, source_of
from marketflows_pipeline.report.sections.lines import input_number
from marketflows_pipeline.report.sections.series import KEY, labels_of, plain, row_height, those_in
from marketflows_pipeline.report.specs import fading, kept_spec, spec_of
from marketflows_pipeline.warehouse.ddl import literal

TOTALS = "mart.cap_attribution_totals"
_WINDOWS = (28, 7)
_BILLION = 1e9
# What the pictures are about.
_PICTURED_DAYS = 30

DEPARTURES = "departures_usd"
EFFECTS = {
    "price_effect_usd": ("price", GREY),
    "supply_effect_usd": ("supply", PALETTE[2]),
    "large_supply_step_usd": ("large step", PALETTE[4]),
    "timing_usd": ("timing", PALETTE[3]),
    "arrivals_usd": ("arrivals", INTO),
    DEPARTURES: ("departures", OUT_OF),
}
"""Column to name and colour; departures take away."""


def attribution_card(file: PublishedFile, category: str) -> Card | None:
    """What moved the series of a category over 28 and 7 days; None where members are not known that long.

    Args:
        file: the published file.
        category: Narratives, Portfolios or Ranges.
    """
    if not (file.has(TOTALS) and file.has("core.series")):
        return None
    sql, noun = _sql(category), category.lower()
    rows = file.frame(sql)
    if rows.is_empty():
        return None
    series = plain(those_in(labels_of(file, category), rows))
    windows = [days for days in _WINDOWS if days in set(rows["days"])]
    subject = rows.filter(pl.col("days") == windows[0])
    title = _title(subject, windows[0], noun)
    subtitle = f"Effects on the market cap of {noun}, % of the market cap before; the dot is the change"
    newest = [(label, percent_text(change)) for label, change in subject.select(KEY, "change_pct").iter_rows()]
    dataset = f"{noun}_attribution"
    return Card(
        key=f"{noun}-attribution",
        title=title,
        subtitle=subtitle,
        caption=caption(
            source_of(file),
            file.as_of(TOTALS),
            "no effect is money that came in",
            "sums of daily effects of the members at the close before",
            "a large step is a change of supply above 10 %, no proof of a new count",
        ),
        dataset=Dataset(dataset, rows),
        columns=(
            FigureColumn(KEY, "Series"),
            FigureColumn("days", "Days", 0),
            FigureColumn("change_pct", "Change, %", 2, signed=True),
            FigureColumn("change_usd", "Change, B USD", 2, signed=True, divisor=_BILLION),
            *(
                FigureColumn(column, f"{name.capitalize()}, B USD", 2, signed=column != DEPARTURES, divisor=_BILLION)
                for column, (name, _) in EFFECTS.items()
            ),
            FigureColumn("market_cap_before_usd", "Before, B USD", 2, divisor=_BILLION),
        ),
        sql=sql,
        spec=_spec(dataset, [each[0] for each in series], windows),
        description=described(title, subtitle, newest),
        series_key=KEY,
        series=series,
        pictures=(f"{category}_attribution_{_PICTURED_DAYS}d.png",),
    )


def _sql(category: str) -> str:
    sums = ", ".join(f"sum(t.{column}) as {column}" for column in ("change_usd", *EFFECTS))
    windows = ", ".join(f"({days})" for days in _WINDOWS)
    return select(f"""
        with newest as (select max(ts) as ts from mart.cap_attribution_totals),
        windows(days) as (values {windows}),
        sums as (
            select t.series, w.days, count(*) as days_known,
                   arg_min(t.market_cap_before_usd, t.ts) as market_cap_before_usd, {sums}
            from mart.cap_attribution_totals t, newest, windows w
            where t.category = {literal(category)} and t.ts > newest.ts - to_days(w.days)
            group by t.series, w.days
        )
        select s.label, m.days, m.market_cap_before_usd, m.change_usd,
               100 * m.change_usd / m.market_cap_before_usd as change_pct,
               {", ".join(f"m.{column}" for column in EFFECTS)}
        from sums m join core.series s on s.category = {literal(category)} and s.series = m.series
        where m.days_known >= m.days and m.market_cap_before_usd > 0
        order by m.days desc, s.sort_order
    """)


def _title(subject: pl.DataFrame, days: int, noun: str) -> str:
    """The series that changed most, and the largest of its effects."""
    span = f"in {counted(days, 'day')}"
    found = extreme(dict(subject.select(KEY, "change_pct").iter_rows()))
    if found is None:
        return f"No single one of {subject.height} {noun} changed most {span}"
    row = subject.filter(pl.col(KEY) == found[0]).row(0, named=True)
    name, amount = _largest(row)
    if not amount:
        return f"Nothing moved {noun} {span}"
    change = percent_text(row["change_pct"])
    is_alike = subject.height > 1 and all(_largest(each)[0] == name for each in subject.to_dicts())
    also = f"; {name} is the largest effect in each of {subject.height} {noun}" if is_alike else ""
    of_all = usd_text(row["change_usd"], signed=True)
    return f"{found[0]} {change} {span}, {name} {usd_text(amount, signed=True)} of {of_all}{also}"


def _largest(row: dict[str, Any]) -> tuple[str, float]:
    """The effect that did most, and its amount."""
    signs = {column: -1 if column == DEPARTURES else 1 for column in EFFECTS}
    amounts = ((name, signs[column] * float(row[column] or 0)) for column, (name, _) in EFFECTS.items())
    return max(amounts, key=lambda each: abs(each[1]))


@kept_spec
def _spec(dataset: str, labels: list[str], windows: list[int]) -> dict[str, Any]:
    import altair as alt

    rows = alt.Chart(alt.NamedData(dataset)).transform_filter("datum.days === +days")
    y = alt.Y(f"{KEY}:N", sort=labels, axis=alt.Axis(title=None, ticks=False, domain=False, labelLimit=170))
    axis = alt.Axis(title=None, labelExpr="datum.label + ' %'", grid=True)
    names = {column: name for column, (name, _) in EFFECTS.items()}
    effect = " : ".join(f"datum.effect === '{column}' ? '{name}'" for column, name in names.items()) + " : ''"
    bars = (
        rows.transform_fold(list(EFFECTS), as_=["effect", "usd"])
        .transform_calculate(
            pct="100 * (datum.effect === 'departures_usd' ? -1 : 1) * datum.usd / datum.market_cap_before_usd",
            called=effect,
            amount="format(datum.usd / 1e9, ',.2f') + ' B USD'",
        )
        .mark_bar(height=alt.RelativeBandSize(band=0.62))
        .encode(
            x=alt.X("sum(pct):Q", stack="zero", axis=axis),
            y=y,
            color=alt.Color(
                "called:N",
                scale=alt.Scale(domain=list(names.values()), range=[color for _, color in EFFECTS.values()]),
                legend=alt.Legend(title=None, orient="top", direction="horizontal", columns=2, symbolType="square"),
            ),
            opacity=fading(KEY),
            detail="amount:N",
            tooltip=[
                alt.Tooltip(f"{KEY}:N", title="Series"),
                alt.Tooltip("called:N", title="Effect"),
                alt.Tooltip("amount:N", title="Amount"),
                alt.Tooltip("sum(pct):Q", title="% of before", format="+.2f"),
            ],
        )
    )
    dots = rows.mark_point(filled=True, size=55, color=INK, opacity=1).encode(
        x=alt.X("change_pct:Q", axis=axis),
        y=y,
        opacity=fading(KEY),
        tooltip=[
            alt.Tooltip(f"{KEY}:N", title="Series"),
            alt.Tooltip("change_pct:Q", title="Change, %", format="+.2f"),
        ],
    )
    height = 60 + row_height(len(labels)) * len(labels)
    choice = input_number("days", "Days", windows, windows[0])
    return spec_of(alt.layer(bars, dots), dataset, height=height, inputs=[choice])
