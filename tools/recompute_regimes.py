"""Compute regimes a second time from raw prices and VIX, by other means, and compare them with a file's.

Usage: ``python tools/recompute_regimes.py FILE.duckdb``. Reads ``accepted.daily_bars`` and
``accepted.volatility_index`` (raw rows that are not in quarantine) and says where ``mart.regimes`` differs; exit code 1
if it does. It imports nothing of the package: plain loops, written from the descriptions of table and settings, with
the settings' default values. Clear before fast.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

YEAR_SESSIONS, AVERAGE_SESSIONS, AGREEING_PAIRS = 252, 20, 2
TOLERANCE = 1e-9
SHOWN = 10

Closes = Mapping[date, float]
Row = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """What the settings say of regimes."""

    on_below: float = 0.33
    off_above: float = 0.80
    hysteresis: float = 0.05
    confirm: int = 3
    pairs: tuple[tuple[str, str], ...] = (("HYG", "TLT"), ("IWM", "SPY"), ("BTC", "GLD"))


def regime_rows(
    sessions: Sequence[date], closes: Mapping[str, Closes], vix: Closes, vix3m: Closes, rule: Rule
) -> Iterator[Row]:
    """The rows of mart.regimes, of sessions in order."""
    states, signals = _vix_states(sessions, vix, rule), _ratio_signals(sessions, closes, rule.pairs)
    by_vix = [states.get(day, (None, None))[1] for day in sessions]
    by_ratios = [_side(signals[day]) if day in signals else None for day in sessions]
    readings = [_reading(*both) for both in zip(by_vix, by_ratios, strict=True)]
    for at, (day, regime) in enumerate(zip(sessions, confirmed(readings, rule.confirm), strict=True)):
        has_both = day in vix and day in vix3m
        yield {
            "session": day,
            "vix": vix.get(day),
            "vix_percentile": states.get(day, (None, None))[0],
            "term_structure": vix[day] / vix3m[day] if has_both else None,
            "is_backwardation": vix[day] > vix3m[day] if has_both else None,
            "vix_regime": by_vix[at],
            "ratio_score": sum(signals[day]) if day in signals else None,
            "ratio_pairs_known": len(signals.get(day, [])),
            "ratio_regime": by_ratios[at],
            "regime": regime,
        }


def _side(votes: Sequence[int]) -> str:
    score = sum(votes)
    return "risk_on" if score >= AGREEING_PAIRS else "risk_off" if score <= -AGREEING_PAIRS else "mixed"


def _reading(by_vix: str | None, by_ratios: str | None) -> str | None:
    """What both say where they agree, or the only one known, else mixed."""
    known = {each for each in (by_vix, by_ratios) if each is not None}
    return None if not known else known.pop() if len(known) == 1 else "mixed"


def confirmed(readings: Sequence[str | None], sessions: int) -> Iterator[str | None]:
    """The regime of each session: a reading counts once so many in a row say the same."""
    regime = newest = None
    alike = missing = 0
    for reading in readings:
        missing = missing + 1 if reading is None else 0
        if missing >= sessions:
            # Nothing was known for too long: what held is over, and nothing is confirmed by what was before.
            regime, newest, alike = None, None, 0
        if reading is not None:
            alike = alike + 1 if reading == newest else 1
            newest = reading
            regime = reading if alike >= sessions else regime
        yield regime


def _vix_states(sessions: Sequence[date], vix: Closes, rule: Rule) -> dict[date, tuple[float | None, str | None]]:
    """Session to percentile and regime: entered once confirmed beyond a line, left once well inside it again."""
    days = [day for day in sessions if day in vix]
    states: dict[date, tuple[float | None, str | None]] = {}
    state, calm, nervous = "mixed", 0, 0
    for at, day in enumerate(days):
        past = [vix[each] for each in days[max(0, at + 1 - YEAR_SESSIONS) : at + 1]]
        if len(past) < YEAR_SESSIONS:
            states[day] = (None, None)
            continue
        # This one, and those equal to it, count half.
        percentile = sum(1.0 if value < vix[day] else 0.5 for value in past if value <= vix[day]) / YEAR_SESSIONS
        calm = calm + 1 if percentile < rule.on_below else 0
        nervous = nervous + 1 if percentile > rule.off_above else 0
        if (state == "risk_on" and percentile > rule.on_below + rule.hysteresis) or (
            state == "risk_off" and percentile < rule.off_above - rule.hysteresis
        ):
            state = "mixed"
        if calm >= rule.confirm:
            state = "risk_on"
        elif nervous >= rule.confirm:
            state = "risk_off"
        states[day] = (percentile, state)
    return states


def _ratio_signals(
    sessions: Sequence[date], closes: Mapping[str, Closes], pairs: Sequence[tuple[str, str]]
) -> dict[date, list[int]]:
    """Session to the signals of the pairs that have one: +1 above a rising average, -1 below a falling one."""
    signals: dict[date, list[int]] = {}
    for above, below in pairs:
        upper, lower = closes.get(above, {}), closes.get(below, {})
        days = [day for day in sessions if day in upper and day in lower]
        ratios = [upper[day] / lower[day] for day in days]
        for at in range(AVERAGE_SESSIONS, len(days)):
            average = math.fsum(ratios[at + 1 - AVERAGE_SESSIONS : at + 1]) / AVERAGE_SESSIONS
            before = math.fsum(ratios[at - AVERAGE_SESSIONS : at]) / AVERAGE_SESSIONS
            is_up, is_down = ratios[at] > average > before, ratios[at] < average < before
            signals.setdefault(days[at], []).append(int(is_up) - int(is_down))
    return signals


def recomputed(connection: duckdb.DuckDBPyConnection, rule: Rule) -> list[Row]:
    """The rows of mart.regimes from the raw tables of an open file."""
    closes: dict[str, dict[date, float]] = {}
    fund_days: set[date] = set()
    bars = connection.sql(
        "select symbol, session, close_usd, bool_or(volume_unit = 'usd') over (partition by symbol)"
        " from accepted.daily_bars"
    )
    for symbol, session, close, is_coin in bars.fetchall():
        closes.setdefault(symbol, {})[session] = close
        if not is_coin:
            fund_days.add(session)
    indices: dict[str, dict[date, float]] = {"VIX": {}, "VIX3M": {}}
    for name, session, close in connection.sql(
        "select index_name, session, close from accepted.volatility_index"
    ).fetchall():
        indices.setdefault(name, {})[session] = close
    sessions = sorted(fund_days or {day for days in closes.values() for day in days})
    return list(regime_rows(sessions, closes, indices["VIX"], indices["VIX3M"], rule))


def differences(stored: Sequence[Row], computed: Sequence[Row]) -> Iterator[str]:
    """Where two tables differ, a line each."""
    old, new = ({row["session"]: row for row in rows} for rows in (stored, computed))
    for day in sorted(old.keys() | new.keys()):
        if day not in old or day not in new:
            yield f"{day}: {'not stored' if day not in old else 'stored only'}"
            continue
        for name, value in new[day].items():
            if not _is_alike(old[day][name], value):
                yield f"{day} {name}: stored {old[day][name]}, computed {value}"


def _is_alike(stored: object, computed: object) -> bool:
    if isinstance(stored, float) and isinstance(computed, float):
        return math.isclose(stored, computed, rel_tol=TOLERANCE)
    return stored == computed


def main(arguments: list[str]) -> int:
    """Compare a file's regimes with those computed here."""
    if len(arguments) != 1:
        sys.stderr.write("Say which file: python tools/recompute_regimes.py FILE.duckdb\n")
        return 2
    with duckdb.connect(arguments[0], read_only=True) as connection:
        computed = recomputed(connection, Rule())
        names = list(computed[0]) if computed else ["session"]
        found = connection.sql(f"select {', '.join(names)} from mart.regimes").fetchall()  # noqa: S608 (own names)
    lines = list(differences([dict(zip(names, row, strict=True)) for row in found], computed))
    sys.stdout.writelines(f"{line}\n" for line in lines[:SHOWN])
    sys.stdout.write(f"{len(computed)} sessions, {len(lines)} differences\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
