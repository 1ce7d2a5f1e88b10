"""`cross-asset brief`: what flowed lately by class and asset, how unusual that is, streaks, the week's shocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marketflows_pipeline.cli.reports.cross_asset.asset_sums import coverage, is_flow_stale, unit_flows
from marketflows_pipeline.cli.reports.cross_asset.provenance import counted, credit, dollars, header
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure
from marketflows_pipeline.report.credits import BARS, SHARES
from marketflows_pipeline.transforms.cross_asset.flow_windows import (
    ASSET,
    CLASS,
    COINS,
    GROUP,
    UNIT,
    WEEK,
    WINDOWS,
    largest_shocks,
    newest_windows,
    streaks,
    unit_name,
)

METHOD = (
    "flow_pct is the flow of the last 1, 5 or 21 trade sessions in percent of the assets before them. zscore and "
    "percentile_pct are of flow_pct among all past windows of that length (n_past of them, overlapping; null under "
    "20). A class or group sums the assets of which flow and assets before are known (n_known of n_assets); funds and "
    "coins are never added: a fund's flow is investors' money, a coin's is issuance. A window with a session of "
    "unknown flow is null, unless a gap's flow lies inside as a whole. A streak is of sessions with flows of one sign "
    "up to the newest. A shock is the session furthest from the asset's own sessions before it, by z-score."
)

_FIGURES = ("flow_usd", "flow_pct", "zscore", "percentile_pct", "n_past", "n_known", "n_assets")
_STREAK = ("streak_sessions", "streak_direction", "streak_since", "streak_is_seen_to_begin")
# The unit of a figure stays at the end of its name.
_FLAT = {
    (window, figure_name): f"{figure_name.removesuffix(unit)}_{window}_sessions{unit}"
    for window in WINDOWS
    for figure_name in _FIGURES
    for unit in [next((end for end in ("_usd", "_pct") if figure_name.endswith(end)), "")]
}

CSV_COLUMNS = ("level", "kind", "name", "asset_class", *_FLAT.values(), *_STREAK)
TABLE_COLUMNS = (
    ColumnFormat("flow of", "unit"),
    *(ColumnFormat(f"{window} s (M USD)", _FLAT[window, "flow_usd"], 1, 1e6) for window in WINDOWS),
    *(ColumnFormat(f"{window} s (%)", _FLAT[window, "flow_pct"], 2) for window in WINDOWS),
    ColumnFormat("z, 5 s", _FLAT[5, "zscore"], 2),
    *(ColumnFormat(f"percentile, {window} s", _FLAT[window, "percentile_pct"], 0) for window in WINDOWS[1:]),
    ColumnFormat("streak", "streak"),
)


def flow_brief(data: PublishedData) -> Report:
    """The report of `cross-asset brief`."""
    windows, sums = unit_flows(data)
    streak_of = {_key(row): {name: row[name] for name in _STREAK} for row in streaks(windows).to_dicts()}
    units: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in newest_windows(windows).to_dicts():
        unit = units.setdefault(
            _key(row),
            {**{name: row[name] for name in (*UNIT, "asset_class")}, **streak_of[_key(row)], "windows": []},
        )
        unit["windows"].append({"window_sessions": row["window_sessions"], **{name: row[name] for name in _FIGURES}})
    ordered = sorted(units.values(), key=_place)
    body: dict[str, Any] = {
        **header(data, data.as_of(BARS), stale=is_flow_stale(data, sums)),
        "session": sums.window.session,
        "units": ordered,
        "largest_shocks": largest_shocks(windows).to_dicts(),
        "shock_sessions": WEEK,
        "unknown_flow": sums.unknown,
        "source": credit(data, BARS, SHARES, with_coins=sums.has_coins()),
        "method": METHOD,
        "coverage": coverage(data, sums),
    }
    return Report(
        f"Flows of {', '.join(map(str, WINDOWS))} trade sessions to {sums.window.session}",
        body,
        [_flat(unit) for unit in ordered],
        CSV_COLUMNS,
        TABLE_COLUMNS,
        _summary(body),
        tuple(f"{asset['symbol']}: flow unknown, {asset['why']}." for asset in sums.unknown),
    )


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in UNIT)


def _place(unit: Mapping[str, Any]) -> tuple[Any, ...]:
    """Funds before coins, a class before its assets."""
    level = {GROUP: 0, CLASS: 1, ASSET: 2}[unit["level"]]
    return unit["kind"] == COINS, unit["asset_class"] or "", level, unit["name"]


def _flat(unit: Mapping[str, Any]) -> dict[str, Any]:
    """A unit with its windows side by side, for a line of the table."""
    flat = {key: value for key, value in unit.items() if key != "windows"}
    for window in unit["windows"]:
        flat |= {_FLAT[window["window_sessions"], name]: window[name] for name in _FIGURES}
    indent = "" if unit["level"] == GROUP else "  " if unit["level"] == CLASS else "    "
    return {**flat, "unit": f"{indent}{unit_name(unit)}", "streak": _streak_words(unit)}


def _streak_words(unit: Mapping[str, Any]) -> str:
    if not unit["streak_sessions"]:
        return "none"
    longer = "" if unit["streak_is_seen_to_begin"] else " or longer"
    return f"{unit['streak_sessions']:,} {unit['streak_direction']}, since {unit['streak_since']}{longer}"


def _way(flow_usd: float) -> str:
    if not flow_usd:
        return "without a flow"
    return f"{'in' if flow_usd > 0 else 'out'} {dollars(flow_usd)}"


def _summary(body: Mapping[str, Any]) -> tuple[str, ...]:
    shocks: Sequence[Mapping[str, Any]] = body["largest_shocks"]
    words = [
        f"{shock['name']} {_way(shock['flow_usd'])} on "
        f"{shock['session']} ({shock['asset_class']}{' coins' if shock['kind'] == COINS else ''}, z "
        f"{figure(shock['zscore'], 1)})"
        for shock in shocks
    ]
    return (f"Largest shocks of the last {counted(body['shock_sessions'], 'session')}: {'; '.join(words) or 'none'}",)
