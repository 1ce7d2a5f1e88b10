"""`cross-asset rotation`: which of two classes or assets flows favour, since when, and whether they move together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketflows_pipeline.cli.reports.cross_asset.asset_sums import ATTRIBUTION, coverage, is_flow_stale, unit_flows
from marketflows_pipeline.cli.reports.cross_asset.provenance import counted, credit, header
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.report.credits import BARS, SHARES
from marketflows_pipeline.system.near_matches import did_you_mean, near_matches
from marketflows_pipeline.transforms.cross_asset.flow_rotation import TURN_SESSIONS, flow_rotation
from marketflows_pipeline.transforms.cross_asset.flow_windows import daily_flows, unit_name, units_of

METHOD = (
    "first_pct and second_pct are flows of one session in percent of the assets before it; a class sums its funds "
    "whose flow is known. difference_pct is the one less the other, over sessions on which both are known, "
    "cumulative_pct their sum since the first session shown, trailing_pct that of the last 21 sessions. The last turn "
    "is the session from which on trailing_pct has had its present sign. correlation is Pearson's of the two flows, "
    "opposite_pct the share of sessions on which one took in and the other lost; both null under 20 sessions."
)

CSV_COLUMNS = ("session", "first_pct", "second_pct", "difference_pct", "cumulative_pct", "trailing_pct")
_DIGITS = 3


def flow_rotation_report(data: PublishedData, first: str, second: str, days: int) -> Report:
    """The report of `cross-asset rotation` over the newest `days` sessions with both flows.

    Raises:
        UserInputError: if there is no such class or asset, or both are the same.
    """
    windows, sums = unit_flows(data)
    units = units_of(windows)
    one, other = (_find(units, wanted) for wanted in (first, second))
    if one == other:
        raise UserInputError(f'"{first}" and "{second}" are the same: expected two classes or assets')
    names = {"first": unit_name(one), "second": unit_name(other)}
    rotation = flow_rotation(daily_flows(windows, one), daily_flows(windows, other), days)
    sessions = rotation.sessions.to_dicts()
    newest = sessions[-1] if sessions else dict.fromkeys(CSV_COLUMNS)
    body: dict[str, Any] = {
        **header(data, data.as_of(BARS), stale=is_flow_stale(data, sums)),
        "first": {**one, "unit": names["first"]},
        "second": {**other, "unit": names["second"]},
        "days": days,
        "n_sessions": len(sessions),
        "from_session": sessions[0]["session"] if sessions else None,
        "to_session": newest["session"],
        "cumulative_pct": newest["cumulative_pct"],
        "trailing_pct": newest["trailing_pct"],
        "trailing_sessions": TURN_SESSIONS,
        "favoured": None if rotation.favoured is None else names[rotation.favoured],
        "last_turn": rotation.turned_on,
        "favoured_since": rotation.since,
        "correlation": rotation.correlation,
        "opposite_pct": rotation.opposite_pct,
        "sessions": sessions,
        "caveat": ATTRIBUTION,
        "source": credit(data, BARS, SHARES, with_coins=sums.has_coins()),
        "method": METHOD,
        "coverage": {**coverage(data, sums), "n_sessions_with_one_unknown": rotation.n_unknown},
    }
    return Report(
        f"Flows of {names['first']} and {names['second']} in percent of assets",
        body,
        sessions,
        CSV_COLUMNS,
        (
            ColumnFormat("session", "session"),
            ColumnFormat(f"{names['first']} (%)", "first_pct", _DIGITS),
            ColumnFormat(f"{names['second']} (%)", "second_pct", _DIGITS),
            ColumnFormat("difference (%)", "difference_pct", _DIGITS),
            ColumnFormat("cumulative (%)", "cumulative_pct", _DIGITS),
            ColumnFormat("21 sessions (%)", "trailing_pct", _DIGITS),
        ),
        _summary(body),
        (ATTRIBUTION,),
        headline=_headline(body),
    )


def _find(units: list[dict[str, Any]], wanted: str) -> dict[str, Any]:
    """The class of funds, asset or group of that name, in this order."""
    spelled = wanted.strip().lower()
    found = [unit for unit in units if spelled in {str(unit["name"]).lower(), unit_name(unit).lower()}]
    if found:
        return found[0]
    called = {unit_name(unit): (unit["name"],) for unit in units}
    near = near_matches(wanted, called, is_whole_word=False)
    known = did_you_mean(near) or f"; there are {', '.join(called)}"
    raise UserInputError(f'no class or asset "{wanted}" has flows{known}')


def _headline(body: Mapping[str, Any]) -> str:
    if body["favoured"] is None:
        return f"Fewer than {counted(body['trailing_sessions'], 'session')} have both flows: no side is favoured."
    since = body["favoured_since"] if body["last_turn"] else f"{body['favoured_since']} or longer"
    return f"Flows favour {body['favoured']} since {since}, by sums of {counted(body['trailing_sessions'], 'session')}."


def _summary(body: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"{body['first']['unit']} less {body['second']['unit']}: {figure(body['cumulative_pct'], 2, ' % of assets')} "
        f"over {counted(body['n_sessions'], 'session')}; last {counted(body['trailing_sessions'], 'session')}: "
        f"{figure(body['trailing_pct'], 2, ' %')}",
        f"Co-movement: correlation {figure(body['correlation'])}; opposite ways on "
        f"{figure(body['opposite_pct'], 0, ' %')} of sessions",
    )
