"""Every parser against one bad row at a time: it is left out, named, and the others stay as they are."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketflows_pipeline.providers.coingecko.exchange_parsers import read_exchanges, read_trending, read_volume_chart
from marketflows_pipeline.providers.coingecko.parsers import read_categories, read_chart, read_coins, read_markets
from marketflows_pipeline.providers.coinpaprika.parsers import read_coins as read_paprika_coins
from marketflows_pipeline.providers.coinpaprika.parsers import read_contracts, read_history, read_tickers
from marketflows_pipeline.providers.defillama.parsers import read_cexs, read_exchange_protocols
from marketflows_pipeline.providers.defillama.reserves_parser import read_reserves
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.transforms.time_span import COINS_SINCE, TimeSpan
from marketflows_pipeline_tests.providers.yahoo import bodies as yahoo

NOW = datetime(2026, 10, 10, 12, 0, tzinfo=UTC)
SPAN = TimeSpan.ever(COINS_SINCE, now=NOW)
SECOND = 1_791_000_000
N_ROWS = 8
NAN, INFINITY, HALF_A_CHARACTER = math.nan, math.inf, "\ud800"

TEXT_FAULTS: tuple[object, ...] = (None, "missing", 7, True, {}, [], HALF_A_CHARACTER)
ID_FAULTS = (*TEXT_FAULTS, "", " ")
FIGURE_FAULTS: tuple[object, ...] = ("123", True, {}, [], NAN, INFINITY, -INFINITY, 10**400)
ALWAYS_THERE = ("missing", *FIGURE_FAULTS)
TIME_FAULTS = (
    "yesterday",
    20260407,
    "2026-13-01",
    "1969-12-31T00:00:00Z",
    "2026-10-13T00:00:00Z",
    "0001-01-01T00:00:00+05:00",
)
STAMPS_OF_NO_DAY: tuple[object, ...] = (None, "soon", True, [], NAN, INFINITY, 1e30, 10**400, -1, 0)
STAMP_FAULTS = (*STAMPS_OF_NO_DAY, SECOND, (SECOND + 30 * 86_400) * 1000)


@dataclass(frozen=True)
class Case:
    """A list that a service answers.

    Attributes:
        rows: of the list, all good.
        read: the frame of an answer with these rows.
        faults: values that spoil a row, by key.
    """

    rows: list[Any]
    read: Callable[[list[Any]], pl.DataFrame]
    faults: dict[Any, tuple[object, ...]]


def market(at: int) -> dict[str, Any]:
    return {
        "id": f"coin-{at}", "symbol": "c", "name": "Coin", "market_cap": 1e9, "current_price": 2.5,
        "total_volume": 3, "price_change_percentage_24h": -1.5, "market_cap_rank": at,
        "last_updated": "2026-10-10T11:59:00Z",
    }  # fmt: skip


def ticker(at: int) -> dict[str, Any]:
    quote = {"price": 2.5, "volume_24h": 3, "market_cap": 1_000_000_000, "percent_change_24h": -1.5}
    names = {"id": f"coin-{at}", "symbol": "C", "name": "Coin", "rank": at}
    return {**names, "last_updated": "2026-10-10T11:59:00Z", "quotes": {"USD": quote}}


def tick(at: int) -> dict[str, Any]:
    return {"timestamp": f"2026-10-0{at + 1}T00:00:00Z", "price": 2.5, "volume_24h": 3, "market_cap": 1_000_000 + at}


def exchange(at: int) -> dict[str, Any]:
    return {"id": f"exchange-{at}", "name": "E", "trade_volume_24h_btc": 12.5, "trust_score": 9, "country": None}


def item(at: int) -> dict[str, Any]:
    data = {"price": 2.5, "market_cap": "$1,000", "total_volume": "$10"}
    return {
        "item": {
            "id": f"coin-{at}",
            "symbol": "c",
            "name": "Coin",
            "market_cap_rank": at,
            "price_btc": 0.5,
            "data": data,
        }
    }


def cex(at: int) -> dict[str, Any]:
    return {"name": f"cex-{at}", "slug": f"cex-{at}", "currentTvl": 1e9, "inflows_24h": -5.5, "spotVolume": 7}


def protocol(at: int) -> dict[str, Any]:
    return {"name": f"p-{at}", "slug": f"p-{at}", "category": "Dexs", "tvl": 1e9, "mcap": None, "symbol": "-"}


def chart(points: list[Any]) -> pl.DataFrame:
    stamps = [[(SECOND + at) * 1000, 1.0] for at in range(N_ROWS)]
    return read_chart({"prices": stamps, "market_caps": points, "total_volumes": stamps}, "bitcoin", SPAN).drop_nulls()


def reserves(**arrays: list[Any]) -> bytes:
    return json.dumps({"tvl": [], "tokens": [], "tokensInUsd": []} | arrays).encode()


def markets(rows: list[Any]) -> pl.DataFrame:
    return read_markets(rows, with_rehypothecated=False, now=NOW)


def bars(rows: list[Any]) -> pl.DataFrame:
    stamps, closes, opens = (
        [row[at] if isinstance(row, list) and len(row) == 3 else row for row in rows] for at in range(3)
    )
    low, high, volume = ([value for _ in rows] for value in (90.0, 200.0, 1.0))
    ranges: dict[str, Any] = {"low": low, "high": high, "volume": volume}
    return yahoo.read(yahoo.body(stamps, closes, open=opens, adjclose=None, **ranges)).bars


POINTS = [[(SECOND + at) * 1000, 1e9 + at] for at in range(N_ROWS)]
CASES = {
    "markets": Case(
        [market(at) for at in range(N_ROWS)],
        markets,
        {
            "id": ID_FAULTS,
            "symbol": TEXT_FAULTS,
            "name": TEXT_FAULTS,
            "market_cap": (*ALWAYS_THERE, 1e30),
            "current_price": ALWAYS_THERE,
            "total_volume": ALWAYS_THERE,
            "price_change_percentage_24h": ALWAYS_THERE,
            "last_updated": TIME_FAULTS,
        },
    ),
    "coins": Case(
        [{"id": f"coin-{at}", "symbol": "c", "name": "Coin"} for at in range(N_ROWS)],
        read_coins,
        {"id": ID_FAULTS, "symbol": TEXT_FAULTS, "name": TEXT_FAULTS},
    ),
    "tickers": Case(
        [ticker(at) for at in range(N_ROWS)],
        lambda rows: read_tickers(rows, NOW).rows,
        {
            "id": ID_FAULTS,
            "symbol": TEXT_FAULTS,
            "name": TEXT_FAULTS,
            "quotes": (None, "missing", 7, [], {}, {"BTC": {}}, {"USD": None}, {"USD": []}, {"USD": {"price": 1}}),
            "last_updated": TIME_FAULTS,
        },
    ),
    "ticks": Case(
        [tick(at) for at in range(N_ROWS)],
        lambda rows: read_history(rows, "btc-bitcoin", SPAN).drop("source").select("ts", pl.exclude("ts")),
        {
            "timestamp": ("missing", None, *TIME_FAULTS),
            "price": ALWAYS_THERE,
            "volume_24h": ALWAYS_THERE,
            "market_cap": (*ALWAYS_THERE, 1e30),
        },
    ),
    "coins of CoinPaprika": Case(
        [{"id": f"coin-{at}", "symbol": "C", "name": "Coin", "is_active": True} for at in range(N_ROWS)],
        read_paprika_coins,
        {"id": ID_FAULTS, "symbol": TEXT_FAULTS, "name": TEXT_FAULTS},
    ),
    "contracts": Case(
        [{"address": f"0x{at}", "id": f"coin-{at}", "type": "ERC20", "active": True} for at in range(N_ROWS)],
        read_contracts,
        {"address": ID_FAULTS, "id": ID_FAULTS},
    ),
    "categories": Case(
        [{"category_id": f"layer-{at}", "name": "Layer"} for at in range(N_ROWS)],
        read_categories,
        {"category_id": ID_FAULTS, "name": TEXT_FAULTS},
    ),
    "exchanges": Case(
        [exchange(at) for at in range(N_ROWS)],
        read_exchanges,
        {"id": ID_FAULTS, "name": TEXT_FAULTS, "trade_volume_24h_btc": ALWAYS_THERE},
    ),
    "trending": Case(
        [item(at) for at in range(N_ROWS)],
        lambda rows: read_trending({"coins": rows}),
        {"item": (None, "missing", "bonk", 7, [], {}, {"id": "bonk", "symbol": "b", "name": "B", "price_btc": "1"})},
    ),
    "chart": Case(
        POINTS, chart, {0: STAMP_FAULTS, 1: ("7", True, {}, [], NAN, INFINITY, 10**400, 1e30)}
    ),
    "volume chart": Case(
        [[ms, str(volume)] for ms, volume in POINTS],
        lambda rows: read_volume_chart(rows, "gdax", SPAN),
        {0: STAMP_FAULTS, 1: ("many", "1,5", "1_5", True, {}, [], NAN, INFINITY, 10**400)},
    ),
    "cexs": Case(
        [cex(at) for at in range(N_ROWS)],
        lambda rows: read_cexs(json.dumps({"cexs": rows})).exchanges,
        {"name": (None, "missing", 7, True, {}, "", " "), "currentTvl": FIGURE_FAULTS, "inflows_24h": FIGURE_FAULTS},
    ),
    "protocols": Case(
        [protocol(at) for at in range(N_ROWS)],
        lambda rows: read_exchange_protocols(json.dumps(rows)),
        {"slug": (None, "missing", 7, True, {}, "", " "), "name": (None, 7), "tvl": FIGURE_FAULTS},
    ),
    "totals of reserves": Case(
        [{"date": SECOND + at, "totalLiquidityUSD": 1e9 + at} for at in range(N_ROWS)],
        lambda rows: read_reserves(reserves(tvl=rows), "okx", SPAN).tvl.drop("is_now"),
        {
            "date": (*STAMPS_OF_NO_DAY, "missing", SECOND * 1000, SECOND + 10**6),
            "totalLiquidityUSD": FIGURE_FAULTS,
        },
    ),
    "tokens of reserves": Case(
        [{"date": SECOND + at, "tokens": {"BTC": 1.0 + at}} for at in range(N_ROWS)],
        lambda rows: read_reserves(reserves(tokens=rows), "okx", SPAN).balances.drop("is_now"),
        {"date": (None, "missing", "soon", NAN, SECOND * 1000), "tokens": ("BTC", [], 7, {"BTC": "1"}, {"BTC": NAN})},
    ),
    "bars": Case(
        [[yahoo.opening(at), 100.0 + at, 99.0] for at in (6, 7, 8, 9, 10, 13, 14, 15)],
        bars,
        {
            0: (None, "soon", True, [], NAN, 1e30, 10**400, -1, 0, yahoo.opening(10) * 1000, yahoo.stamp(2026, 7, 28)),
            1: FIGURE_FAULTS,
            2: FIGURE_FAULTS,
        },
    ),
}  # fmt: skip
SPOILT = [
    pytest.param(case, key, value, id=f"{name} {key} {str(value)[:20]!a}")
    for name, case in CASES.items()
    for key, values in case.faults.items()
    for value in values
]


def spoilt(row: Any, key: Any, value: object) -> Any:
    changed = deepcopy(row)
    if value == "missing" and isinstance(value, str):
        del changed[key]
    else:
        changed[key] = value
    return changed


@pytest.mark.parametrize(("case", "key", "value"), SPOILT)
def test_one_bad_row_is_left_out_named_and_costs_no_other(
    case: Case, key: Any, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    """One row of a page, of /exchanges or of /cexs once stopped every hour."""
    rows = [*case.rows[:3], spoilt(case.rows[3], key, value), *case.rows[4:]]

    with caplog.at_level(logging.WARNING):
        found = case.read(rows)

    assert found.rows() == case.read([*case.rows[:3], *case.rows[4:]]).rows()
    (line,) = caplog.messages
    assert "1" in line
    assert "left out" in line
    assert "3" in line.partition("left out")[2], "it is named"


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("value", [None, 7, "row", True, [], {}])
def test_what_is_no_row_at_all_costs_no_other(name: str, value: object) -> None:
    case = CASES[name]

    if name == "protocols" and value == {}:
        pytest.skip("it is of no category that is asked for")
    found = case.read([*case.rows[:3], value, *case.rows[4:]])

    assert found.rows() == case.read([*case.rows[:3], *case.rows[4:]]).rows()


@pytest.mark.parametrize("name", CASES)
def test_bad_rows_beyond_the_share_are_no_answer(name: str) -> None:
    case = CASES[name]
    key, (value, *_) = next(iter(case.faults.items()))

    with pytest.raises(ParseError, match=r"(2|3) of \d+ .* are malformed, more than 5%; the first: "):
        case.read([spoilt(case.rows[0], key, value), spoilt(case.rows[1], key, value), *case.rows[2:]])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("name", CASES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_row_replaced_or_spoilt_by_any_json_never_raises_and_keeps_the_others(
    name: str, data: st.DataObject
) -> None:
    case = CASES[name]
    at = data.draw(st.integers(0, N_ROWS - 1), label="place")
    value = data.draw(json_values, label="value")
    key = data.draw(
        st.sampled_from([None, *(case.rows[at] if isinstance(case.rows[at], dict) else range(2))]), label="key"
    )
    row = value if key is None else spoilt(case.rows[at], key, value)

    found = case.read([*case.rows[:at], row, *case.rows[at + 1 :]])

    others = case.read([*case.rows[:at], *case.rows[at + 1 :]])
    identities = found.columns[:2]
    assert others.join(found, on=identities, how="anti").height <= (value == key)
