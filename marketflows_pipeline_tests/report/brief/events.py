"""Hand-made rows of ``mart.events``, and a small market whose figures are their evidence."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from marketflows_pipeline.report.brief.statement import Statement
from marketflows_pipeline_tests.warehouse.frames import frame

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
CLOSE = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)

MEASURED = {
    "index_move": "%",
    "breadth_thrust": "pp",
    "range_migration": "%",
    "dominance_change": "pp",
    "netflow_outlier": "% of reserves",
    "volume_spike": "%",
    "concentration_change": "points",
    "flow_shock": "% of market cap",
    "class_flow_shock": "% of market cap",
    "volatility_shock": "%",
}
DISCRETE = {
    "leadership_change": "%",
    "quadrant_change": "",
    "large_supply_step": "USD",
    "member_change": "coins",
    "new_narrative": "USD",
    "coverage_lost": "%",
    "rank_change": "place",
    "exchange_rank_change": "%",
    "regime_change": "VIX",
    "share_step": "USD",
    "failed_check": "rows",
    "provider_difference": "%",
    "staleness": "days",
}
UNITS = MEASURED | DISCRETE

# The share of bitcoin on a day, as the evidence of an event reads it.
EVIDENCE = (
    "select bitcoin_pct as value, 40.5 as reference, 3.25 as z, 98.5 as percentile, 'x' as was, 'y' as became "
    "from mart.dominance where ts = timestamptz '2026-11-20 00:00:00+00'"
)


def event(kind: str = "dominance_change", subject: str = "bitcoin", **changed: Any) -> dict[str, Any]:
    """A row of ``mart.events``, of a measured kind unless it is one of `DISCRETE`."""
    as_of = changed.get("as_of", CLOSE)
    row: dict[str, Any] = {
        "event_id": f"{kind}:{subject}:{as_of:%Y-%m-%d}",
        "kind": kind,
        "subject": subject,
        "part": "market_caps",
        "as_of": as_of,
        "value": 48.25,
        "unit": UNITS.get(kind, "%"),
        "reference": 40.5,
        "z": 3.25,
        "percentile": 98.5,
        "first_seen_at": NOW,
        "severity": "strong",
        "evidence_sql": EVIDENCE,
        "label": "Bitcoin",
        "was": None,
        "became": None,
        "n_past": 60,
        "frequency_pct": 1.2,
        "coverage_pct": 100.0,
        "score": 3.25,
        "threshold": 3.0,
    }
    if kind in DISCRETE:
        row |= {"z": None, "percentile": None, "was": "risk_off", "became": "risk_on", "n_past": 120}
    return row | changed


def events(*rows: dict[str, Any]) -> pl.DataFrame:
    return frame("mart.events", *rows)


def share(pct: float | None, ts: datetime = CLOSE) -> pl.DataFrame:
    """A row of ``mart.dominance`` with this share of bitcoin."""
    return frame("mart.dominance", {"ts": ts, "bitcoin_pct": pct})


# Read without the package's own reading of numbers.
_NUMBER = re.compile(r"([+\u2212]?)\$?(\d[\d,]*(?:\.(\d+))?)([KMBT]\b)?")
_SIZES = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


def unexplained_numbers(statement: Statement) -> list[str]:
    """Numbers of a statement that are none of its figures, rounded; those of its day and its names apart."""
    day = f"{statement.as_of.day} {statement.as_of:%b %Y}"
    texts = [statement.label, day, *(value for value in statement.figures.values() if isinstance(value, str))]
    said = f"{statement.text} {statement.how_unusual}"
    for text in sorted(texts, key=len, reverse=True):
        said = said.replace(text, "")
    numbers = [value for value in statement.figures.values() if isinstance(value, int | float)]
    return [found[0] for found in _NUMBER.finditer(said) if not any(_is_told(found, number) for number in numbers)]


def _is_told(found: re.Match[str], figure: float) -> bool:
    # Less than a dollar is told as "<1".
    is_limit = found.string[found.start() - 1 : found.start()] == "<"
    return abs(figure) < _number(found[2]) if is_limit else _is_shown(found, figure)


def _is_shown(found: re.Match[str], figure: float) -> bool:
    sign, digits, decimals, size = found.groups()
    scale = _SIZES[size or ""]
    value = _number(digits) * scale * (-1 if sign == "\u2212" else 1)
    return abs(figure - value) <= 0.5000001 * scale * 10.0 ** -len(decimals or "")


def _number(digits: str) -> float:
    """The value of digits with commas, of which the last may be the sentence's."""
    return float(digits.replace(",", ""))
