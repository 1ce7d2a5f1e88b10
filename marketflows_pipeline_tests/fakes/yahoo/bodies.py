"""Chart answers as Yahoo writes them: parallel arrays with nulls, events by stamp, and much about the asset."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np

from marketflows_pipeline_tests.fakes.markets import A_DAY, Asset, Bars, dividends, to_s, told_bars
from marketflows_pipeline_tests.fakes.price_paths import Floats
from marketflows_pipeline_tests.fakes.us_calendar import is_session, new_york, opens_at

RANGES = ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"]
# Seconds after the close at which the last trade is told.
LAST_TRADE_S = 2


def error_body(code: str, description: str) -> dict[str, Any]:
    """What comes instead of data."""
    return {"chart": {"result": None, "error": {"code": code, "description": description}}}


def empty_shell(symbol: str, now: datetime) -> dict[str, Any]:
    """What some unknown symbols are answered: all the shape and nothing in it."""
    meta = {
        "currency": None,
        "symbol": symbol,
        "exchangeName": "YHD",
        "instrumentType": "MUTUALFUND",
        "firstTradeDate": None,
        "regularMarketTime": to_s(now),
        "gmtoffset": -14400,
        "timezone": "EDT",
        "exchangeTimezoneName": "America/New_York",
        "dataGranularity": "1d",
        "range": "",
    }
    return {"chart": {"result": [{"meta": meta, "indicators": {"quote": [{}], "adjclose": [{}]}}], "error": None}}


def chart_body(asset: Asset, now: datetime, start_s: int, end_s: int, *, is_repeated: bool) -> dict[str, Any] | None:
    """The answer about a span as of now, or None where it holds no session.

    Args:
        asset: what is asked for.
        now: the service's present.
        start_s: first second of the span.
        end_s: second after the span.
        is_repeated: the newest session comes twice, once at its open and once at its last trade.
    """
    today = newest_day(asset, now)
    if today < asset.listed:
        return None
    bars = told_bars(asset, now, today)
    stamps = [_opens_s(asset, day) for day in bars.days]
    rows = list(range(len(stamps)))
    if is_live(asset, today, now):
        # The open session stands at its last trade, and so does one that ended today.
        live_s = min(to_s(now), to_s(asset.ends_at(today)) + LAST_TRADE_S)
        if is_repeated:
            rows.append(rows[-1])
            stamps.append(live_s)
        else:
            stamps[-1] = live_s
    elif is_repeated:
        rows.append(rows[-1])
        stamps.append(to_s(asset.ends_at(today)) + LAST_TRADE_S)
    kept = [at for at, stamp in enumerate(stamps) if start_s <= stamp < end_s]
    if not kept:
        return None
    rows = [rows[at] for at in kept]
    quote = {name: _values(getattr(bars, name), rows) for name in ("open", "high", "low", "close")}
    quote["volume"] = _values(bars.volume, rows, is_whole=True)
    result: dict[str, Any] = {
        "meta": _meta(asset, bars, now, today),
        "timestamp": [stamps[at] for at in kept],
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": _values(bars.adjusted, rows)}]},
    }
    if events := _events(asset, today, start_s, end_s):
        result["events"] = events
    return {"chart": {"result": [result], "error": None}}


def newest_day(asset: Asset, now: datetime) -> date:
    """The newest session that has begun."""
    if asset.is_coin:
        return now.astimezone(UTC).date()
    day = now.astimezone(new_york()).date()
    while not is_session(day) or opens_at(day) > now:
        day -= A_DAY
    return day


def is_live(asset: Asset, day: date, now: datetime) -> bool:
    """Whether a session is of the present day where it is traded."""
    return asset.is_coin or day == now.astimezone(new_york()).date()


def _opens_s(asset: Asset, day: date) -> int:
    return to_s(datetime.combine(day, time(), UTC) if asset.is_coin else opens_at(day))


def _values(figures: Floats, rows: Sequence[int], *, is_whole: bool = False) -> list[float | None]:
    values = figures[rows].tolist()
    return [None if np.isnan(value) else int(value) if is_whole else value for value in values]


def _events(asset: Asset, today: date, start_s: int, end_s: int) -> dict[str, Any]:
    def of_span(day: date) -> bool:
        return day <= today and start_s <= _opens_s(asset, day) < end_s

    paid = {
        str(_opens_s(asset, day)): {"amount": round(amount, 6), "date": _opens_s(asset, day)}
        for day, amount in dividends(asset, today)
        if of_span(day)
    }
    split = {
        str(_opens_s(asset, each.session)): {
            "date": _opens_s(asset, each.session),
            "numerator": float(each.numerator),
            "denominator": float(each.denominator),
            "splitRatio": f"{each.numerator}:{each.denominator}",
        }
        for each in asset.splits
        if of_span(each.session)
    }
    return {name: events for name, events in (("dividends", paid), ("splits", split)) if events}


def _meta(asset: Asset, bars: Bars, now: datetime, today: date) -> dict[str, Any]:
    close, high, low = (figures[~np.isnan(figures)] for figures in (bars.close, bars.high, bars.low))
    there = now.astimezone(UTC if asset.is_coin else new_york())
    offset = int((there.utcoffset() or timedelta()).total_seconds())
    start, end = _opens_s(asset, today), to_s(asset.ends_at(today))
    # A coin's day has no hours before and after it, and ends a minute early.
    hours = (start, start, end - 60, end - 60) if asset.is_coin else (start - 19_800, start, end, end + 14_400)
    periods = {
        name: {"timezone": there.tzname(), "start": hours[at], "end": hours[at + 1], "gmtoffset": offset}
        for at, name in enumerate(("pre", "regular", "post"))
    }
    return {
        "currency": "USD",
        "symbol": asset.symbol,
        "exchangeName": "CCC" if asset.is_coin else "PCX",
        "fullExchangeName": "CCC" if asset.is_coin else "NYSEArca",
        "instrumentType": asset.kind,
        "firstTradeDate": _opens_s(asset, asset.listed),
        "regularMarketTime": min(to_s(now), end),
        "hasPrePostMarketData": not asset.is_coin,
        "gmtoffset": offset,
        "timezone": there.tzname(),
        "exchangeTimezoneName": "UTC" if asset.is_coin else "America/New_York",
        "regularMarketPrice": float(close[-1]),
        "fiftyTwoWeekHigh": float(high[-252:].max()),
        "fiftyTwoWeekLow": float(low[-252:].min()),
        "regularMarketDayHigh": float(high[-1]),
        "regularMarketDayLow": float(low[-1]),
        "regularMarketVolume": int(np.nan_to_num(bars.volume[-1])),
        "longName": asset.name,
        "shortName": asset.name[:30],
        "chartPreviousClose": float(close[0]),
        "priceHint": 2,
        "currentTradingPeriod": periods,
        "dataGranularity": "1d",
        "range": "",
        "validRanges": RANGES,
    }
