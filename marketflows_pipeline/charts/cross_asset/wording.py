"""What is written on the charts of the cross-asset part: sessions, caveats, figures with intervals."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from marketflows_pipeline.charts.cross_asset.spec import ISSUANCE, shown_symbols
from marketflows_pipeline.charts.style.wording import (
    MINUS,
    counted,
    day_text,
    names_text,
    note_of,
    share_text,
    value_text,
)

PROXY_OF_ISSUANCE = "issuance is not a flow of investors"
PARTLY_KNOWN = "(n of m): sessions in the sum"
REGIME_NAMES = {"risk_on": "risk-on", "mixed": "mixed", "risk_off": "risk-off"}


def flows_text(count: int, last: date) -> str:
    """What is summed: "Net flows of the last 21 sessions, to 20 Nov 2026", "Net flows of 20 Nov 2026"."""
    span = f"{day_text(last)}" if count == 1 else f"the last {counted(count, 'session')}, to {day_text(last)}"
    return f"Net flows of {span}"


def known_text(known: int, window: int) -> str:
    """How much of a window a sum covers: "" for all of it, " (15 of 21)"."""
    return "" if known >= window else f" ({known} of {window})"


def percent_of_cap_text(share_pct: float) -> str:
    """A flow against the market cap: "+0.34%", "\u221212.0%", "+<0.01%"; two decimals below 10 %."""
    if 0 < abs(share_pct) < 0.005:
        return f"{'+' if share_pct > 0 else MINUS}<0.01%"
    return f"{value_text(share_pct, 2 if abs(share_pct) < 9.995 else 1, signed=True)}%"


def interval_text(value: float, lower: float | None, upper: float | None, *, decimals: int = 3, signed: bool) -> str:
    """A figure with its interval: "0.512 [0.497, 0.527]"; without one where none is known."""
    figure = value_text(value, decimals, signed=signed)
    if lower is None or upper is None:
        return figure
    ends = ", ".join(value_text(end, decimals, signed=signed) for end in (lower, upper))
    return f"{figure} [{ends}]"


def left_out_notes(unknown: Sequence[str], issuance: Sequence[str]) -> list[str]:
    """Names of the assets without a flow of investors, each with the reason."""
    notes = note_of("flow unknown", unknown)
    if issuance:
        notes.append(f"left out: {names_text(issuance)} ({PROXY_OF_ISSUANCE})")
    return notes


def without_flow_notes(frame: pl.DataFrame, known: Collection[str], order: Sequence[str]) -> list[str]:
    """The same of all assets in rows of ``core.asset_flows`` but those with a known flow."""
    others = frame.filter(~pl.col("symbol").is_in(list(known)))
    issuance = others.filter(pl.col("flow_method") == ISSUANCE)["symbol"].unique()
    unknown = others.filter(~pl.col("symbol").is_in(issuance.implode()))["symbol"].unique()
    return left_out_notes(shown_symbols(unknown, order), shown_symbols(issuance, order))


def coverage_text(group: Mapping[str, Any]) -> str:
    """How much of a group's flow is known: "7 of 11 funds, 93% of known assets; assets of 2 funds are not known".

    Args:
        group: n_funds, n_known, n_with_assets and coverage_pct as in ``mart.fund_group_flows``.
    """
    n_funds, without = group["n_funds"], group["n_funds"] - group["n_with_assets"]
    covered = group["coverage_pct"]
    part = "" if covered is None else f", {share_text(covered)} of known assets"
    unknown = f"; assets of {counted(without, 'fund')} not known" if without else ""
    return f"{group['n_known']} of {counted(n_funds, 'fund')}{part}{unknown}"


def lag_finding(best: Sequence[Mapping[str, Any]]) -> str:
    """Which funds' flows fit the reported ones on other sessions: the title of their comparison.

    Args:
        best: symbol, lag_sessions and correlation of each fund's best lag, by symbol.
    """
    if not best:
        return "Too few sessions have both flows to say whether they fit"
    shifted = [row for row in best if row["lag_sessions"]]
    if not shifted:
        what = best[0]["symbol"] if len(best) == 1 else f"all {counted(len(best), 'fund')}"
        return f"Our flows of {what} fit the reported ones best on the same session"
    first = max(shifted, key=lambda row: row["correlation"])
    by = f"{counted(abs(first['lag_sessions']), 'session')} {'later' if first['lag_sessions'] > 0 else 'earlier'}"
    others = "" if len(shifted) == 1 else f"; so {counted(len(shifted) - 1, 'more fund')} at another lag than 0"
    figure = value_text(first["correlation"], 2, signed=False)
    return f"{first['symbol']}: our flows fit the reported ones best {by} (correlation {figure}){others}"


def not_drawn_notes(why: str, symbols: Iterable[str], order: Sequence[str]) -> list[str]:
    """Names of assets that a chart leaves out; nothing where it leaves out none."""
    return note_of(why, shown_symbols(symbols, order))
