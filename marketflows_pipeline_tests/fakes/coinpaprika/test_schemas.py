"""The fake is held to our schemas, and our schemas to the official description and to recorded answers."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline_tests.fakes.coinpaprika import errors
from marketflows_pipeline_tests.fakes.coinpaprika.access import PAID_KEY, Access
from marketflows_pipeline_tests.fakes.coinpaprika.service import FakeCoinPaprika
from marketflows_pipeline_tests.fakes.conftest import Get
from marketflows_pipeline_tests.fakes.generate import START, generate
from marketflows_pipeline_tests.fakes.schemas import schema, validator

pytestmark = pytest.mark.slow

REAL = os.environ.get("MARKETFLOWS_REAL_DATA")
needs_real_data = pytest.mark.skipif(not REAL, reason="MARKETFLOWS_REAL_DATA names no folder with specs/ and data/")

YEAR = {"start": "2025-09-19", "interval": "1d", "limit": 5000}
WITH_COINS = {"additional_fields": "coins"}
ANSWERS: list[tuple[str, str, dict[str, Any]]] = [
    ("paprika_tickers", "/tickers", {}),
    ("paprika_tickers", "/tickers", {"quotes": "USD"}),
    ("paprika_ticker", "/tickers/aave-new", {}),
    ("paprika_ticker", "/tickers/grc-gridcoin", {}),
    ("paprika_historical", "/tickers/btc-bitcoin/historical", YEAR),
    ("paprika_historical", "/tickers/eth-ethereum/historical", {"start": "1789617600", "interval": "1h"}),
    ("paprika_coins", "/coins", {}),
    ("paprika_tags", "/tags", {}),
    ("paprika_tags", "/tags", WITH_COINS),
    ("paprika_tag", "/tags/stablecoin", WITH_COINS),
    ("paprika_tag", "/tags/op-token", WITH_COINS),
    ("paprika_platforms", "/contracts", {}),
    ("paprika_contracts", "/contracts/eth-ethereum", {}),
]
# Our schema, the path of the official description, and what was served beyond it, or seen otherwise: texts for numbers
# are described in words only, and so is what a quote of another currency has.
DESCRIBED: dict[str, tuple[str, set[str]]] = {
    "paprika_tickers": ("/tickers", {"beta_value"}),
    "paprika_ticker": ("/tickers/{coin_id}", {"beta_value"}),
    "paprika_historical": ("/tickers/{coin_id}/historical", set()),
    "paprika_coins": ("/coins", set()),
    "paprika_tags": ("/tags", {"coins"}),
    "paprika_tag": ("/tags/{tag_id}", {"coins"}),
    "paprika_contracts": ("/contracts/{platform_id}", {"active"}),
}


@pytest.mark.parametrize("name", [*DESCRIBED, "paprika_platforms", "paprika_error"])
def test_the_schemas_are_schemas(name: str) -> None:
    validator(schema(name)).check_schema(schema(name))


@pytest.mark.parametrize(("name", "path", "params"), ANSWERS)
def test_every_answer_of_the_fake_has_its_shape(get_paprika: Get, name: str, path: str, params: dict[str, Any]) -> None:
    status, body = get_paprika(path, **params)

    assert (status, bool(body)) == (200, True)
    validator(schema(name)).validate(body)


@pytest.mark.parametrize(
    ("path", "params", "status", "body"),
    [
        ("/tickers/nil", {}, 404, errors.ID_NOT_FOUND),
        ("/tickers/usdc-usdc", {}, 404, errors.ID_NOT_FOUND),
        ("/tickers", {"quotes": "XYZ"}, 400, errors.INVALID_PARAMETERS),
        ("/tags/ai-agents", {}, 404, errors.ID_NOT_FOUND),
        ("/contracts/sol-solana", {}, 404, errors.ID_NOT_FOUND),
        ("/tickers/nil/historical", YEAR, 404, errors.ID_NOT_FOUND),
        ("/tickers/btc-bitcoin/historical", {"interval": "1d"}, 400, errors.INVALID_DATE),
        ("/tickers/btc-bitcoin/historical", YEAR | {"start": "2026-01-01T00:00:00Z"}, 400, errors.INVALID_DATE),
        ("/tickers/btc-bitcoin/historical", YEAR | {"interval": "2d"}, 400, errors.INVALID_PARAMETERS),
        ("/tickers/btc-bitcoin/historical", YEAR | {"limit": 5001}, 400, errors.INVALID_PARAMETERS),
        ("/tickers/btc-bitcoin/historical", YEAR | {"quote": "eur"}, 400, errors.INVALID_PARAMETERS),
        ("/tickers/btc-bitcoin/historical", {"start": "2026-09-17"}, 402, errors.beyond_the_plan("5-minute", None)),
        (
            "/tickers/btc-bitcoin/historical",
            {"start": "1789617599", "interval": "1h"},
            402,
            errors.beyond_the_plan("hourly", datetime(2026, 9, 17, 4, tzinfo=UTC)),
        ),
        (
            "/tickers/btc-bitcoin/historical",
            YEAR | {"start": "2025-09-18"},
            402,
            errors.beyond_the_plan("daily", datetime(2025, 9, 18, 4, tzinfo=UTC)),
        ),
    ],
)
def test_every_refusal_of_the_fake_has_the_body_that_was_seen(
    get_paprika: Get, path: str, params: dict[str, Any], status: int, body: object
) -> None:
    assert get_paprika(path, **params) == (status, body)
    validator(schema("paprika_error")).validate(body)


def test_the_year_ends_a_moment_ago_and_a_leap_day_counts(clock: FixedClock) -> None:
    clock.set(datetime(2028, 2, 29, 12, tzinfo=UTC))
    with FakeCoinPaprika(generate(3), clock=clock) as service:
        path = f"{service.url}/tickers/btc-bitcoin/historical"
        statuses = [
            httpx.get(path, params={"start": start, "interval": "1d"}).status_code
            for start in ("2027-02-28", "2027-03-01")
        ]

    assert statuses == [402, 200]


def test_the_paid_host_has_supplies_and_all_coins(clock: FixedClock) -> None:
    with FakeCoinPaprika(generate(5), clock=clock, access=Access(host="paid")) as service:
        service.most_tickers = 2
        headers = {"authorization": PAID_KEY}
        rows = httpx.get(f"{service.url}/tickers", headers=headers).json()

    validator(schema("paprika_tickers")).validate(rows)
    assert "grc-gridcoin" in {row["id"] for row in rows}
    assert len(rows) > 2
    for row in (row for row in rows if row["quotes"]["USD"]["market_cap"]):
        cap = row["circulating_supply"] * row["quotes"]["USD"]["price"]
        assert row["quotes"]["USD"]["market_cap"] == pytest.approx(cap, rel=1e-4), row["id"]


def test_the_first_midnight_agrees_with_the_ticker_of_that_moment(clock: FixedClock, get_paprika: Get) -> None:
    clock.set(START.replace(hour=0))
    _, row = get_paprika("/tickers/sol-solana")
    clock.set(START)
    _, ticks = get_paprika("/tickers/sol-solana/historical", start="2026-09-17", interval="1d")

    assert [tick["timestamp"] for tick in ticks] == ["2026-09-17T00:00:00Z", "2026-09-18T00:00:00Z"]
    assert ticks[-1]["market_cap"] == pytest.approx(row["quotes"]["USD"]["market_cap"], rel=0.01)


def test_the_end_of_a_history_is_outside_of_it(get_paprika: Get) -> None:
    span = {"start": "2026-09-01", "interval": "1d"}
    _, ticks = get_paprika("/tickers/btc-bitcoin/historical", **span, end="2026-09-03")
    _, none = get_paprika("/tickers/btc-bitcoin/historical", **span, end="2026-09-01")

    assert [tick["timestamp"][:10] for tick in ticks] == ["2026-09-01", "2026-09-02"]
    assert none == []


def test_every_trap_of_a_list_is_in_it(get_paprika: Get) -> None:
    _, rows = get_paprika("/tickers")
    _, coins = get_paprika("/coins")
    quotes = [row["quotes"]["USD"] for row in rows]
    ids = [row["id"] for row in rows]
    inactive = {row["id"] for row in coins if not row["is_active"]}

    assert not any("circulating_supply" in row for row in rows)
    assert any(quote["market_cap"] == 0 and quote["price"] > 0 for quote in quotes)
    assert any(quote["volume_24h"] == "" for quote in quotes)
    assert len(ids) == len(set(ids)) + 1
    assert {"aave-new", "luna-terra-v2", "usdc-usd-coin"} <= set(ids)
    assert {"usdc-usdc", "fct-factom"} <= inactive
    assert not inactive & set(ids)
    assert min(row["last_updated"] for row in rows) < "2026-09-18T02:00:00Z"


@pytest.fixture(scope="module")
def official() -> Any:
    return json.loads(_real("specs/coinpaprika-openapi.json").read_text())


@needs_real_data
@pytest.mark.parametrize("name", DESCRIBED)
def test_the_schemas_know_what_the_official_description_knows(name: str, official: Any) -> None:
    path, known_better = DESCRIBED[name]
    theirs = _row_of(_response(official, path), official)["properties"]
    ours = schema(name).get("items", schema(name))["properties"]

    assert set(ours) - known_better <= set(theirs)
    for key in set(ours) & set(theirs) - known_better - {"quotes"}:
        assert _type(ours[key]) in {theirs[key]["type"], "integer" if theirs[key]["type"] == "number" else ""}, key


@needs_real_data
def test_a_quote_has_the_figures_of_the_official_description(official: Any) -> None:
    theirs = official["components"]["schemas"]["quote"]["properties"]
    ours = schema("paprika_ticker")["properties"]["quotes"]["properties"]["USD"]["properties"]

    assert set(theirs) <= set(ours)
    assert set(ours) - set(theirs) == {f"percent_change_{period}" for period in ("15m", "30m", "6h")}


@needs_real_data
@pytest.mark.parametrize(
    ("name", "recorded", "rows"),
    [
        ("paprika_coins", "coins", None),
        ("paprika_tags", "tags", None),
        ("paprika_tag", "tag_with_coins", None),
        ("paprika_historical", "historical_1d", "rows"),
        ("paprika_tickers", "ticker_free_2026", "rows"),
        ("paprika_ticker", "ticker_2020_with_circulating", "row"),
        ("paprika_contracts", "contracts_platform", None),
    ],
)
def test_recorded_answers_have_the_shape_of_our_schemas(name: str, recorded: str, rows: str | None) -> None:
    body = json.loads(_real(f"data/recorded/coinpaprika/{recorded}.json").read_text())

    validator(schema(name)).validate(body if rows is None else body[rows])


@needs_real_data
def test_the_fakes_errors_are_those_that_were_recorded() -> None:
    recorded = json.loads(_real("data/recorded/coinpaprika/errors.json").read_text())
    words = {row["body"]["error"] for row in recorded if row["body"]}
    refusal = errors.beyond_the_plan("daily", datetime(2025, 10, 7, 13, 25, 47, 673661, tzinfo=UTC))

    assert {errors.ID_NOT_FOUND["error"], errors.REQUEST_LIMIT["error"], refusal["error"]} <= words


def _real(path: str) -> Path:
    assert REAL
    return Path(REAL) / path


def _response(official: Any, path: str) -> Any:
    return official["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]


def _row_of(described: Any, official: Any) -> Any:
    """The object of a schema or of a list's rows, references followed."""
    while "properties" not in described:
        if "$ref" in described:
            described = official["components"]["schemas"][described["$ref"].rpartition("/")[2]]
        else:
            described = described["items"]
    return described


def _type(described: Any) -> str:
    if "enum" in described:
        return "string"
    kind = described["type"]
    return str(kind[0] if isinstance(kind, list) else kind)
