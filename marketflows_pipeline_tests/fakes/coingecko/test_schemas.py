"""The fake is held to our schemas, and our schemas to the official description and to recorded answers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from itertools import dropwhile
from pathlib import Path
from typing import Any

import httpx
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline_tests.fakes.coingecko import errors
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY, PRO_KEY, Access
from marketflows_pipeline_tests.fakes.coingecko.bodies import NULLABLE_FIELDS
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.conftest import Get
from marketflows_pipeline_tests.fakes.generate import generate
from marketflows_pipeline_tests.fakes.schemas import schema, validator
from marketflows_pipeline_tests.fakes.venues import generate_venues

pytestmark = pytest.mark.slow

REAL = os.environ.get("MARKETFLOWS_REAL_DATA")
needs_real_data = pytest.mark.skipif(not REAL, reason="MARKETFLOWS_REAL_DATA names no folder with specs/ and data/")

# Our schema, the endpoint of the official description, and where we know better: the description promises more than
# was served. `last_updated` was seen null, and so were points of charts and the figures of categories without coins; a
# volume of an exchange is taken as null rather than trusted to be there.
DESCRIBED: dict[str, tuple[str, set[str]]] = {
    "ping": ("/ping", {"gecko_says"}),
    "coins_list": ("/coins/list", set()),
    "coins_markets": ("/coins/markets", {"last_updated"}),
    "market_chart": ("/coins/{id}/market_chart", {"prices", "market_caps", "total_volumes"}),
    "categories_list": ("/coins/categories/list", set()),
    "categories": ("/coins/categories", {"market_cap", "market_cap_change_24h", "content", "volume_24h"}),
    "exchanges": ("/exchanges", {"trade_volume_24h_btc"}),
    "exchange": ("/exchanges/{id}", {"trade_volume_24h_btc"}),
    "trending": ("/search/trending", set()),
    "volume_chart": ("/exchanges/{id}/volume_chart", set()),
}
LISTS_OF_POINTS = {"volume_chart"}
CHANGES = "1h,24h,7d,14d,30d,200d,1y"


def real(path: str) -> Path:
    assert REAL
    return Path(REAL) / path


@pytest.fixture(scope="module")
def official() -> Any:
    return json.loads(real("specs/coingecko-demo-openapi.json").read_text())


@pytest.mark.parametrize("name", [*DESCRIBED, "key", "error"])
def test_the_schemas_are_schemas(name: str) -> None:
    validator(schema(name)).check_schema(schema(name))


@pytest.mark.parametrize(
    ("name", "path", "params"),
    [
        ("ping", "/ping", {}),
        ("coins_list", "/coins/list", {}),
        ("coins_list", "/coins/list", {"include_platform": "true"}),
        ("coins_list", "/coins/list", {"status": "inactive"}),
        ("coins_markets", "/coins/markets", {"vs_currency": "usd", "per_page": 250}),
        ("coins_markets", "/coins/markets", {"vs_currency": "usd", "per_page": 250, "page": 2}),
        ("coins_markets", "/coins/markets", {"vs_currency": "usd", "page": 99}),
        ("coins_markets", "/coins/markets", {"vs_currency": "usd", "include_rehypothecated": "true"}),
        ("coins_markets", "/coins/markets", {"vs_currency": "usd", "price_change_percentage": CHANGES}),
        ("coins_markets", "/coins/markets", {"vs_currency": "usd", "sparkline": "true"}),
        ("market_chart", "/coins/ethereum/market_chart", {"vs_currency": "usd", "days": 1}),
        ("market_chart", "/coins/ethereum/market_chart", {"vs_currency": "usd", "days": 90}),
        ("market_chart", "/coins/ethereum/market_chart", {"vs_currency": "usd", "days": 365}),
        (
            "market_chart",
            "/coins/ripple/market_chart/range",
            {"vs_currency": "usd", "from": 1789000000, "to": 1789600000},
        ),
        ("categories_list", "/coins/categories/list", {}),
        ("categories", "/coins/categories", {}),
        ("exchanges", "/exchanges", {"per_page": 250}),
        ("exchanges", "/exchanges", {"per_page": 250, "page": 3}),
        ("exchanges", "/exchanges", {"page": 99}),
        ("exchange", "/exchanges/gdax", {}),
        ("exchange", "/exchanges/uniswap_v3", {}),
        ("volume_chart", "/exchanges/gdax/volume_chart", {"days": 1}),
        ("volume_chart", "/exchanges/exchange_079/volume_chart", {"days": 7}),
        ("volume_chart", "/exchanges/bitmex/volume_chart", {"days": 365}),
        ("trending", "/search/trending", {}),
    ],
)
def test_every_answer_of_the_fake_has_its_shape(get: Get, name: str, path: str, params: dict[str, Any]) -> None:
    status, body = get(path, **params)

    assert status == 200
    validator(schema(name)).validate(body)


@pytest.mark.parametrize(
    ("path", "params", "status", "body"),
    [
        ("/coins/nil/market_chart", {"vs_currency": "usd", "days": 1}, 404, errors.COIN_NOT_FOUND),
        ("/coins/bitcoin/market_chart", {"vs_currency": "usd", "days": 366}, 401, errors.BEYOND_A_YEAR),
        ("/coins/bitcoin/market_chart", {"vs_currency": "usd", "days": "max"}, 401, errors.BEYOND_A_YEAR),
        ("/coins/bitcoin/market_chart", {"vs_currency": "usx", "days": 1}, 400, errors.INVALID_CURRENCY),
        (
            "/coins/bitcoin/market_chart",
            {"vs_currency": "usd", "days": 1, "interval": "5m"},
            401,
            errors.paid_only("interval=5m"),
        ),
        (
            "/coins/bitcoin/market_chart/range",
            {"vs_currency": "usd", "from": 1, "to": 1789600000},
            401,
            errors.BEYOND_A_YEAR,
        ),
        ("/coins/markets", {"vs_currency": "usd", "category": "ai"}, 404, errors.CATEGORY_NOT_FOUND),
        ("/coins/markets", {}, 400, errors.INVALID_CURRENCY),
        ("/exchanges/coinbase", {}, 404, errors.EXCHANGE_NOT_FOUND),
        ("/exchanges/coinbase/volume_chart", {"days": 30}, 404, errors.EXCHANGE_NOT_FOUND),
        ("/exchanges/gdax/volume_chart", {"days": 60}, 422, errors.INVALID_DAYS),
        ("/exchanges/gdax/volume_chart", {}, 422, errors.INVALID_DAYS),
        ("/key", {}, 401, errors.NOT_IN_PLAN),
    ],
)
def test_every_refusal_of_the_fake_has_the_body_that_was_seen(
    get: Get, path: str, params: dict[str, Any], status: int, body: object
) -> None:
    assert get(path, **params) == (status, body)


@pytest.mark.parametrize(
    "body",
    [value for name, value in vars(errors).items() if name.isupper() and isinstance(value, dict)]
    + [errors.paid_only("show_max")],
)
def test_every_error_body_has_one_of_the_four_shapes(body: object) -> None:
    validator(schema("error")).validate(body)


@pytest.mark.parametrize("body", [{}, {"error": None}, {"status": {"error_code": 429}}, {"prices": []}, []])
def test_what_is_no_error_has_none_of_them(body: object) -> None:
    assert not validator(schema("error")).is_valid(body)


def test_the_paid_host_tells_what_was_used(clock: FixedClock) -> None:
    with FakeCoinGecko(generate(3), clock=clock, access=Access(host="pro")) as service:
        headers = {"x-cg-pro-api-key": PRO_KEY}
        httpx.get(f"{service.url}/ping", headers=headers)
        body = httpx.get(f"{service.url}/key", headers=headers).json()

    validator(schema("key")).validate(body)
    assert body["current_total_monthly_calls"] == 2


def test_every_field_that_may_be_null_is_null_somewhere_and_a_value_elsewhere(get: Get) -> None:
    rows = [row for page in (1, 2) for row in get("/coins/markets", vs_currency="usd", per_page=250, page=page)[1]]

    nullable = {"market_cap", *NULLABLE_FIELDS}
    assert {key for row in rows for key, value in row.items() if value is None} == nullable
    always_null = {key for key in nullable if all(row[key] is None for row in rows)}
    assert always_null == {"max_supply"}


@needs_real_data
@pytest.mark.parametrize("name", sorted(DESCRIBED.keys() - LISTS_OF_POINTS))
def test_the_schemas_ask_for_what_the_official_description_asks_for(name: str, official: Any) -> None:
    endpoint, known_better = DESCRIBED[name]
    theirs = _object_of(modern(response_schema(official, endpoint), official))
    ours = _object_of(schema(name))

    assert set(ours["required"]) == set(theirs["required"])
    assert set(ours["properties"]) <= set(theirs["properties"])
    differing = {
        key
        for key, described in theirs["properties"].items()
        if key in ours["properties"] and _types(ours["properties"][key]) != _types(described)
    }
    assert differing <= known_better


@needs_real_data
@pytest.mark.parametrize("name", DESCRIBED)
def test_the_official_example_has_the_shape_of_our_schema(name: str, official: Any) -> None:
    content = official["paths"][DESCRIBED[name][0]]["get"]["responses"]["200"]["content"]["application/json"]
    examples = [example["value"] for example in content.get("examples", {}).values()] or [content["example"]]

    for example in examples:
        validator(schema(name)).validate(example)


@needs_real_data
@pytest.mark.parametrize(
    ("name", "path", "params"),
    [
        ("ping", "/ping", {}),
        ("coins_list", "/coins/list", {"include_platform": "true"}),
        (
            "coins_markets",
            "/coins/markets",
            {"vs_currency": "usd", "per_page": 250, "price_change_percentage": CHANGES},
        ),
        ("market_chart", "/coins/bitcoin/market_chart", {"vs_currency": "usd", "days": 90}),
        ("categories_list", "/coins/categories/list", {}),
        ("categories", "/coins/categories", {}),
        ("exchanges", "/exchanges", {"per_page": 250, "page": 2}),
        ("exchange", "/exchanges/binance", {}),
        ("volume_chart", "/exchanges/binance/volume_chart", {"days": 90}),
        ("trending", "/search/trending", {}),
    ],
)
def test_without_flaws_the_fake_keeps_to_the_official_description(
    clock: FixedClock, official: Any, name: str, path: str, params: dict[str, Any]
) -> None:
    described = modern(response_schema(official, DESCRIBED[name][0]), official)

    venues = generate_venues(has_churn=False, has_flaws=False)
    with FakeCoinGecko(generate(200, has_churn=False, has_flaws=False), clock=clock, venues=venues) as service:
        body = httpx.get(f"{service.url}{path}", params=params, headers={"x-cg-demo-api-key": DEMO_KEY}).json()
    if name == "trending":
        # The description promises a rank that new coins were seen without.
        body["coins"] = [coin for coin in body["coins"] if coin["item"]["market_cap_rank"] is not None]

    validator(described).validate(body)


@needs_real_data
@pytest.mark.parametrize(
    ("name", "recorded"),
    [
        ("coins_list", "GetAssets"),
        ("coins_markets", "GetMarkets"),
        ("market_chart", "GetMarketChart"),
        ("exchanges", "GetExchanges"),
        ("volume_chart", "GetExchangeVolumeHistory"),
        ("trending", "GetTrendingSearches"),
    ],
)
def test_recorded_answers_have_the_shape_of_our_schemas(name: str, recorded: str) -> None:
    validator(schema(name)).validate(recorded_body(recorded))


@needs_real_data
@pytest.mark.parametrize("part", ["coins", "nfts", "categories"])
def test_the_parts_of_a_trending_search_ask_for_what_the_official_description_asks_for(
    part: str, official: Any
) -> None:
    theirs = modern(response_schema(official, "/search/trending"), official)["properties"][part]["items"]
    ours = schema("trending")["properties"][part]["items"]
    if part == "coins":
        theirs, ours = theirs["properties"]["item"], ours["properties"]["item"]
    theirs_data, ours_data = theirs["properties"]["data"], ours["properties"]["data"]

    # A coin without figures is taken as one; older recordings have no images of categories.
    optional = {"coins": {"data"}, "nfts": set(), "categories": {"top_3_coins_images"}}
    assert set(theirs["required"]) - set(ours["required"]) == optional[part]
    assert set(ours["properties"]) == set(theirs["properties"])
    assert set(ours_data["required"]) == set(ours_data["properties"]) == set(theirs_data["properties"])
    differing = {
        key for key in theirs["properties"] if _types(ours["properties"][key]) != _types(theirs["properties"][key])
    }
    assert differing == ({"market_cap_rank"} if part == "coins" else set())
    assert all(
        _types(ours_data["properties"][key]) == _types(theirs_data["properties"][key])
        for key in ours_data["properties"]
    )


def recorded_body(recorded: str) -> Any:
    text = real(f"data/recorded/coingecko/{recorded}.txt").read_text(errors="replace")
    # Method, path and a flag stand before the body.
    return json.loads("\n".join(dropwhile(lambda line: not line.startswith(("[", "{")), text.splitlines())))


def response_schema(official: Any, endpoint: str) -> Any:
    return official["paths"][endpoint]["get"]["responses"]["200"]["content"]["application/json"]["schema"]


def modern(described: Any, official: Any) -> Any:
    """An OpenAPI 3.0 schema as a JSON schema of today: references put in place, ``nullable`` as a type."""
    match described:
        case {"$ref": str(reference)}:
            target = official
            for step in reference.removeprefix("#/").split("/"):
                target = target[step]
            return modern(target, official)
        case {"nullable": True, **rest}:
            return {"anyOf": [modern(rest, official), {"type": "null"}]}
        case Mapping():
            return {key: modern(value, official) for key, value in described.items() if key != "example"}
        case list():
            return [modern(value, official) for value in described]
        case _:
            return described


def _object_of(described: Any) -> Any:
    return described.get("items", described)


def _types(described: Any) -> set[str]:
    if "anyOf" in described:
        return {kind for choice in described["anyOf"] for kind in _types(choice)}
    kinds = described.get("type", [])
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    return found | {"number"} if "integer" in found else found
