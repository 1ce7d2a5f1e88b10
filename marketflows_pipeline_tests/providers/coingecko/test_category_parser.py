"""The snapshot of categories: every figure may be missing, one odd row costs nothing but itself."""

from __future__ import annotations

from typing import Any

import pytest

from marketflows_pipeline.providers.coingecko.parsers import read_category_snapshot
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.protocols.market_caps import CATEGORY_SCHEMA

LAYER_1: dict[str, Any] = {
    "id": "layer-1",
    "name": "Layer 1 (L1)",
    "market_cap": 2152576804747.1516,
    "market_cap_change_24h": -0.538526079299288,
    "content": "Layer 1 serves as the primary chain.",
    "top_3_coins_id": ["bitcoin", "ethereum", "binancecoin"],
    "top_3_coins": ["https://coin-images.coingecko.com/coins/images/1/small/bitcoin.png"],
    "volume_24h": 44289945362.19749,
    "updated_at": "2026-05-26T10:01:55.213Z",
}


def test_a_category_is_read_with_its_largest_coins_in_their_order() -> None:
    snapshot = read_category_snapshot([LAYER_1])

    assert snapshot.schema == CATEGORY_SCHEMA
    assert snapshot.row(0) == (
        "layer-1",
        "Layer 1 (L1)",
        2152576804747.1516,
        -0.538526079299288,
        44289945362.19749,
        "bitcoin,ethereum,binancecoin",
    )


def test_a_dead_category_has_no_figures_and_no_coins() -> None:
    """Categories that lost their coins were seen with null figures, though the description promises numbers."""
    dead = LAYER_1 | {"market_cap": None, "market_cap_change_24h": None, "volume_24h": None, "top_3_coins_id": []}
    for body in ([dead], [dead | {"top_3_coins_id": None}]):
        assert read_category_snapshot(body).row(0) == ("layer-1", "Layer 1 (L1)", None, None, None, None)


@pytest.mark.parametrize(
    "odd",
    [
        LAYER_1 | {"id": None},
        LAYER_1 | {"id": ""},
        LAYER_1 | {"name": 7},
        LAYER_1 | {"market_cap": "123"},
        LAYER_1 | {"market_cap": float("inf")},
        LAYER_1 | {"volume_24h": float("nan")},
        LAYER_1 | {"market_cap_change_24h": True},
        LAYER_1 | {"top_3_coins_id": "bitcoin"},
        LAYER_1 | {"top_3_coins_id": ["bitcoin", None]},
        "layer-1",
        None,
    ],
)
def test_one_odd_row_is_left_out_and_said(odd: object, caplog: pytest.LogCaptureFixture) -> None:
    """One text where a number belonged once cost the answer of a day that nobody serves again."""
    good = [LAYER_1 | {"id": f"category-{place}"} for place in range(30)]

    snapshot = read_category_snapshot([*good, odd])

    assert snapshot["category_id"].to_list() == [row["id"] for row in good]
    (said,) = caplog.messages
    assert said.startswith("coingecko /coins/categories: 1 of 31 rows left out: row 30")


def test_a_category_that_is_there_twice_is_stored_once() -> None:
    rows = read_category_snapshot([LAYER_1, LAYER_1 | {"market_cap": 1.0}])
    assert rows["market_cap_usd"].to_list() == [2152576804747.1516]


@pytest.mark.parametrize("body", [None, {}, "x", [], [LAYER_1] * 3 + [{"id": 1}] * 2])
def test_what_holds_no_categories_or_too_many_odd_ones_is_no_answer(body: object) -> None:
    with pytest.raises(ParseError):
        read_category_snapshot(body)
