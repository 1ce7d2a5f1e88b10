"""Which parts a host serves."""

from __future__ import annotations

import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.orchestration.placement import parts_of_host


@pytest.mark.parametrize("environ", [{}, {"MARKETFLOWS_PARTS": ""}, {"MARKETFLOWS_PARTS": " , "}])
def test_without_a_word_the_host_is_the_only_one(environ: dict[str, str]) -> None:
    assert parts_of_host(environ) is None


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("exchanges", ("exchanges",)),
        ("cross_asset, market_caps", ("market_caps", "cross_asset")),
        ("exchanges,exchanges,", ("exchanges",)),
    ],
)
def test_parts_come_in_the_order_of_the_registry_and_once(named: str, expected: tuple[str, ...]) -> None:
    assert parts_of_host({"MARKETFLOWS_PARTS": named}) == expected


def test_an_unknown_part_is_named_with_those_there_are() -> None:
    with pytest.raises(UserInputError) as fault:
        parts_of_host({"MARKETFLOWS_PARTS": "exchanges,markets\x1b[2J"})
    assert str(fault.value) == (
        "MARKETFLOWS_PARTS: markets\\x1b[2J is no part; expected some of market_caps, exchanges, cross_asset"
    )
