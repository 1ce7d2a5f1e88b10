from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.providers.protocols.cross_asset import SHARES_SCHEMA
from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.shares import (
    comparable_shares,
    new_vintages,
    newest_vintages,
    restatements,
)
from marketflows_pipeline_tests.transforms.cross_asset.frames import day, rows_of, shares_of, splits_of

NOTHING = table("raw.shares_outstanding").empty()
LATER = datetime(2026, 11, 21, tzinfo=UTC)


def row(number: int = 0, /, **figures: Any) -> dict[str, Any]:
    return {
        "symbol": "A",
        "session": day(number),
        "vintage": 1,
        "convention": "as_traded",
        "fetched_at": datetime(2026, 11, 20, tzinfo=UTC),
        **figures,
    }


def fetched(*rows: dict[str, Any]) -> pl.DataFrame:
    return rows_of("raw.shares_outstanding", *rows).drop("vintage").with_columns(fetched_at=LATER)


def appended(stored: pl.DataFrame, *rows: dict[str, Any]) -> list[tuple[Any, ...]]:
    new = new_vintages(stored, fetched(*rows))
    assert dict(new.schema) == table("raw.shares_outstanding").polars_schema
    return new.select("session", "vintage", "shares", "nav_usd", "net_assets_usd").rows()


def test_a_first_answer_is_the_first_vintage() -> None:
    assert appended(NOTHING, row(1, shares=11.0), row(0, shares=10.0)) == [
        (day(0), 1, 10, None, None),
        (day(1), 1, 11, None, None),
    ]


def test_an_answer_of_the_same_figures_adds_nothing() -> None:
    stored = shares_of({"A": [100.0, 101.0]}, navs={"A": [10.0, 10.0]})

    assert appended(stored, row(0, shares=100.0, nav_usd=10.0), row(1, shares=101.0, nav_usd=10.0)) == []


@pytest.mark.parametrize("figure", ["shares", "nav_usd", "net_assets_usd"])
def test_a_figure_that_differs_is_a_new_vintage_and_one_that_is_rounded_differently_is_not(figure: str) -> None:
    stored = rows_of("raw.shares_outstanding", row(0, **{figure: 1e9}))

    assert [each[1] for each in appended(stored, row(0, **{figure: 1e9 + 2}))] == [2]
    assert appended(stored, row(0, **{figure: 1e9 + 0.5})) == []


def test_the_newest_vintage_is_what_an_answer_is_held_against() -> None:
    stored = rows_of("raw.shares_outstanding", row(shares=100.0), row(shares=90.0, vintage=2))

    assert appended(stored, row(shares=90.0)) == []
    assert appended(stored, row(shares=100.0)) == [(day(0), 3, 100, None, None)]


def test_a_shorter_or_emptier_answer_adds_nothing() -> None:
    stored = shares_of({"A": [100.0, 101.0]}, navs={"A": [10.0, 10.0]})

    assert appended(stored, row(1, shares=101.0)) == []
    assert appended(stored, row(1)) == []
    assert appended(stored) == []


def test_a_figure_known_for_the_first_time_is_a_new_vintage() -> None:
    stored = rows_of("raw.shares_outstanding", row(net_assets_usd=1000.0))

    assert appended(stored, row(net_assets_usd=1000.0, shares=0.0)) == [(day(0), 2, 0, None, 1000)]


def test_the_same_figure_in_the_other_convention_is_another_figure() -> None:
    stored = rows_of("raw.shares_outstanding", row(shares=100.0))

    assert appended(stored, row(shares=100.0, convention="split_adjusted")) == [(day(0), 2, 100, None, None)]


def test_another_fund_has_vintages_of_its_own() -> None:
    stored = rows_of("raw.shares_outstanding", row(shares=100.0), row(shares=90.0, vintage=2))

    new = new_vintages(stored, fetched(row(symbol="B", shares=5.0), row(shares=80.0)))

    assert new.select("symbol", "vintage").rows() == [("A", 3), ("B", 1)]


def test_a_frame_as_the_provider_gives_it_is_enough() -> None:
    answer = fetched(row(shares=1.0)).select(SHARES_SCHEMA.names())

    assert new_vintages(NOTHING, answer).columns == [*answer.columns[:2], "vintage", *answer.columns[2:]]


def test_of_several_vintages_the_newest_stands() -> None:
    stored = rows_of(
        "raw.shares_outstanding", row(shares=90.0, vintage=2), row(1, shares=7.0), row(shares=100.0, vintage=1)
    )

    assert newest_vintages(stored)["shares"].to_list() == [90, 7]


SPLIT = splits_of({"A": {day(1): 10.0}})
COLUMNS = ("shares", "present_shares", "nav_usd", "present_nav_usd")


@pytest.mark.parametrize(
    ("convention", "shares", "navs"),
    [("as_traded", [100.0, 1000.0], [50.0, 5.0]), ("split_adjusted", [1000.0, 1000.0], [5.0, 5.0])],
)
def test_both_conventions_say_the_same(convention: str, shares: list[float], navs: list[float]) -> None:
    # 100 shares at 50 become 1,000 at 5
    stored = shares_of({"A": shares}, navs={"A": navs}, convention=convention)

    assert comparable_shares(stored, SPLIT).select(COLUMNS).rows() == [(100, 1000, 50, 5), (1000, 1000, 5, 5)]


def test_what_was_adjusted_before_a_split_is_brought_past_it() -> None:
    # fetched on the eve of the split and never repeated: still in the shares of that eve
    eve = datetime(2026, 3, 2, 22, tzinfo=UTC)
    stored = shares_of({"A": [100.0]}, navs={"A": [50.0]}, convention="split_adjusted", fetched_at=eve)

    assert comparable_shares(stored, SPLIT).select(COLUMNS).rows() == [(100, 1000, 50, 5)]


def restated(stored: pl.DataFrame, *rows: dict[str, Any]) -> list[tuple[Any, ...]]:
    changes = restatements(stored, new_vintages(stored, fetched(*rows)))
    return changes.select("session", "vintage", "column_name", "old", "new").sort("session", "column_name").rows()


def test_a_restatement_is_told_figure_by_figure_against_the_vintage_before() -> None:
    stored = rows_of(
        "raw.shares_outstanding",
        row(0, shares=100.0, nav_usd=10.0),
        row(0, shares=110.0, nav_usd=10.0) | {"vintage": 2},
        row(1, shares=7.0),
    )

    assert restated(stored, row(0, shares=120.0, nav_usd=10.0), row(1, shares=7.0), row(2, shares=1.0)) == [
        (day(0), 3, "nav_usd", 10, 10),
        (day(0), 3, "shares", 110, 120),
    ]


def test_a_figure_known_for_the_first_time_and_one_in_other_shares_restate_no_number() -> None:
    stored = rows_of("raw.shares_outstanding", row(0, shares=100.0), row(1, shares=100.0))
    adjusted = row(1, shares=50.0) | {"convention": "split_adjusted"}

    assert restated(stored, row(0, shares=100.0, net_assets_usd=5.0), adjusted) == [(day(0), 2, "shares", 100, 100)]
    assert restated(stored) == []
