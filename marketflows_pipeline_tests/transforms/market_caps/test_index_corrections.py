"""What stored levels would be with revised closes, worked by hand on an index of two coins held half and half."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.transforms.market_caps.index_corrections import index_corrections
from marketflows_pipeline_tests.warehouse.frames import frame

START = datetime(2026, 3, 1, tzinfo=UTC)
X = {"category": "Narratives", "series": "x"}


def at(day: int) -> datetime:
    return START + timedelta(days=day)


def level(day: int, price: float, cap: float | None = None, **more: Any) -> dict[str, Any]:
    return X | {"base_asset": "us-dollar", "ts": at(day), "price_index": price,
                "cap_index": price if cap is None else cap} | more  # fmt: skip


def in_bitcoin(day: int, price: float, base: float) -> dict[str, Any]:
    return level(day, price, base_asset="bitcoin", base_price_usd=base, base_cap_usd=base * 20)


def member(coin: str, price: float, since: int = 0, until: int | None = None) -> dict[str, Any]:
    """Half of the index at the close at which it was set; its market cap is ten times its price."""
    return X | {
        "coin_id": coin, "effective_from": at(since), "effective_to": None if until is None else at(until),
        "weight": 0.5, "units": 0.5 / price, "price_usd": price, "market_cap_usd": 10 * price,
    }  # fmt: skip


def closes(**prices: list[float | None]) -> pl.DataFrame:
    rows = [
        {"coin_id": coin, "ts": at(day), "observed_at": at(day), "price_usd": price, "market_cap_usd": 10 * price}
        for coin, each in prices.items()
        for day, price in enumerate(each)
        if price is not None
    ]
    return frame("core.daily_closes", *rows)


def touched(*closes_of: tuple[str, int]) -> pl.DataFrame:
    return pl.DataFrame(
        [(coin, at(day)) for coin, day in closes_of],
        schema={"coin_id": pl.String, "ts": pl.Datetime("us", "UTC")},
        orient="row",
    )


# a goes 10, 11, 12 and b stays at 20: 1,000, 1,050, 1,100.
STORED = [level(0, 1000.0), level(1, 1050.0), level(2, 1100.0)]
MEMBERS = [member("a", 10.0), member("b", 20.0)]


def found(
    stored: list[dict[str, Any]], members: list[dict[str, Any]], now: pl.DataFrame, *of: tuple[str, int]
) -> list[tuple[Any, ...]]:
    rows = index_corrections(
        frame("core.index_closes", *stored), frame("core.narrative_constituents", *members), now, touched(*of)
    )
    return [
        (base, (ts - START).days, column, pytest.approx(old), pytest.approx(new))
        for _, _, base, ts, column, old, new in rows.iter_rows()
    ]


def test_a_revised_price_corrects_the_level_of_its_close_and_of_no_other() -> None:
    """10.5 instead of 11 makes a half of 525: 1,025; the day after has a price of its own."""
    assert found(STORED, MEMBERS, closes(a=[10, 10.5, 12], b=[20, 20, 20]), ("a", 1)) == [
        ("us-dollar", 1, "cap_index", 1050, 1025),
        ("us-dollar", 1, "price_index", 1050, 1025),
    ]


def test_a_price_that_is_held_over_a_gap_is_corrected_there_too() -> None:
    stored = [level(0, 1000.0), level(1, 1050.0), level(2, 1050.0), level(3, 1100.0)]

    rows = found(stored, MEMBERS, closes(a=[10, 10.5, None, 12], b=[20, 20, 20, 20]), ("a", 1))

    assert [row for row in rows if row[2] == "price_index"] == [
        ("us-dollar", 1, "price_index", 1050, 1025),
        ("us-dollar", 2, "price_index", 1050, 1025),
    ]


def test_the_close_at_which_members_were_set_is_corrected_and_what_earns_from_it_stays() -> None:
    """Nobody can have held other units: from 1,050 on the stored level counts, at the prices of then."""
    members = [member("a", 10.0, 0, 1), member("b", 20.0, 0, 1), member("a", 11.0, 1), member("b", 20.0, 1)]
    stored = [level(0, 1000.0), level(1, 1050.0), level(2, 1050 * (0.5 * 12 / 11 + 0.5))]

    rows = found(stored, members, closes(a=[10, 10.5, 12], b=[20, 20, 20]), ("a", 1))

    assert [(day, column, new) for _, day, column, _, new in rows] == [(1, "cap_index", 1025), (1, "price_index", 1025)]


def test_the_first_close_is_1_000_by_definition() -> None:
    assert found(STORED, MEMBERS, closes(a=[9, 11, 12], b=[20, 20, 20]), ("a", 0)) == []


def test_a_level_in_a_base_asset_follows_that_in_dollars_and_the_bases_own_price() -> None:
    """Bitcoin went 100, 110, 120 and was 105 on the first day: 1,050 x 100 / 105 = 1,000."""
    stored = [*STORED, in_bitcoin(0, 1000, 100), in_bitcoin(1, 1050 / 1.1, 110), in_bitcoin(2, 1100 / 1.2, 120)]
    now = closes(a=[10, 11, 12.6], b=[20, 20, 20], bitcoin=[100, 105, 120])

    rows = found(stored, MEMBERS, now, ("a", 2), ("bitcoin", 1))

    assert [row for row in rows if row[0] == "bitcoin" and row[2] == "price_index"] == [
        ("bitcoin", 1, "price_index", 1050 / 1.1, 1000),
        # 12.6 for a: 0.63 + 0.5 of 1,000 at 120
        ("bitcoin", 2, "price_index", 1100 / 1.2, 1130 / 1.2),
    ]
    assert [row[1:] for row in rows if row[0] == "us-dollar" and row[2] == "price_index"] == [
        (2, "price_index", 1100, 1130)
    ]


def test_another_coin_concerns_nothing() -> None:
    assert found(STORED, MEMBERS, closes(a=[10, 11, 12], b=[20, 20, 20], c=[1, 2, 3]), ("c", 1)) == []


def test_with_the_closes_as_they_were_every_level_is_what_is_stored() -> None:
    rows = found(STORED, MEMBERS, closes(a=[10, 11, 12], b=[20, 20, 20]), ("a", 1), ("b", 2))

    assert [(day, column, new) for _, day, column, _, new in rows] == [
        (1, "cap_index", 1050), (1, "price_index", 1050), (2, "cap_index", 1100), (2, "price_index", 1100),
    ]  # fmt: skip
