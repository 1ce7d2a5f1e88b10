"""The card of reserves: a small chart for each exchange, each on its own scale."""

from __future__ import annotations

from typing import Any

import polars as pl

from marketflows_pipeline.charts.style.theme import GREY, INK
from marketflows_pipeline.charts.style.wording import counted, day_text, percent_text, share_text, usd_text
from marketflows_pipeline.report.credits import DEFILLAMA, credit
from marketflows_pipeline.report.gaps import broken_lines, with_stretches
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, of_all, rows
from marketflows_pipeline.report.specs import fading, kept_spec, spec_of

RESERVES = "exchange_reserves"
MOST = 8
# Below this width of the chart, in px, two small charts stand beside each other, else four.
NARROW = 560
_PANEL_HEIGHT = 136
_HEAD = 36

SQL = """
with largest as (
    select slug, row_number() over (order by max_by(reserves_usd, day) desc, slug) as place
    from mart.exchange_netflow where reserves_usd is not null
    group by slug
    qualify place <= 8
)
select place, exchange_key, name as exchange, day, reserves_usd
from mart.exchange_netflow join largest using (slug)
where day > (select max(day) from mart.exchange_netflow) - 90
order by place, day
"""


def reserves_card(file: PublishedFile) -> Card | None:
    """Reserves of the largest exchanges over 90 days; nothing where none is known."""
    reserves = rows(file, SQL)
    known = reserves.drop_nulls("reserves_usd")
    if known.is_empty():
        return None
    n_shown, days = known["place"].n_unique(), known["day"].sort()
    title = reserves_title(known)
    slugs = dict(file.frame("select distinct exchange_key, slug from mart.exchange_netflow").iter_rows())
    shown = known.unique("place", maintain_order=True)["exchange_key"]
    return Card(
        key="exchanges-reserves",
        title=title,
        subtitle=(
            f"Value of all tokens, prices included, {day_text(days[0])} to {day_text(days[-1])}; each on its own "
            "scale from its lowest to its highest, so heights do not compare"
        ),
        caption=caption(
            credit(file, DEFILLAMA),
            file.as_of("mart.exchange_netflow"),
            "reported wallets only: what DefiLlama does not know is not in it",
            "a change is one of value, mostly price: no money needs to have moved",
        ),
        dataset=Dataset(RESERVES, with_stretches(reserves, ["place"], time="day", value="reserves_usd")),
        columns=(
            FigureColumn("exchange", "Exchange"),
            FigureColumn("day", "Day"),
            FigureColumn("reserves_usd", "Reserves (B USD)", 3, divisor=1e9),
        ),
        sql=SQL,
        spec=_spec(n_shown),
        description=f"Lines of {counted(n_shown, 'exchange')}, the largest first, each on its own scale. {title}.",
        series_key="exchange_key",
        pictures=tuple(f"Exchanges_reserves_{slugs[key]}.png" for key in shown),
        width=6,
    )


def reserves_title(known: pl.DataFrame) -> str:
    """Who holds most of them, and how many hold less than 30 days before."""
    newest = known.group_by("place").agg(pl.col("exchange", "reserves_usd", "day").sort_by("day").last()).sort("place")
    before = known.join(newest.select("place", last="day"), on="place").filter(
        pl.col("day") == pl.col("last") - pl.duration(days=30)
    )
    compared = newest.join(before.select("place", before="reserves_usd"), on="place")
    largest = newest.row(0, named=True)
    if newest.height == 1:
        text = f"{largest['exchange']} holds {usd_text(largest['reserves_usd'])}"
        if compared.is_empty() or not compared["before"][0]:
            return f"{text} in known wallets"
        change = 100 * (largest["reserves_usd"] / compared["before"][0] - 1)
        return f"{text} in known wallets, {percent_text(change)} in 30 days"
    total = float(newest["reserves_usd"].sum())
    share = f"{share_text(100 * largest['reserves_usd'] / total)} of " if total > 0 else ""
    text = f"{largest['exchange']} holds {share}{usd_text(total)} at {counted(newest.height, 'exchange')}"
    if compared.is_empty():
        return text
    fell = compared.filter(pl.col("reserves_usd") < pl.col("before")).height
    if compared.height == 1:
        return f"{text}; the only exchange with a past holds {'less' if fell else 'no less'} than 30 days ago"
    hold = "holds" if fell < 2 else "hold"
    return f"{text}; {of_all(fell, compared.height, 'exchange')} {hold} less than 30 days ago"


@kept_spec
def _spec(n_shown: int) -> dict[str, Any]:
    import altair as alt

    place, columns = "(datum.place - 1)", f"(width < {NARROW} ? 2 : 4)"
    grid = alt.Chart(alt.NamedData(RESERVES)).transform_filter("isValid(datum.reserves_usd)")
    scaled = grid.transform_joinaggregate(
        low="min(reserves_usd)", high="max(reserves_usd)", groupby=["place"]
    ).transform_joinaggregate(first="min(day)", last="max(day)", n="max(place)")
    placed = scaled.transform_calculate(
        n_columns=f"min({columns}, datum.n)",
        n_rows="ceil(datum.n / datum.n_columns)",
        column=f"{place} % datum.n_columns",
        row=f"floor({place} / datum.n_columns)",
        along="datum.last > datum.first ? (datum.day - datum.first) / (datum.last - datum.first) : 1",
        up="datum.high > datum.low ? (datum.reserves_usd - datum.low) / (datum.high - datum.low) : 0.5",
        left="(datum.column + 0.03) / datum.n_columns",
        x="(datum.column + 0.03 + 0.9 * datum.along) / datum.n_columns",
        # Two lines of text above each small chart, in px, whatever its height.
        top="datum.row / datum.n_rows",
        y=f"datum.top + ({_HEAD} + (height / datum.n_rows - {_HEAD} - 8) * (1 - datum.up)) / height",
    )
    across, down = (alt.Scale(domain=ends, nice=False, zero=False) for ends in ([0, 1], [1, 0]))
    x, left = (alt.X(f"{field}:Q", scale=across, axis=None) for field in ("x", "left"))
    y, top = (alt.Y(f"{field}:Q", scale=down, axis=None) for field in ("y", "top"))
    shown = {"opacity": fading("exchange_key"), "detail": ["place:O"]}
    tooltip = [
        alt.Tooltip("exchange:N", title="Exchange"),
        alt.Tooltip("day:T", title="Day", format="%-d %b %Y", timeUnit="utcyearmonthdate"),
        alt.Tooltip("billion:Q", title="Reserves (B USD)", format=",.2f"),
    ]
    look = {"strokeWidth": 1.8, "color": INK}
    lines = broken_lines(placed, "place", "day", "reserves_usd", look=look, x=x, y=y, order="day:T", **shown)
    newest = placed.transform_filter("datum.day == datum.last")
    end = newest.mark_point(filled=True, size=36, color=INK).encode(x=x, y=y, **shown)
    name = newest.mark_text(align="left", baseline="top", dy=4, fontSize=13, fontWeight="bold").encode(
        x=left, y=top, text="exchange:N", **shown
    )
    amounts = (
        newest.transform_calculate(
            text="'$' + format(datum.reserves_usd / 1e9, ',.2f') + 'B, ' + format(datum.low / 1e9, ',.2f') + ' to ' + "
            "format(datum.high / 1e9, ',.2f')"
        )
        .mark_text(align="left", baseline="top", dy=20, fontSize=11, color=GREY)
        .encode(x=left, y=top, text="text:N", **shown)
    )
    hover = (
        placed.transform_calculate(billion="datum.reserves_usd / 1e9")
        .mark_point(size=90, filled=True, color=INK)
        .encode(x=x, y=y, opacity=alt.value(0), tooltip=tooltip)
    )
    height = _PANEL_HEIGHT * -(-n_shown // min(4, n_shown))
    return spec_of(alt.layer(*lines, end, name, amounts, hover), RESERVES, height=max(height, 160))
