"""`cross-asset regimes`: whether risk is wanted, since when, and how often it was."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marketflows_pipeline.cli.reports.cross_asset.provenance import (
    counted,
    credit,
    fetched,
    header,
    in_words,
    is_past,
    is_stale,
)
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure
from marketflows_pipeline.report.ages import SESSION_LIMIT
from marketflows_pipeline.report.credits import BARS, REFERENCE, VOLATILITY
from marketflows_pipeline.transforms.cross_asset.regime_spells import newest_spell, regime_shares

REGIMES = "mart.regimes"
YEAR_SESSIONS = 252

METHOD = (
    "vix_percentile is the share of the last 252 sessions with a lower VIX; vix_regime follows from it by the "
    "thresholds of the settings, with hysteresis. term_structure is VIX over VIX3M, above 1 is backwardation. "
    "ratio_score counts ratio pairs above a rising average less those below a falling one. regime is what both say "
    "where they agree, or the one that is known, else mixed, from the session on that confirmed it (confirm_sessions "
    "of the settings, 3 by default, in a row). Each from data up to that session alone."
)

CSV_COLUMNS = (
    "session", "regime", "vix", "vix_percentile", "vix_regime", "term_structure", "is_backwardation", "ratio_score",
    "ratio_pairs_known", "ratio_regime",
)  # fmt: skip
TABLE_COLUMNS = (
    ColumnFormat("session", "session"),
    ColumnFormat("regime", "regime"),
    ColumnFormat("VIX", "vix", 2),
    ColumnFormat("percentile", "vix_percentile", 2),
    ColumnFormat("by VIX", "vix_regime"),
    ColumnFormat("VIX / VIX3M", "term_structure", 3),
    ColumnFormat("ratio score", "ratio_score", 0),
    ColumnFormat("pairs", "ratio_pairs_known", 0),
    ColumnFormat("by ratios", "ratio_regime"),
)

CONTEXT = "mart.reference_series"
_CONTEXT = """
select series_id, name, session, value, unit, change_1_session, change_21_sessions, change_unit
from mart.reference_series where value is not null
qualify row_number() over (partition by series_id order by session desc) = 1
order by series_id
"""

_LAST = f"select {', '.join(CSV_COLUMNS)} from mart.regimes order by session desc limit $days"
_REGIMES = "select session, regime from mart.regimes order by session"
_VIX = "select max(session) as session from mart.regimes where vix is not null"


def market_regimes(data: PublishedData, days: int) -> Report:
    """The report of `cross-asset regimes` over `days` sessions, back from the newest."""
    data.require(REGIMES)
    sessions = data.rows(_LAST, {"days": days})[::-1]
    newest = sessions[-1]
    regimes = [(row["session"], row["regime"]) for row in data.rows(_REGIMES)]
    spell, year = newest_spell(regimes), regimes[-YEAR_SESSIONS:]
    newest_vix = data.row(_VIX)["session"]
    # A holiday brings no new VIX, so that its fetch looks old by itself; its session tells more.
    is_vix_old = newest_vix is not None and is_past(data, newest_vix, SESSION_LIMIT)
    body: dict[str, Any] = {
        **header(data, _as_of(data), stale=is_vix_old or is_stale(data, newest["session"], data.as_of(BARS))),
        **newest,
        "since": spell.since,
        "sessions_in_regime": spell.n_sessions,
        "is_seen_to_begin": spell.is_seen_to_begin,
        "share_of_sessions": regime_shares([regime for _, regime in year]),
        "share_over_sessions": len(year),
        "days": days,
        "sessions": sessions,
        "reference_series": data.rows(_CONTEXT) if data.has(CONTEXT) else [],
        "source": credit(data, VOLATILITY, BARS, *([REFERENCE] if data.has(CONTEXT) else [])),
        "method": METHOD,
        "coverage": {
            "n_sessions": len(sessions),
            "newest_vix_session": newest_vix,
            "n_without_regime": sum(row["regime"] is None for row in sessions),
            "fetched_at": fetched(data),
        },
    }
    return Report(
        f"Market regimes to {newest['session']}",
        body,
        sessions,
        CSV_COLUMNS,
        TABLE_COLUMNS,
        _summary(body),
        _footnotes(body),
        headline=_headline(body),
    )


def _as_of(data: PublishedData) -> datetime | None:
    """The older one of the fetches that a regime is made of; prices alone where no index was ever fetched."""
    times = [data.as_of(table) for table in (VOLATILITY, BARS) if data.has(table)]
    return min((time for time in times if time is not None), default=None)


def _headline(body: Mapping[str, Any]) -> str:
    since = f"since {body['since']}" if body["is_seen_to_begin"] else f"since {body['since']} or longer"
    return f"{in_words(body['regime']).capitalize()} {since} ({counted(body['sessions_in_regime'], 'session')})"


def _summary(body: Mapping[str, Any]) -> tuple[str, ...]:
    shape = {True: ", backwardation", False: "", None: ""}[body["is_backwardation"]]
    shares = ", ".join(f"{in_words(name)} {100 * share:.0f} %" for name, share in body["share_of_sessions"].items())
    return (
        f"VIX {figure(body['vix'])}, percentile {figure(body['vix_percentile'])}; VIX / VIX3M "
        f"{figure(body['term_structure'], 3)}{shape}; ratio score {figure(body['ratio_score'], 0)} of "
        f"{counted(body['ratio_pairs_known'], 'pair')}",
        f"Share of the last {counted(body['share_over_sessions'], 'session')}: {shares}",
        *map(_reference_line, body["reference_series"]),
    )


def _reference_line(series: Mapping[str, Any]) -> str:
    unit = "" if series["unit"] == "index" else f" {series['unit']}"
    change = f" {series['change_unit']}"
    changed = "unknown" if series["change_21_sessions"] is None else f"{series['change_21_sessions']:+,.2f}{change}"
    return f"{series['name']} on {series['session']}: {figure(series['value'])}{unit}, in 21 sessions {changed}"


def _footnotes(body: Mapping[str, Any]) -> tuple[str, ...]:
    newest_vix = body["coverage"]["newest_vix_session"]
    if newest_vix == body["session"]:
        return ()
    known = "No VIX is stored" if newest_vix is None else f"The newest VIX is of {newest_vix}"
    return (f"{known}: later regimes follow from the ratios alone.",)
