"""Cards of concentration: the Herfindahl-Hirschman index now, by measure and segment, and over time."""

from __future__ import annotations

from typing import Any

import polars as pl

from marketflows_pipeline.charts.exchanges.wording import MEASURES, SEGMENTS
from marketflows_pipeline.charts.style.theme import GREY, INK
from marketflows_pipeline.charts.style.wording import counted, value_text
from marketflows_pipeline.report.credits import COINGECKO, credit
from marketflows_pipeline.report.gaps import broken_lines, with_stretches
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, rows
from marketflows_pipeline.report.sections.marks import height_of, rows_axis
from marketflows_pipeline.report.specs import by_series, fading, kept_spec, series_of, spec_of
from marketflows_pipeline.settings.exchanges import MAX_HHI, Exchanges

DEGREES = ("competitive", "moderately_concentrated", "highly_concentrated")
# Of which a title speaks, in this order.
_HEADLINES = (("reserves", "centralised"), ("spot_volume", "centralised"), ("spot_volume", "tracked"))
# The guideline of 2010, beside which settings may hold another one.
_EARLIER_GUIDELINE = (1_500.0, 2_500.0)
_SHORT = {"spot_volume": "Spot volume", "reserves": "Reserves", "derivatives_volume": "Derivatives"}
_NOW, _HISTORY = "exchange_concentration", "exchange_concentration_history"

NOW = """
select measure, segment, day, n_exchanges, hhi_index, hhi_lower_bound, hhi_upper_bound, effective_exchanges,
       market_concentration, top_1_dominance_pct, hhi_change_30d, n_compared
from mart.exchange_dominance
qualify row_number() over (partition by measure, segment order by day desc) = 1
order by measure, segment
"""
HISTORY = """
select day, segment, fixed_hhi_index, n_fixed_exchanges
from mart.exchange_dominance
where measure = 'spot_volume' and segment in ('all', 'centralised', 'tracked') and fixed_hhi_index is not null
  and day > (select max(day) from mart.exchange_dominance) - 300
order by segment, day
"""
_DEGREES = "select hhi_index, market_concentration from mart.exchange_dominance where market_concentration is not null"


def concentration_card(file: PublishedFile) -> Card | None:
    """The newest index of each measure and segment; nothing where none is known."""
    now = rows(file, NOW)
    if now["hhi_index"].drop_nulls().is_empty():
        return None
    now = now.with_columns(
        key=pl.format("{}:{}", "measure", "segment"),
        label=pl.format("{}, {}", pl.col("measure").replace(_SHORT), "segment"),
        degree=pl.col("market_concentration").str.replace_all("_", " "),
    ).sort("hhi_index", descending=True, maintain_order=True)
    thresholds = thresholds_of(file.frame(_DEGREES))
    title = concentration_title(now)
    return Card(
        key="exchanges-concentration",
        title=title,
        subtitle=f"Herfindahl-Hirschman index (HHI): the sum of squared shares in percent; {_bands_text(thresholds)}",
        caption=caption(
            credit(file, f"{COINGECKO} (spot volume) and DefiLlama (the rest)"),
            file.as_of("mart.exchange_dominance"),
            "reserves are of reported wallets only, and no bound is claimed for what is not in them",
            "volume is as exchanges report it",
        ),
        dataset=Dataset(_NOW, now),
        columns=(
            FigureColumn("label", "Measure, exchanges"),
            FigureColumn("hhi_index", "HHI", 0),
            FigureColumn("degree", "Degree"),
            FigureColumn("effective_exchanges", "As so many equal ones", 1),
            FigureColumn("top_1_dominance_pct", "Largest (%)", 1),
            FigureColumn("n_exchanges", "Exchanges", 0),
            FigureColumn("hhi_lower_bound", "At least", 0),
            FigureColumn("hhi_upper_bound", "At most", 0),
            FigureColumn("hhi_change_30d", "30 d", 0, signed=True),
            FigureColumn("day", "Day"),
        ),
        sql=NOW,
        spec=_now_spec(now.drop_nulls("hhi_index").select("key", "label"), thresholds),
        description=f"Points on a scale from 0, the most concentrated first. {title}.",
        pictures=("Exchanges_HHI_spot_volume.png",),
    )


def concentration_title(now: pl.DataFrame) -> str:
    """How concentrated reserves and volume are, in the words of the tables."""
    by_key = {(row["measure"], row["segment"]): row for row in now.drop_nulls("hhi_index").to_dicts()}
    found = [by_key[key] for key in _HEADLINES if key in by_key][:2] or list(by_key.values())[:1]
    parts = [
        f"{MEASURES.get(row['measure'], row['measure'])} ({row['segment']}) {row['degree'] or 'not judged'}, "
        f"HHI {value_text(row['hhi_index'], 0, signed=False)}"
        for row in found
    ]
    equal = value_text(found[0]["effective_exchanges"], 1, signed=False)
    parts[0] = f"{parts[0][0].upper()}{parts[0][1:]}, as {equal} equal exchanges"
    return "; ".join(parts)


def history_card(file: PublishedFile) -> Card | None:
    """The index of spot volume over time; nothing with less than two days of any segment."""
    history = rows(file, HISTORY)
    enough = history.group_by("segment").agg(n=pl.len()).filter(pl.col("n") > 1)["segment"].to_list()
    shown = history.filter(pl.col("segment").is_in(enough))
    if shown.is_empty():
        return None
    thresholds = thresholds_of(file.frame(_DEGREES))
    series = series_of([(key, name) for key, name in SEGMENTS.items() if key in enough])
    title = history_title(shown)
    return Card(
        key="exchanges-concentration-history",
        title=title,
        subtitle=f"HHI of spot volume, each segment over the same exchanges all the time; {_bands_text(thresholds)}",
        caption=caption(
            credit(file, COINGECKO),
            file.as_of("mart.exchange_dominance"),
            "of the exchanges measured on 90 % of 90 days",
            "volume as the exchanges report it",
        ),
        dataset=Dataset(_HISTORY, with_stretches(shown, ["segment"], time="day")),
        columns=(
            FigureColumn("day", "Day"),
            FigureColumn("segment", "Exchanges"),
            FigureColumn("fixed_hhi_index", "HHI", 0),
            FigureColumn("n_fixed_exchanges", "Members", 0),
        ),
        sql=HISTORY,
        spec=_history_spec(series, thresholds),
        description=f"A line for each of {counted(len(series), 'segment')}. {title}.",
        series_key="segment",
        series=series,
        pictures=("Exchanges_HHI_spot_volume.png",),
    )


def history_title(shown: pl.DataFrame) -> str:
    """What the index with the longest history did, over all of it."""
    segment = shown.group_by("segment").agg(n=pl.len()).sort("n", "segment", descending=[True, False])["segment"][0]
    values = shown.filter(segment=segment).sort("day")
    first, last = values["fixed_hhi_index"][0], values["fixed_hhi_index"][-1]
    days = (values["day"][-1] - values["day"][0]).days
    before, now = (value_text(each, 0, signed=False) for each in (first, last))
    went = "rose" if last > first else "fell"
    moved = f"stayed at {now}" if before == now else f"{went} from {before} to {now}"
    return f"Concentration of spot volume {moved} in {counted(days, 'day')} ({SEGMENTS[segment].lower()})"


def thresholds_of(known: pl.DataFrame) -> tuple[float, float] | None:
    """Where moderate and high concentration begin, as the words in the tables say; None where no known pair fits.

    The published file holds the words, not the limits, which the settings may change.

    Args:
        known: hhi_index, market_concentration.
    """
    default: tuple[float, float] = Exchanges.model_fields["hhi_thresholds"].default
    low, middle, most = map(pl.lit, DEGREES)
    for moderate, high in (default, _EARLIER_GUIDELINE):
        index = pl.col("hhi_index")
        degree = pl.when(index < moderate).then(low).when(index <= high).then(middle).otherwise(most)
        if known.filter(degree != pl.col("market_concentration")).is_empty():
            return moderate, high
    return None


def _bands_text(thresholds: tuple[float, float] | None) -> str:
    if thresholds is None:
        return f"{MAX_HHI:,.0f} is a monopoly"
    return f"moderate from {thresholds[0]:,.0f}, high from {thresholds[1]:,.0f}, {MAX_HHI:,.0f} a monopoly"


@kept_spec
def _now_spec(known: pl.DataFrame, thresholds: tuple[float, float] | None) -> dict[str, Any]:
    import altair as alt

    y = rows_axis("key", dict(known.select("key", "label").iter_rows()))
    x = alt.X("hhi_index:Q", title=None, scale=alt.Scale(zero=True), axis=alt.Axis(format=",.0f"))
    base = alt.Chart(alt.NamedData(_NOW)).transform_filter("isValid(datum.hhi_index)")
    tooltip = [
        alt.Tooltip("label:N", title="Measure, exchanges"),
        alt.Tooltip("hhi_index:Q", title="HHI", format=",.0f"),
        alt.Tooltip("degree:N", title="Degree"),
        alt.Tooltip("effective_exchanges:Q", title="As so many equal ones", format=".1f"),
        alt.Tooltip("hhi_change_30d:Q", title="30 d", format="+,.0f"),
    ]
    stems = base.mark_rule(stroke=GREY, strokeWidth=1).encode(x=x, x2=alt.datum(0), y=y)
    points = base.mark_point(filled=True, size=90, color=INK).encode(x=x, y=y, opacity=alt.value(1), tooltip=tooltip)
    texts = base.mark_text(align="left", dx=9, fontSize=12).encode(
        x=x, y=y, text=alt.Text("hhi_index:Q", format=",.0f")
    )
    layers = [*_limit_rules(_NOW, thresholds, "x"), stems, points, texts]
    return spec_of(alt.layer(*layers), _NOW, height=height_of(known.height, row=28))


@kept_spec
def _history_spec(series: tuple[tuple[str, str, str], ...], thresholds: tuple[float, float] | None) -> dict[str, Any]:
    import altair as alt

    base = alt.Chart(alt.NamedData(_HISTORY))
    channels: dict[str, Any] = {
        "x": alt.X("day:T", scale=alt.Scale(type="utc"), title=None),
        "y": alt.Y("fixed_hhi_index:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(format=",.0f")),
        "color": by_series("segment", series),
        "opacity": fading("segment"),
    }
    tooltip = [
        alt.Tooltip("segment:N", title="Exchanges"),
        alt.Tooltip("day:T", title="Day", format="%-d %b %Y", timeUnit="utcyearmonthdate"),
        alt.Tooltip("fixed_hhi_index:Q", title="HHI", format=",.0f"),
    ]
    hover = base.mark_point(filled=True, size=80).encode(**{**channels, "opacity": alt.value(0)}, tooltip=tooltip)
    lines = broken_lines(base, "segment", "day", "fixed_hhi_index", **channels)
    return spec_of(alt.layer(*_limit_rules(_HISTORY, thresholds, "y"), *lines, hover), _HISTORY)


def _limit_rules(dataset: str, thresholds: tuple[float, float] | None, channel: str) -> list[Any]:
    import altair as alt

    return [
        alt.Chart(alt.NamedData(dataset))
        .transform_aggregate(n="count()")
        .mark_rule(stroke=GREY, strokeDash=[4, 3])
        .encode(**{channel: alt.datum(limit, type="quantitative")})
        for limit in thresholds or ()
    ]
