from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.providers.coingecko.exchange_parsers import (
    read_exchanges,
    read_is_centralised,
    read_trending,
    read_volume_chart,
)
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.protocols.exchanges import EXCHANGE_SCHEMA, TRENDING_SCHEMA, VOLUME_CHART_SCHEMA
from marketflows_pipeline.transforms.time_span import TimeSpan
from marketflows_pipeline_tests.fakes.coingecko.test_schemas import needs_real_data, recorded_body

SPAN = TimeSpan.ever(datetime(2009, 1, 1, tzinfo=UTC), now=datetime(2026, 10, 10, tzinfo=UTC))
SECOND = 1_700_000_000_000
NAN, INFINITY = float("nan"), float("inf")


def exchange_row(**changed: Any) -> dict[str, Any]:
    return {
        "id": "gdax",
        "name": "Coinbase Exchange",
        "year_established": 2012,
        "country": "United States",
        "description": "",
        "url": "https://www.coinbase.com/",
        "image": "https://…",
        "has_trading_incentive": False,
        "trust_score": 10,
        "trust_score_rank": 1,
        "trade_volume_24h_btc": 13692.36253111657,
    } | changed


def trending_item(**changed: Any) -> dict[str, Any]:
    return {
        "id": "bonk",
        "coin_id": 28600,
        "name": "Bonk",
        "symbol": "BONK",
        "market_cap_rank": 103,
        "price_btc": 7.821066970851871e-11,
        "score": 0,
        "data": {
            "price": 5.938674704566297e-06,
            "price_btc": "0.00000000007821066970851871",
            "price_change_percentage_24h": {"btc": -1.2567575303632434, "usd": -3.2712597351582655},
            "market_cap": "$521,967,819",
            "total_volume": "$31,701,707",
        },
    } | changed


def with_data(**changed: Any) -> dict[str, Any]:
    item = trending_item()
    return item | {"data": item["data"] | changed}


def trending_body(*items: object) -> dict[str, Any]:
    return {"coins": [{"item": item} for item in items], "nfts": [], "categories": []}


def test_a_row_of_exchanges_becomes_a_row_of_the_frame() -> None:
    page = read_exchanges([exchange_row()])

    assert page.schema == EXCHANGE_SCHEMA
    assert page.row(0, named=True) == {
        "exchange_id": "gdax",
        "name": "Coinbase Exchange",
        "volume_24h_btc": 13692.36253111657,
        "trust_score": 10.0,
        "trust_score_rank": 1,
        "year_established": 2012,
        "country": "United States",
        "url": "https://www.coinbase.com/",
        "has_trading_incentive": False,
    }


def test_a_page_past_the_last_is_an_empty_frame() -> None:
    assert read_exchanges([]).schema == EXCHANGE_SCHEMA
    assert read_exchanges([]).is_empty()


def test_what_is_not_known_of_an_exchange_is_null() -> None:
    nulls = dict.fromkeys(["year_established", "country", "trust_score", "trust_score_rank", "has_trading_incentive"])

    page = read_exchanges([exchange_row(**nulls)])

    assert page.schema == EXCHANGE_SCHEMA
    assert page.select(*nulls).row(0) == (None, None, None, None, None)
    assert page["volume_24h_btc"].item() == 13692.36253111657


def test_blank_is_null_and_zero_is_zero() -> None:
    page = read_exchanges([exchange_row(country="", url=" ", trade_volume_24h_btc=0)])

    assert page.select("country", "url", "volume_24h_btc").row(0) == (None, None, 0.0)


@pytest.mark.parametrize("volume", [None, -1, -0.5])
def test_a_volume_that_can_not_be_one_is_null_and_the_exchange_stays(volume: float | None) -> None:
    page = read_exchanges([exchange_row(trade_volume_24h_btc=volume), exchange_row(id="okex")])

    assert page["exchange_id"].to_list() == ["gdax", "okex"]
    assert page["volume_24h_btc"].to_list() == [None, 13692.36253111657]


def test_trust_that_is_no_number_or_is_gone_is_null() -> None:
    row = exchange_row(trust_score="green", trust_score_rank=1e30)
    del row["country"]

    page = read_exchanges([row])

    assert page.select("trust_score", "trust_score_rank", "country").row(0) == (None, None, None)


def test_normalized_figures_of_older_answers_are_not_looked_at() -> None:
    assert read_exchanges([exchange_row(trade_volume_24h_btc_normalized="?")]).columns == list(EXCHANGE_SCHEMA)


def test_the_services_own_order_is_kept_and_so_is_one_that_comes_twice() -> None:
    page = read_exchanges([exchange_row(id=each) for each in ("okex", "binance", "okex")])

    assert page["exchange_id"].to_list() == ["okex", "binance", "okex"]


def test_a_point_of_a_chart_is_milliseconds_and_decimal_text() -> None:
    chart = read_volume_chart(
        [[1779719400000, "76327.6889417086372104"], [1779720000000, "76335.761747668369059"]], "binance", SPAN
    )

    assert chart.schema == VOLUME_CHART_SCHEMA
    assert chart.rows() == [
        ("binance", datetime(2026, 5, 25, 14, 30, tzinfo=UTC), 76327.6889417086372104, "coingecko:volume_chart"),
        ("binance", datetime(2026, 5, 25, 14, 40, tzinfo=UTC), 76335.761747668369059, "coingecko:volume_chart"),
    ]


def test_times_may_be_floats_and_keep_their_milliseconds() -> None:
    chart = read_volume_chart([[1767282600000.0, "1"], [1767282600041.0, "2"]], "binance", SPAN)

    assert chart["ts"].to_list() == [
        datetime(2026, 1, 1, 15, 50, tzinfo=UTC),
        datetime(2026, 1, 1, 15, 50, 0, 41_000, tzinfo=UTC),
    ]


@pytest.mark.parametrize("value", [None, "", " ", "NaN", "Infinity", "-1.5", "1e400", -1, NAN, INFINITY])
def test_a_point_without_a_value_is_left_out(value: object) -> None:
    chart = read_volume_chart([[SECOND, "1"], [SECOND + 1, value], [SECOND + 2, "0"]], "gdax", SPAN)

    assert chart["volume_24h_btc"].to_list() == [1.0, 0.0]


def test_a_number_is_as_good_as_its_text() -> None:
    chart = read_volume_chart([[SECOND, 7], [SECOND + 1, 7.5], [SECOND + 2, "7e1"]], "gdax", SPAN)

    assert chart["volume_24h_btc"].to_list() == [7, 7.5, 70]


def test_points_out_of_order_are_sorted_and_of_two_at_one_time_the_later_counts() -> None:
    points = [[SECOND + 1, "2"], [SECOND, "1"], [SECOND + 1.0, "3"], [SECOND + 1, None]]

    chart = read_volume_chart(points, "gdax", SPAN)

    assert chart["volume_24h_btc"].to_list() == [1.0, 3.0]


def test_a_chart_without_points_is_an_empty_frame() -> None:
    assert read_volume_chart([], "newcomer", SPAN).schema == VOLUME_CHART_SCHEMA
    assert read_volume_chart([[SECOND, None]], "newcomer", SPAN).schema == VOLUME_CHART_SCHEMA


@given(st.dictionaries(st.integers(1_400_000_000_000, 1_780_000_000_000), st.floats(0, 1e9), max_size=8))
def test_no_point_of_a_chart_is_lost_or_moved(points: dict[int, float]) -> None:
    chart = read_volume_chart([[ms, f"{volume:.16f}"] for ms, volume in points.items()], "gdax", SPAN)

    read = dict(zip(chart["ts"].dt.epoch("ms").to_list(), chart["volume_24h_btc"].to_list(), strict=True))
    assert list(read) == sorted(points)
    assert all(read[ms] == pytest.approx(volume, abs=1e-15) for ms, volume in points.items())


def test_a_trending_coin_becomes_a_row_of_the_frame() -> None:
    coins = read_trending(trending_body(trending_item()))

    assert coins.schema == TRENDING_SCHEMA
    assert coins.row(0, named=True) == {
        "coin_id": "bonk",
        "symbol": "BONK",
        "name": "Bonk",
        "market_cap_rank": 103,
        "market_cap_usd": 521_967_819.0,
        "volume_24h_usd": 31_701_707.0,
        "price_usd": 5.938674704566297e-06,
        "price_btc": 7.821066970851871e-11,
        "price_change_24h_pct": -3.2712597351582655,
    }


@pytest.mark.parametrize(
    ("price", "read"),
    [
        ("$0.07937", 0.07937),
        ("$0.00000123", 0.00000123),
        ("$1.2e-7", 1.2e-7),
        ("$71,123,989,677.50", 71_123_989_677.5),
        ('$0.0<sub title="0.000001532">5</sub>1532', 0.000001532),
        ('$0.0<sub title="$0.00000003899">7</sub>3899', 0.00000003899),
        (76700, 76700.0),
        ("-$1", None),
        (-1, None),
        ("", None),
        (None, None),
    ],
)
def test_a_price_is_a_number_or_in_older_answers_text_for_people(price: object, read: float | None) -> None:
    assert read_trending(trending_body(with_data(price=price)))["price_usd"].to_list() == [read]


def test_a_new_coin_has_no_rank_and_perhaps_no_figures() -> None:
    without = {key: value for key, value in trending_item(id="brand-new").items() if key != "data"}

    coins = read_trending(trending_body(trending_item(market_cap_rank=None), trending_item(id="b", data=None), without))

    assert coins.schema == TRENDING_SCHEMA
    assert coins["market_cap_rank"].to_list() == [None, 103, 103]
    assert coins["price_usd"].to_list() == [5.938674704566297e-06, None, None]
    assert coins["price_change_24h_pct"].null_count() == coins["market_cap_usd"].null_count() == 2
    assert coins["price_btc"].null_count() == 0


@pytest.mark.parametrize("changes", [None, {}, {"btc": 1.0}, {"usd": None}])
def test_a_change_that_is_not_given_in_dollars_is_null(changes: object) -> None:
    coins = read_trending(trending_body(with_data(price_change_percentage_24h=changes)))

    assert coins["price_change_24h_pct"].to_list() == [None]


def test_a_cap_of_zero_is_given_as_it_was_served() -> None:
    coins = read_trending(trending_body(with_data(market_cap="$0", total_volume="")))

    assert coins.select("market_cap_usd", "volume_24h_usd").row(0) == (0.0, None)


def test_the_most_wanted_comes_first_and_each_coin_once() -> None:
    coins = read_trending(trending_body(*(trending_item(id=each) for each in ("b", "a", "b", "c"))))

    assert coins["coin_id"].to_list() == ["b", "a", "c"]


@pytest.mark.parametrize(("said", "kind"), [(True, True), (False, False), (None, None), ("yes", None), (1, None)])
def test_an_exchange_is_centralised_only_where_the_answer_says_so(said: object, kind: bool | None) -> None:
    """Unknown is unknown, not decentralised."""
    assert read_is_centralised({"name": "Binance", "centralized": said}) is kind
    assert read_is_centralised({"name": "Binance"}) is None


@pytest.mark.parametrize("body", [[], None, "x", {}, {"centralized": True}, {"name": 1}])
def test_an_answer_that_is_no_exchange_is_refused(body: object) -> None:
    with pytest.raises(ParseError, match="expected an object with a name"):
        read_is_centralised(body)


def test_no_trending_coins_are_an_empty_frame() -> None:
    assert read_trending({"coins": []}).schema == TRENDING_SCHEMA


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ([], "found a list"),
        ({"nfts": []}, "found an object with keys ['nfts']"),
        ({"coins": None}, "with a list `coins`"),
    ],
)
def test_an_answer_without_a_list_of_trending_coins_is_refused(body: object, named: str) -> None:
    with pytest.raises(ParseError) as refusal:
        read_trending(body)
    assert named in str(refusal.value)


@needs_real_data
def test_recorded_answers_are_read() -> None:
    exchanges = read_exchanges(recorded_body("GetExchanges"))
    chart = read_volume_chart(recorded_body("GetExchangeVolumeHistory"), "gdax", SPAN)
    coins = read_trending(recorded_body("GetTrendingSearches"))

    assert exchanges.select("exchange_id", "trust_score_rank", "volume_24h_btc").rows() == [
        ("bybit_spot", 1, 51075.6271283852),
        ("gdax", 2, 37443.7299607648),
    ]
    assert chart["ts"][0] == datetime(2024, 3, 30, 9, 50, tzinfo=UTC)
    assert chart["volume_24h_btc"].to_list() == [306800.0517941023777, 302561.8185582217571, 298240.5127048246777]
    assert coins.height == 15
    assert sum(coins.null_count().row(0)) == 0
    assert coins.row(4, named=True)["market_cap_usd"] == 1_525_034_530_242
