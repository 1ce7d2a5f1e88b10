"""`cross-asset regimes`: whether risk is wanted, since when, and how often it was."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marketflows_pipeline.cli.reports.cross_asset.flows import in_words
from marketflows_pipeline.cli.reports.cross_asset.provenance import (
    BARS,
    SESSION_LIMIT,
    VOLATILITY,
    counted,
    credit,
    fetched,
    head,
    is_past,
    is_stale,
)
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure

REGIMES = "mart.regimes"
YEAR_SESSIONS = 252

METHOD = (
    "vix_percentile is the share of the last 252 sessions with a lower VIX; vix_regime follows from it by the "
    "thresholds of the settings, with hysteresis. term_structure is VIX over VIX3M, above 1 is backwardation. "
    "ratio_score counts ratio pairs above a rising average less those below a falling one. regime is what both say "
    "where they agree, or the one that is known, else mixed, from the session on that confirmed it (confirm_sessions "
    "of the settings, 3 by default, in a row). Each from data up to that session alone."
)

COLUMNS = (
    "session",
    "regime",
    "vix",
    "vix_percentile",
    "vix_regime",
    "term_structure",
    "is_backwardation",
    "ratio_score",
    "ratio_pairs_known",
    "ratio_regime",
)
SHOWN = (
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

_LAST = f"select {', '.join(COLUMNS)} from mart.regimes order by session desc limit $days"  # noqa: S608 (constants)
_RUN = """
with spells as (
    select session, sum(is_new) over (order by session) as spell
    from (
        select session, (regime is distinct from lag(regime) over (order by session))::integer as is_new
        from mart.regimes
    )
)
select min(session) as since, count(*) as n_sessions,
       min(session) > (select min(session) from mart.regimes) as is_seen_to_begin
from spells
where spell = (select max(spell) from spells)
"""
_SHARES = """
select coalesce(regime, 'unknown') as regime, count(*) as n_sessions
from (select regime from mart.regimes order by session desc limit $sessions)
group by all
"""
_VIX = "select max(session) as session from mart.regimes where vix is not null"


def market_regimes(source: PublishedData, days: int) -> Report:
    """The answer of `cross-asset regimes`.

    Args:
        source: the published file.
        days: how many sessions are listed, back from the newest.

    Raises:
        MarketflowsError: if there is no data yet.
    """
    source.require(REGIMES)
    sessions = source.rows(_LAST, {"days": days})[::-1]
    newest, run = sessions[-1], source.row(_RUN)
    counts = {row["regime"]: row["n_sessions"] for row in source.rows(_SHARES, {"sessions": YEAR_SESSIONS})}
    all_sessions = sum(counts.values())
    newest_vix = source.row(_VIX)["session"]
    # A holiday brings no new VIX, so that its fetch looks old by itself; its session tells more.
    is_vix_old = newest_vix is not None and is_past(source, newest_vix, SESSION_LIMIT)
    body: dict[str, Any] = {
        **head(source, _as_of(source), stale=is_vix_old or is_stale(source, newest["session"], source.as_of(BARS))),
        **newest,
        "since": run["since"],
        "sessions_in_regime": run["n_sessions"],
        "is_seen_to_begin": run["is_seen_to_begin"],
        "share_of_sessions": {name: counts.get(name, 0) / all_sessions for name in _names(counts)},
        "share_over_sessions": all_sessions,
        "days": days,
        "sessions": sessions,
        "source": credit(source, VOLATILITY, BARS),
        "method": METHOD,
        "coverage": {
            "n_sessions": len(sessions),
            "newest_vix_session": newest_vix,
            "n_without_regime": sum(row["regime"] is None for row in sessions),
            "fetched_at": fetched(source),
        },
    }
    return Report(
        f"Market regimes to {newest['session']}",
        body,
        sessions,
        COLUMNS,
        SHOWN,
        _summary(body),
        _footnotes(body),
        headline=_headline(body),
        about="asset",
    )


def _as_of(source: PublishedData) -> datetime | None:
    """The older one of the fetches that a regime is made of; prices alone where no index was ever fetched."""
    times = [source.as_of(table) for table in (VOLATILITY, BARS) if source.has(table)]
    return min((time for time in times if time is not None), default=None)


def _names(counts: Mapping[str, int]) -> list[str]:
    return ["risk_on", "mixed", "risk_off", *(["unknown"] if "unknown" in counts else [])]


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
    )


def _footnotes(body: Mapping[str, Any]) -> tuple[str, ...]:
    newest_vix = body["coverage"]["newest_vix_session"]
    if newest_vix == body["session"]:
        return ()
    known = "No VIX is stored" if newest_vix is None else f"The newest VIX is of {newest_vix}"
    return (f"{known}: later regimes follow from the ratios alone.",)
