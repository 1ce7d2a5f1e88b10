from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.errors import (
    BadResponseError,
    NotFoundError,
    PermanentProviderError,
    PlanLimitError,
    ProviderError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.providers.coingecko.errors import classify
from marketflows_pipeline.providers.coingecko.parsers import (
    read_categories,
    read_chart,
    read_coins,
    read_markets,
)
from marketflows_pipeline.providers.http.responses import ParseError, Response
from marketflows_pipeline.providers.protocols.market_caps import COIN_SCHEMA, HISTORY_SCHEMA, MARKET_SCHEMA
from marketflows_pipeline.transforms.time_span import TimeSpan
from marketflows_pipeline_tests.fakes.coingecko import errors

NOW = datetime(2026, 10, 10, tzinfo=UTC)
EVER = TimeSpan.ever(datetime(2009, 1, 1, tzinfo=UTC), now=NOW)
HTML = "<html><title>Attention Required!</title></html>"


def answer(status: int, body: object) -> Response:
    if isinstance(body, str):
        return Response(status, {"content-type": "text/html" if "<" in body else "text/plain"}, body.encode())
    return Response(status, {"content-type": "application/json"}, json.dumps(body).encode())


def market_row(**changed: Any) -> dict[str, Any]:
    return {
        "id": "bitcoin",
        "symbol": "btc",
        "name": "Bitcoin",
        "market_cap": 1_381_651_251_183,
        "current_price": 70187,
        "total_volume": 20154184933,
        "price_change_percentage_24h": 3.12502,
        "price_change_percentage_24h_in_currency": 3.1250164743774191,
        "price_change_percentage_7d_in_currency": -4.042267423689584,
        "price_change_percentage_30d_in_currency": None,
        "circulating_supply": 19685306.0,
        "market_cap_rank": 1,
        "last_updated": "2024-04-07T16:49:31.736Z",
        "image": "https://…",
    } | changed


@pytest.mark.parametrize(
    ("status", "body", "kind", "advice"),
    [
        (429, errors.RATE_LIMIT, TransientProviderError, "exceeded the Rate Limit"),
        (429, HTML, TransientProviderError, "Attention Required!"),
        (400, errors.SERVER_ERROR, TransientProviderError, "Internal Server Error"),
        (404, {"status": {"error_code": 429, "error_message": "slow"}}, TransientProviderError, "slow"),
        (403, {"status": {"error_code": "520", "error_message": "odd"}}, TransientProviderError, "error code 520"),
        (404, {"status": 503, "error": "coin not found"}, TransientProviderError, "coin not found"),
        (500, errors.SERVER_ERROR, TransientProviderError, "Internal Server Error"),
        (503, "Service Unavailable", TransientProviderError, "Service Unavailable"),
        (401, errors.KEY_MISSING, PlanLimitError, "set COINGECKO_API_KEY"),
        (401, errors.NOT_IN_PLAN, PlanLimitError, "not in the plan"),
        (400, errors.PRO_KEY_ON_PUBLIC_HOST, PlanLimitError, 'set plan = "pro"'),
        (401, errors.PRO_KEY_ON_PUBLIC_HOST, PlanLimitError, 'set plan = "pro"'),
        (400, errors.DEMO_KEY_ON_PRO_HOST, PlanLimitError, 'set plan = "demo"'),
        (401, errors.DEMO_KEY_ON_PRO_HOST, PlanLimitError, 'set plan = "demo"'),
        (401, errors.BEYOND_A_YEAR, PlanLimitError, "last 365 days only: lower `days`"),
        (401, errors.paid_only("show_max"), PlanLimitError, "error code 401, about `show_max`"),
        (404, errors.COIN_NOT_FOUND, NotFoundError, "coin not found"),
        (404, errors.CATEGORY_NOT_FOUND, NotFoundError, "Not Found"),
        (400, errors.INVALID_CURRENCY, PermanentProviderError, "invalid vs_currency"),
        (403, errors.PLAN_BLOCKED, PlanLimitError, "the plan does not include this"),
        (403, "", PlanLimitError, "the plan does not include this"),
        (403, HTML, UnexpectedResponseError, "run from another network"),
    ],
)
def test_every_error_shape_is_told_by_its_kind_and_says_what_to_do(
    status: int, body: object, kind: type[ProviderError], advice: str
) -> None:
    fault = classify(answer(status, body))

    assert fault is not None
    assert fault.kind is kind
    assert advice in fault.message


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (errors.RATE_LIMIT, TransientProviderError),
        ({"error": "You've exceeded the Rate Limit."}, TransientProviderError),
        (errors.SERVER_ERROR, TransientProviderError),
        ({"status": {"error_code": 522, "error_message": "odd"}}, TransientProviderError),
        ({"status": {"error_code": "503"}}, TransientProviderError),
        ({"error": "Too Many Requests", "status": 200}, TransientProviderError),
        (errors.BEYOND_A_YEAR, PlanLimitError),
        (errors.KEY_MISSING, PlanLimitError),
        (errors.paid_only("interval=daily"), PlanLimitError),
        (errors.COIN_NOT_FOUND, NotFoundError),
        (errors.CATEGORY_NOT_FOUND, NotFoundError),
        ({"error": "Could not find coin with the given id"}, NotFoundError),
        ({"error": "something new"}, BadResponseError),
        ({"error": {"unheard": "of"}}, BadResponseError),
        ({"status": {"error_code": 7, "error_message": "odd"}}, BadResponseError),
    ],
)
def test_an_error_body_under_200_is_an_error_of_the_same_kind(body: object, kind: type[ProviderError]) -> None:
    fault = classify(answer(200, body))

    assert fault is not None
    assert fault.kind is kind


@pytest.mark.parametrize("body", [[], {"prices": [], "market_caps": [], "total_volumes": []}, {"gecko_says": "hi"}])
def test_an_answer_without_an_error_is_none(body: object) -> None:
    assert classify(answer(200, body)) is None


def test_arrays_of_different_lengths_are_joined_on_their_timestamps() -> None:
    chart = read_chart(
        {
            "prices": [[1711929600000, 71246.9], [1711983682000, 68887.7]],
            "market_caps": [[1711843200000, 1370247487960.09], [1711929600000, None], [1711983682000, -1]],
            "total_volumes": [[1711843200000, 16408802301]],
        },
        "bitcoin",
        EVER,
    )

    assert chart.schema == HISTORY_SCHEMA
    assert chart.drop("coin_id", "source").rows() == [
        (datetime(2024, 3, 31, tzinfo=UTC), 1370247487960.09, None, 16408802301.0),
        (datetime(2024, 4, 1, tzinfo=UTC), None, 71246.9, None),
        (datetime(2024, 4, 1, 15, 1, 22, tzinfo=UTC), -1.0, 68887.7, None),
    ]
    assert set(chart["coin_id"]) == {"bitcoin"}
    assert set(chart["source"]) == {"coingecko:market_chart"}


def test_stamps_keep_their_milliseconds() -> None:
    chart = read_chart({"prices": [], "market_caps": [[1779027899041, 5]], "total_volumes": []}, "bitcoin", EVER)

    assert chart["ts"].item() == datetime(2026, 5, 17, 14, 24, 59, 41_000, tzinfo=UTC)


def test_points_out_of_order_are_sorted_and_of_two_at_one_time_the_later_counts() -> None:
    caps = [[1_700_000_002_000, 2.0], [1_700_000_001_000, 1.0], [1_700_000_002_000, 3.0]]

    chart = read_chart({"prices": [], "market_caps": caps, "total_volumes": []}, "bitcoin", EVER)

    assert chart["market_cap_usd"].to_list() == [1.0, 3.0]


points = st.dictionaries(
    st.integers(min_value=1_400_000_000_000, max_value=1_790_000_000_000),
    st.none()
    | st.floats(max_value=1e15, allow_nan=False, allow_infinity=False)
    | st.integers(min_value=-1, max_value=10**13),
    max_size=8,
)


@given(prices=points, caps=points, volumes=points)
def test_no_point_of_any_array_is_lost_or_moved(
    prices: dict[int, Any], caps: dict[int, Any], volumes: dict[int, Any]
) -> None:
    arrays = {"prices": prices, "market_caps": caps, "total_volumes": volumes}

    chart = read_chart({key: [[ts, value] for ts, value in at.items()] for key, at in arrays.items()}, "bitcoin", EVER)

    assert chart["ts"].dt.epoch("ms").to_list() == sorted(prices.keys() | caps.keys() | volumes.keys())
    rows = chart.with_columns(pl.col("ts").dt.epoch("ms")).rows_by_key("ts", unique=True, named=True)
    for column, at in (("price_usd", prices), ("market_cap_usd", caps), ("volume_usd", volumes)):
        assert {ts: row[column] for ts, row in rows.items() if ts in at} == at


def test_a_history_without_points_is_an_empty_frame() -> None:
    chart = read_chart({"prices": [], "market_caps": [], "total_volumes": []}, "newcomer", EVER)

    assert chart.schema == HISTORY_SCHEMA
    assert chart.is_empty()


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ([], "found a list"),
        ({}, "`market_caps` should be a list, found nothing"),
        ({"market_caps": {"a": 1}, "prices": [], "total_volumes": []}, "`market_caps`"),
        ({"market_caps": [], "prices": [], "total_volumes": None}, "`total_volumes`"),
    ],
)
def test_a_chart_of_another_shape_is_refused_by_the_name_of_the_key(body: object, named: str) -> None:
    with pytest.raises(ParseError) as refusal:
        read_chart(body, "bitcoin", EVER)
    assert named in str(refusal.value)


def test_a_row_of_markets_becomes_a_row_of_the_frame() -> None:
    page = read_markets([market_row()], with_rehypothecated=False, now=NOW)

    assert page.schema == MARKET_SCHEMA
    assert page.row(0, named=True) == {
        "coin_id": "bitcoin",
        "symbol": "btc",
        "name": "Bitcoin",
        "market_cap_usd": 1_381_651_251_183.0,
        "price_usd": 70187.0,
        "volume_usd": 20154184933.0,
        "price_change_24h_pct": 3.1250164743774191,
        "price_change_7d_pct": -4.042267423689584,
        "price_change_30d_pct": None,
        "circulating_supply": 19685306.0,
        "market_cap_rank": 1,
        "last_updated": datetime(2024, 4, 7, 16, 49, 31, 736_000, tzinfo=UTC),
        "with_rehypothecated": False,
        "source": "coingecko:markets",
    }


def test_nulls_stay_nulls_and_zero_stays_zero() -> None:
    nulls = dict.fromkeys(
        [
            "market_cap",
            "current_price",
            "total_volume",
            "price_change_percentage_24h",
            "market_cap_rank",
            "last_updated",
        ]
    )

    rows = [market_row(**nulls), market_row(id="pol", market_cap=0)]
    page = read_markets(rows, with_rehypothecated=True, now=NOW)

    assert page.schema == MARKET_SCHEMA
    assert page["market_cap_usd"].to_list() == [None, 0.0]
    assert page["last_updated"].null_count() == page["market_cap_rank"].null_count() == 1
    assert set(page["source"]) == {"coingecko:markets+rehypothecated"}


@pytest.mark.parametrize("odd", ["-4.04", float("inf"), float("nan"), True, [], None])
def test_a_figure_that_is_only_recorded_costs_no_row_its_market_cap(odd: object) -> None:
    """A change of 1e400 % beside a good cap must not stop the hour."""
    recorded = ["price_change_percentage_7d_in_currency", "price_change_percentage_30d_in_currency"]
    fields = [*recorded, "price_change_percentage_24h_in_currency", "circulating_supply"]

    row = read_markets([market_row(**dict.fromkeys(fields, odd))], with_rehypothecated=False, now=NOW).row(
        0, named=True
    )

    assert row["market_cap_usd"] == 1_381_651_251_183.0
    assert (row["price_change_7d_pct"], row["price_change_30d_pct"], row["circulating_supply"]) == (None, None, None)
    assert row["price_change_24h_pct"] == 3.12502, "the rounded one of every answer stands in"


def test_a_page_past_the_end_is_an_empty_frame() -> None:
    assert read_markets([], with_rehypothecated=False, now=NOW).schema == MARKET_SCHEMA


def test_lists_become_frames() -> None:
    coins = read_coins([{"id": "01coin", "symbol": "zoc", "name": "01coin", "platforms": {}}])
    categories = read_categories([{"category_id": "layer-1", "name": "Layer 1 (L1)"}])

    assert coins.schema == COIN_SCHEMA
    assert coins.rows() == [("01coin", "zoc", "01coin")]
    assert categories.rows() == [("layer-1", "Layer 1 (L1)")]
