"""Cards of the setting: regimes behind VIX, reference series without a flow, and flows that somebody else reports."""

from __future__ import annotations

from typing import Any

import polars as pl

from marketflows_pipeline.charts.cross_asset.spec import REGIMES as KINDS
from marketflows_pipeline.charts.cross_asset.wording import REGIME_NAMES, lag_finding
from marketflows_pipeline.charts.style.theme import INK
from marketflows_pipeline.charts.style.wording import counted, day_text, value_text
from marketflows_pipeline.report.credits import BARS, REFERENCE, SHARES, VOLATILITY, market_credit
from marketflows_pipeline.report.gaps import broken_lines
from marketflows_pipeline.report.model import MOST_POINTS, Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, newest_time, rows
from marketflows_pipeline.report.sections.marks import STEPS
from marketflows_pipeline.report.sections.series import thinned
from marketflows_pipeline.report.specs import SINGLED_OUT, kept_spec, spec_of
from marketflows_pipeline.transforms.cross_asset.regime_spells import newest_spell, regime_shares

REGIMES = "cross_asset_regimes"
# Blue, neutral and orange, light enough for a line on top.
FILLS = dict(zip(KINDS, (STEPS[5], STEPS[3], STEPS[1]), strict=True))

SQL = """
with sessions as (
    select session, regime, vix, vix_percentile, ratio_score,
           regime is distinct from lag(regime) over (order by session) as begins,
           coalesce(lead(session) over (order by session), session + 1) as following
    from mart.regimes
    qualify row_number() over (order by session desc) <= 756
),
numbered as (select *, count(*) filter (begins) over (order by session) as run from sessions)
select session, regime, vix, vix_percentile, ratio_score, run,
       case when session = min(session) over same then max(session) over same end as run_end,
       case when session = min(session) over same then max(following) over same end as until,
       count(*) over same as run_sessions
from numbered
window same as (partition by run)
order by session
"""
_ALL = "select session, regime from mart.regimes order by session"

COMPARISON_SQL = """
select symbol, lag_sessions, correlation, sign_agreement_pct, n, is_best, share_lag_sessions, our_flow_usd,
       reported_flow_usd, first_session, last_session
from mart.flow_comparison
order by symbol, lag_sessions
"""
SERIES_SQL = """
select series_id, name, session, value, unit, change_1_session, change_21_sessions, change_unit
from mart.reference_series where value is not null
qualify row_number() over (partition by series_id order by session desc) = 1
order by series_id
"""


def regimes_card(file: PublishedFile) -> Card | None:
    """Runs of regimes over three years; nothing where no session has one."""
    sessions = rows(file, SQL)
    if sessions["regime"].drop_nulls().is_empty():
        return None
    title = regimes_title(sessions, rows(file, _ALL))
    shares = regime_shares(sessions["regime"].to_list())
    said = ", ".join(
        f"{REGIME_NAMES.get(name, name)} {value_text(100 * share, 0, signed=False)}%" for name, share in shares.items()
    )
    shown, before = drawn(sessions)
    present = [kind for kind in KINDS if kind in set(sessions["regime"])]
    return Card(
        key="cross-asset-regimes",
        title=title,
        subtitle=f"VIX at the close, % a year, and the regime of each session; of {sessions.height} sessions: {said}",
        caption=caption(
            market_credit(file, VOLATILITY, BARS),
            sessions["session"][-1],
            "regime: from VIX's percentile and ratios of risky to safe assets, each session from data up to it alone",
            "a description of the market, not a forecast",
        ),
        dataset=Dataset(REGIMES, shown, before),
        columns=(
            FigureColumn("session", "Session"),
            FigureColumn("regime", "Regime"),
            FigureColumn("run_end", "Lasts to"),
            FigureColumn("run_sessions", "Sessions in a row", 0),
            FigureColumn("vix", "VIX", 2),
            FigureColumn("vix_percentile", "Percentile (0 to 1)", 2),
            FigureColumn("ratio_score", "Ratio score", 0, signed=True),
        ),
        sql=SQL,
        spec=_spec(),
        description=f"A line of VIX over bands of regimes. {title}. Shares of sessions: {said}.",
        series_key="regime",
        series=tuple((kind, REGIME_NAMES[kind], FILLS[kind]) for kind in present),
        pictures=("CrossAsset_regimes.png",),
        width=6,
    )


def regimes_title(sessions: pl.DataFrame, every: pl.DataFrame) -> str:
    """The regime, since when it has lasted, and how high VIX is."""
    spell = newest_spell(list(every.select("session", "regime").iter_rows()))
    newest = sessions.row(-1, named=True)
    name = REGIME_NAMES.get(newest["regime"], "regime not known")
    longer = "" if spell.is_seen_to_begin else " or longer"
    text = f"{name.capitalize()} since {day_text(spell.since)}{longer} ({counted(spell.n_sessions, 'session')})"
    if newest["vix"] is None:
        return f"{text}; VIX of that session not known"
    text = f"{text}; VIX {value_text(newest['vix'], 1, signed=False)}"
    if newest["vix_percentile"] is None:
        return text
    return f"{text}, above {value_text(100 * newest['vix_percentile'], 0, signed=False)}% of 252 sessions"


def drawn(sessions: pl.DataFrame) -> tuple[pl.DataFrame, int | None]:
    """The sessions that the chart shows: evenly spread ones, and the first of each run, which holds the run's end."""
    begins = sessions.filter(pl.col("run_end").is_not_null())
    shown, before = thinned(sessions, [], "session", max(2, MOST_POINTS - begins.height))
    if sessions.height <= MOST_POINTS or before is None:
        return sessions, None
    return pl.concat([shown, begins]).unique("session").sort("session"), before


@kept_spec
def _spec() -> dict[str, Any]:
    import altair as alt

    base = alt.Chart(alt.NamedData(REGIMES))
    x = alt.X("session:T", scale=alt.Scale(type="utc"), title=None)
    colors = alt.Scale(domain=list(FILLS), range=list(FILLS.values()))
    others = f"{SINGLED_OUT} != '' && indexof({list(FILLS)}, {SINGLED_OUT}) >= 0 && datum.regime != {SINGLED_OUT}"
    bands = (
        base.transform_filter("isValid(datum.until) && isValid(datum.regime)")
        .mark_rect()
        .encode(
            x=x,
            x2="until:T",
            color=alt.Color("regime:N", scale=colors, legend=None),
            opacity=alt.condition(others, alt.value(0.15), alt.value(1)),
        )
    )
    y = alt.Y("vix:Q", title=None, scale=alt.Scale(zero=True))
    tooltip = [
        alt.Tooltip("session:T", title="Session", format="%-d %b %Y", timeUnit="utcyearmonthdate"),
        alt.Tooltip("regime:N", title="Regime"),
        alt.Tooltip("vix:Q", title="VIX", format=".1f"),
        alt.Tooltip("run_sessions:Q", title="Sessions in a row"),
    ]
    line = broken_lines(base, "", "session", "vix", look={"strokeWidth": 1.5, "color": INK}, x=x, y=y)
    hover = base.transform_filter("isValid(datum.vix)").mark_point(filled=True, size=70, color=INK)
    hover = hover.encode(x=x, y=y, opacity=alt.value(0), tooltip=tooltip)
    return spec_of(alt.layer(bands, *line, hover), REGIMES)


def comparison_card(file: PublishedFile) -> Card | None:
    """Correlation at each lag; nothing where no pair of flows is known."""
    compared = rows(file, COMPARISON_SQL)
    if compared["last_session"].drop_nulls().is_empty():
        return None
    return Card(
        key="cross-asset-flow-comparison",
        title=lag_finding(compared.filter("is_best").to_dicts()),
        subtitle="Our flows beside those of flows/SYMBOL.csv, ours taken as so many sessions later",
        caption=caption(
            market_credit(file, SHARES),
            newest_time(compared, "last_session"),
            "reported flows from own files: they are compared with ours and enter nothing else",
            "ours go by the session of the orders, as far as that is known",
        ),
        dataset=Dataset(
            "cross_asset_flow_comparison", compared.with_columns(best=pl.when("is_best").then(pl.lit("best")))
        ),
        columns=(
            FigureColumn("symbol", "Fund"),
            FigureColumn("lag_sessions", "Lag (sessions)", 0, signed=True),
            FigureColumn("correlation", "Correlation", 3, signed=True),
            FigureColumn("best", "Fit"),
            FigureColumn("sign_agreement_pct", "Same sign (%)", 0),
            FigureColumn("n", "Sessions", 0),
            FigureColumn("our_flow_usd", "Ours (M USD)", 1, signed=True, divisor=1e6),
            FigureColumn("reported_flow_usd", "Reported (M USD)", 1, signed=True, divisor=1e6),
        ),
        sql=COMPARISON_SQL,
        pictures=("CrossAsset_flow_comparison.png",),
    )


def reference_card(file: PublishedFile) -> Card | None:
    """The newest value of each series; nothing where there is none."""
    series = rows(file, SERIES_SQL)
    if series.is_empty():
        return None
    return Card(
        key="cross-asset-reference-series",
        title=reference_title(series),
        subtitle="Newest values, and changes over one session and 21 sessions of the funds",
        caption=caption(
            market_credit(file, REFERENCE),
            newest_time(series, "session"),
            "context beside the regimes, which are not made of it: these series have no flow",
            "a session without a value, such as a holiday of the bond market, is not filled in",
        ),
        dataset=Dataset("cross_asset_reference_series", series),
        columns=(
            FigureColumn("name", "Series"),
            FigureColumn("series_id", "FRED's id"),
            FigureColumn("session", "Session"),
            FigureColumn("value", "Value", 2),
            FigureColumn("unit", "Unit"),
            FigureColumn("change_1_session", "1 session", 2, signed=True),
            FigureColumn("change_21_sessions", "21 sessions", 2, signed=True),
            FigureColumn("change_unit", "Unit of changes"),
        ),
        sql=SERIES_SQL,
    )


def reference_title(series: pl.DataFrame) -> str:
    """Two series at most, each with its newest value."""
    parts = []
    for row in series.head(2).to_dicts():
        unit = "" if row["unit"] == "index" else f" {row['unit']}"
        parts.append(f"{row['name']} {value_text(row['value'], 2, signed=False)}{unit}")
    return "; ".join(parts)
