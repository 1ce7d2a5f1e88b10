from __future__ import annotations

from typing import Any

import polars as pl

from marketflows_pipeline.transforms.market_caps.universes import narrative_universe, range_universe
from marketflows_pipeline_tests.transforms.market_caps.closes_by_day import TIME, closes_of, day

DAYS = pl.Series("ts", [day(number) for number in range(4)], TIME)


def stored(*rows: tuple[int, str, str, int]) -> pl.DataFrame:
    """Day at which it is known, series, coin, rank."""
    schema: dict[str, Any] = {"ts": TIME, "series": pl.String, "coin_id": pl.String, "rank": pl.Int32}
    return pl.DataFrame([(day(number), *more) for number, *more in rows], schema=schema, orient="row")


def by_day(rows: pl.DataFrame, **where: str) -> dict[int, set[tuple[str, bool]]]:
    found: dict[int, set[tuple[str, bool]]] = {}
    for coin, ts, is_backfilled in rows.filter(**where).select("coin_id", "ts", "is_backfilled").iter_rows():
        found.setdefault((ts - day(0)).days, set()).add((coin, is_backfilled))
    return found


def test_members_are_the_last_that_were_known_and_before_the_first_those_of_the_first() -> None:
    members = stored((1, "ai", "a", 1), (1, "ai", "b", 2), (3, "ai", "a", 1), (3, "ai", "c", 2))
    assert by_day(narrative_universe(members, DAYS, top_n=2)) == {
        0: {("a", True), ("b", True)},
        1: {("a", False), ("b", False)},
        2: {("a", False), ("b", False)},
        3: {("a", False), ("c", False)},
    }


def test_a_first_run_knows_its_members_only_tomorrow_and_all_days_are_filled_back() -> None:
    rows = narrative_universe(stored((9, "ai", "a", 1)), DAYS, top_n=2)
    assert rows["is_backfilled"].to_list() == [True] * 4


def test_coins_in_reserve_are_no_members() -> None:
    members = stored((0, "ai", "a", 1), (0, "ai", "c", 7), (0, "ai", "b", 4))
    assert set(narrative_universe(members, DAYS, top_n=2)["coin_id"]) == {"a", "b"}


def test_each_narrative_has_its_own_first_day() -> None:
    rows = narrative_universe(stored((0, "ai", "a", 1), (2, "l1", "b", 1)), DAYS, top_n=1)
    assert by_day(rows, series="ai")[0] == {("a", False)}
    assert by_day(rows, series="l1")[1] == {("b", True)}


def test_a_coin_is_in_the_range_whose_limit_its_cap_exceeds_and_in_the_cohort() -> None:
    """A cap equal to a limit belongs below it."""
    closes = closes_of({"a": [1.0, 1.0], "b": [1.0, 1.0]}, {"a": [100.0, 101.0], "b": [1000.0, 5.0]})
    rows = range_universe(closes, (100.0, 1000.0), ["a", "b"], day(1))
    assert by_day(rows, category="Ranges", series="100") == {0: {("b", True)}, 1: {("a", False)}}
    assert by_day(rows, series="1000") == {}
    assert by_day(rows, category="Cohort", series="cohort") == {0: {("b", True)}, 1: {("a", False)}}


def test_a_coin_that_was_never_listed_is_in_no_range() -> None:
    closes = closes_of({"a": [1.0], "tether": [1.0]}, {"a": [200.0], "tether": [900.0]})
    assert set(range_universe(closes, (100.0,), ["a"], day(0))["coin_id"]) == {"a"}


def test_without_ranges_or_lists_there_is_no_cohort() -> None:
    closes = closes_of({"a": [1.0]})
    assert range_universe(closes, (), ["a"], day(0)).is_empty()
    assert range_universe(closes, (1.0,), [], None).is_empty()
