"""Chart answers of a few bars, made to be checked by eye."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from marketflows_pipeline.providers.protocols.cross_asset import PriceHistory
from marketflows_pipeline.providers.yahoo.parsers import read_history

NEW_YORK, UTC_ZONE = "America/New_York", "UTC"
# Friday, long after the close.
NOW = datetime(2026, 7, 18, 3, 0, tzinfo=UTC)


def stamp(*at: int) -> int:
    return int(datetime(*at, tzinfo=UTC).timestamp())  # type: ignore[misc, arg-type]


def opening(day: int) -> int:
    """09:30 in New York on a day of July 2026."""
    return stamp(2026, 7, day, 13, 30)


def body(
    stamps: list[int] | None,
    closes: list[float | None],
    *,
    kind: str = "ETF",
    zone: str = NEW_YORK,
    events: dict[str, Any] | None = None,
    meta: dict[str, Any] | None = None,
    **columns: list[float | None] | None,
) -> dict[str, Any]:
    about = {
        "currency": "USD",
        "symbol": "SPY",
        "instrumentType": kind,
        "firstTradeDate": 728317800,
        "exchangeTimezoneName": zone,
        "dataGranularity": "1d",
    }
    quote = {name: columns.get(name, closes) for name in ("open", "high", "low", "volume")} | {"close": closes}
    result: dict[str, Any] = {
        "meta": about | (meta or {}),
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": columns.get("adjclose", closes)}]},
    }
    if stamps is not None:
        result["timestamp"] = stamps
    if events is not None:
        result["events"] = events
    return {"chart": {"result": [result], "error": None}}


def read(
    answer: object, *, now: datetime = NOW, start: date = date(2026, 1, 1), end: date = date(2026, 12, 31)
) -> PriceHistory:
    return read_history(answer, symbol="FUND", requested="SPY", start=start, end=end, now=now)
