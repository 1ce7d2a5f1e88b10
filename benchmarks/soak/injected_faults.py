"""Faults injected at chosen hours: one of each kind that once failed a run, refused a coin or poisoned a window.

Each takes the right answer and gives the one that is sent. One that spoils some rows of many says what is left without
them, since every other row has to be stored all the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.faults import Fault
from marketflows_pipeline_tests.fakes.replies import Reply, json_reply

MARKETS, HISTORY = "/coins/markets", "/coins/{id}/market_chart"
EXCHANGES, VOLUME_CHART = "/exchanges", "/exchanges/{id}/volume_chart"
CEXS, PROTOCOLS, PROTOCOL = "/cexs", "/protocols", "/protocol/{slug}"

# Numbers that JSON can spell and Python's encoder can't.
TOO_LARGE, NOT_A_NUMBER = "<1e400>", "<NaN>"

# Coins without which too little of the market is covered.
LARGEST = 12

Spoil = Callable[[Any], Any]
Service = Literal["coingecko", "defillama"]


@dataclass(frozen=True)
class SpoiltReply(Reply):
    """An answer with some bad rows.

    Attributes:
        kept: the body without them.
    """

    kept: bytes = b""


@dataclass(frozen=True)
class Injection:
    """A fault of one answer.

    Attributes:
        what: its kind, for people.
        endpoint: whose next answer it spoils.
        fault: how.
        service: which of the two.
        fails: part that may fail in this hour, since the service gave it no answer; None where the hour is to succeed.
    """

    what: str
    endpoint: str
    fault: Fault
    service: Service = "coingecko"
    fails: Literal["market_caps", "exchanges"] | None = None


def injected_by_hour(start: datetime) -> Sequence[Sequence[Injection]]:
    """The faults of each hour that has some, the first run's first.

    Args:
        start: when the simulation begins.
    """
    return [list(_in_first_histories()), *_in_later_hours(start)]


def _in_first_histories() -> Iterator[Injection]:
    """Faults of histories, while all of them are asked for.

    Without the largest coins nothing may be published, so what is no answer as a whole comes to later ones; no three in
    a row, which would be an outage.
    """
    yield from (Injection(f"HTTP {status} on a history", HISTORY, _cdn(status)) for status in (520, 522))
    yield Injection("caps of 1e30 in a history", HISTORY, _points(lambda at, cap: [at, 1e30]))
    yield Injection("points of next week in a history", HISTORY, _points(lambda at, cap: [at + 8 * 86_400_000, cap]))
    yield Injection("times of 1e30 in a history", HISTORY, _points(lambda at, cap: [1e30, cap]))
    yield from [_left_alone(HISTORY)] * LARGEST
    yield Injection("a history in seconds", HISTORY, _history(lambda points: [[at / 1000, cap] for at, cap in points]))
    yield _left_alone(HISTORY)
    yield Injection("a history without caps", HISTORY, faults.json_error(200, {"prices": []}))


def injected_by_day() -> Sequence[Sequence[Injection]]:
    """The faults of what is asked for once a day, the first day's first."""
    return [
        [
            Injection("HTTP 520 on a volume chart", VOLUME_CHART, _cdn(520)),
            Injection("a volume of 1e30 time", VOLUME_CHART, _row(lambda point: [1e30, point[1]])),
            Injection("a protocol without a name", PROTOCOLS, _row(_without("name")), "defillama"),
            Injection("HTTP 524 on the reserves of an exchange", PROTOCOL, _cdn(524), "defillama"),
        ],
        [Injection("no protocols at all", PROTOCOLS, faults.json_error(200, []), "defillama", fails="exchanges")],
    ]


def _in_later_hours(start: datetime) -> Iterator[Sequence[Injection]]:
    yield [Injection(f"HTTP {status} on a page", MARKETS, _cdn(status)) for status in (520, 521, 522, 523)]
    yield [Injection(f"HTTP {status} on a page", MARKETS, _cdn(status)) for status in (524, 525, 526, 527)]
    in_three_days = (start + timedelta(days=6)).isoformat().replace("+00:00", "Z")
    bad_rows: dict[str, Spoil] = {
        "a cap of 1e400": lambda row: row | {"market_cap": TOO_LARGE},
        "a cap that is no number": lambda row: row | {"market_cap": NOT_A_NUMBER},
        "a cap as text": lambda row: row | {"market_cap": "123"},
        "a cap of 1e30": lambda row: row | {"market_cap": 1e30},
        "no symbol": lambda row: row | {"symbol": None},
        "no name": lambda row: row | {"name": None},
        "a number for a name": lambda row: row | {"name": 7},
        "no id": lambda row: {key: value for key, value in row.items() if key != "id"},
        "a row that is no object": lambda row: [row["id"]],
        "a row of the future": lambda row: row | {"last_updated": in_three_days},
        "a row of 1970": lambda row: row | {"last_updated": "1970-01-21T15:00:00.000Z"},
        "a time that is none": lambda row: row | {"last_updated": "yesterday"},
    }
    for what, spoil in bad_rows.items():
        yield [Injection(f"{what} on a page", MARKETS, _row(spoil))]
    yield [Injection("an empty first page", MARKETS, faults.json_error(200, []), fails="market_caps")]
    yield [Injection("a page of another shape", MARKETS, faults.json_error(200, {"coins": []}), fails="market_caps")]
    yield [Injection("a page with every second row bad", MARKETS, _every_second_cap_as_text, fails="market_caps")]
    yield [
        Injection("HTTP 520 on the exchanges", EXCHANGES, _cdn(520)),
        Injection("HTTP 522 on the reserves", CEXS, _cdn(522), "defillama"),
        Injection("an exchange without volume", EXCHANGES, _row(_without("trade_volume_24h_btc"))),
        Injection("reserves as text", CEXS, _row(lambda row: row | {"currentTvl": "12"}, within="cexs"), "defillama"),
    ]
    yield [
        Injection("a volume as text", EXCHANGES, _row(lambda row: row | {"trade_volume_24h_btc": "12.5"})),
        Injection("reserves without a name", CEXS, _row(_without("name"), within="cexs"), "defillama"),
    ]
    yield [Injection("an empty list of exchanges", EXCHANGES, faults.json_error(200, []), fails="exchanges")]
    yield [Injection("no reserves at all", CEXS, faults.json_error(200, {"cexs": []}), "defillama", fails="exchanges")]


def _cdn(status: int) -> Fault:
    page = f"<!DOCTYPE html><html><head><title>{status}: Web server problem</title></head></html>".encode()
    return lambda _: Reply(status, page, "text/html; charset=UTF-8")


def _left_alone(endpoint: str) -> Injection:
    return Injection("", endpoint, lambda reply: reply)


def _without(key: str) -> Spoil:
    return lambda row: {name: value for name, value in row.items() if name != key}


def _row(spoil: Spoil, within: str | None = None) -> Fault:
    """One row of a list, or of the list under a key."""

    def fault(reply: Reply) -> Reply:
        body = json.loads(reply.body)
        rows = body if within is None else body[within]
        at = len(rows) // 2
        spoilt = [*rows[:at], spoil(rows[at]), *rows[at + 1 :]]
        kept = rows[:at] + rows[at + 1 :]
        return _with(spoilt if within is None else body | {within: spoilt}, kept)

    return fault


def _points(spoil: Callable[[int, float | None], list[object]], share: float = 0.02) -> Fault:
    """Some points of a history, all in its middle."""

    def fault(reply: Reply) -> Reply:
        body = json.loads(reply.body)
        points = body["market_caps"]
        n_bad = max(1, int(len(points) * share))
        first = len(points) // 2
        spoilt = [spoil(at, cap) for at, cap in points[first : first + n_bad]]
        kept = points[:first] + points[first + n_bad :]
        return _with(body | {"market_caps": points[:first] + spoilt + points[first + n_bad :]}, {"market_caps": kept})

    return fault


def _history(spoil: Callable[[list[list[Any]]], list[list[Any]]]) -> Fault:
    """All points of a history, so that it is no answer."""

    def fault(reply: Reply) -> Reply:
        body = json.loads(reply.body)
        return json_reply(body | {"market_caps": spoil(body["market_caps"])})

    return fault


def _every_second_cap_as_text(reply: Reply) -> Reply:
    rows = json.loads(reply.body)
    return json_reply([row | {"market_cap": "123"} if at % 2 else row for at, row in enumerate(rows)])


def _with(body: object, kept: object) -> SpoiltReply:
    text = json.dumps(body).replace(f'"{TOO_LARGE}"', "1e400").replace(f'"{NOT_A_NUMBER}"', "NaN")
    return SpoiltReply(200, text.encode(), kept=json.dumps(kept).encode())
