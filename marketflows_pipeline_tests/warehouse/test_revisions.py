"""Revisions: what a later answer changed in a period that was over is on record, once, with the change itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.warehouse.merging import MergeResult
from marketflows_pipeline.warehouse.quarantine import canonical_key, has_row
from marketflows_pipeline.warehouse.revisions import (
    KEPT_FOR,
    Provenance,
    forget_old_revisions,
    record_corrections,
)
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps, frame

RECORDED = ["table_name", "key", "column_name", "old", "new", "cause", "n_changes"]
DAY = timedelta(days=1)


def answer(cause: str = "history", closed_before: datetime | None = NOW) -> Provenance:
    return Provenance(cause, seen_at=NOW, closed_before=closed_before)


def recorded(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.read("meta.revisions", columns=RECORDED).sort("key", "column_name").rows()


def test_a_cap_that_a_later_history_changes_is_kept_with_both_values_and_its_cause(warehouse: Warehouse) -> None:
    """A provider re-counted a supply back in time; what had been drawn and decided on before was gone for good."""
    ts = datetime(2026, 10, 1, 12, 0, 30, 500_000, tzinfo=UTC)
    warehouse.merge("raw.market_caps", caps(("bitcoin", ts, 100.0)), provenance=answer())

    warehouse.merge("raw.market_caps", caps(("bitcoin", ts, 150.0)), provenance=answer("repair"))

    assert recorded(warehouse) == [
        ("raw.market_caps", "bitcoin,2026-10-01T12:00:30.500Z", "market_cap_usd", 100.0, 150.0, "repair", 1)
    ]
    row = warehouse.read("meta.revisions").row(0, named=True)
    assert (row["change_pct"], row["seen_at"]) == (50.0, NOW)


@pytest.mark.parametrize(
    ("old", "new", "n_recorded"),
    [
        (1e9, 1e9 * (1 + 0.9e-6), 0),
        (1e9, 1e9 * (1 + 1.1e-6), 1),
        (1e9, 1e9 * (1 - 1.1e-6), 1),
        (0.0, 1.0, 1),
        (5.0, None, 1),
        (None, 5.0, 0),
        (-4.0, -4.0, 0),
    ],
)
def test_only_more_than_a_millionth_is_a_revision_and_a_null_that_is_filled_is_none(
    warehouse: Warehouse, old: float | None, new: float | None, n_recorded: int
) -> None:
    """Services recompute in floats: without a threshold every answer would revise its whole history."""
    ts = NOW - DAY
    warehouse.merge("raw.market_caps", caps(("a", ts, 1.0), volume_usd=old))

    warehouse.merge("raw.market_caps", caps(("a", ts, 1.0), volume_usd=new), provenance=answer())

    assert len(recorded(warehouse)) == n_recorded
    assert warehouse.read("raw.market_caps")["volume_usd"].item() == new


def test_a_change_in_a_period_that_is_still_open_is_none(warehouse: Warehouse) -> None:
    warehouse.merge("raw.market_caps", caps(("a", NOW, 1.0), ("a", NOW - HOUR, 1.0)))

    warehouse.merge(
        "raw.market_caps", caps(("a", NOW, 2.0), ("a", NOW - HOUR, 2.0)), provenance=answer(closed_before=NOW - HOUR)
    )
    warehouse.merge("raw.market_caps", caps(("a", NOW, 3.0)), provenance=answer(closed_before=None))
    warehouse.merge("raw.market_caps", caps(("a", NOW, 4.0)))

    assert recorded(warehouse) == []


def test_a_session_is_closed_once_its_utc_day_was_over_when_the_service_was_last_asked(warehouse: Warehouse) -> None:
    asked_before = datetime(2026, 10, 3, 22, 45, tzinfo=UTC)
    sessions = [date(2026, 10, day) for day in (1, 2, 3)]

    def bars(close: float) -> pl.DataFrame:
        return frame("raw.daily_bars", *({"symbol": "SPY", "session": day, "close_usd": close} for day in sessions))

    warehouse.merge("raw.daily_bars", bars(10.0))
    warehouse.merge("raw.daily_bars", bars(11.0), provenance=answer("bars", asked_before))

    assert [row[1] for row in recorded(warehouse)] == ["SPY,2026-10-01", "SPY,2026-10-02"]


def test_more_than_a_hundred_of_one_coin_become_one_row_with_their_number_and_the_largest(
    warehouse: Warehouse,
) -> None:
    """A split rewrites twenty years of a symbol: 25,000 rows that all say the same."""
    times = [NOW - DAY - hour * HOUR for hour in range(101)]
    warehouse.merge("raw.market_caps", caps(*(("many", ts, 100.0) for ts in times)))
    warehouse.merge("raw.market_caps", caps(*(("few", ts, 100.0) for ts in times[:100])))
    changed = [("many", ts, 400.0 if place == 7 else 101.0) for place, ts in enumerate(times)]

    warehouse.merge(
        "raw.market_caps",
        caps(*changed, *(("few", ts, 101.0) for ts in times[:100])),
        provenance=answer(),
    )

    rows = recorded(warehouse)
    assert [row for row in rows if row[-1] > 1] == [
        ("raw.market_caps", "many", "market_cap_usd", 100.0, 400.0, "history", 101)
    ]
    assert sum(1 for row in rows if str(row[1]).startswith("few,")) == 100
    assert len(rows) == 101


def test_each_token_of_an_exchange_is_counted_by_itself(warehouse: Warehouse) -> None:
    times = [NOW - DAY * day for day in range(1, 62)]

    def balances(quantity: float, value: float) -> pl.DataFrame:
        return frame(
            "raw.cex_token_balances",
            *(
                {"slug": "x", "ts": ts, "token": token, "quantity": quantity, "value_usd": value}
                for ts in times
                for token in ("BTC", "ETH")
            ),
        )

    warehouse.merge("raw.cex_token_balances", balances(1.0, 5.0))
    warehouse.merge("raw.cex_token_balances", balances(2.0, 15.0), provenance=answer("reserves"))

    # 61 days of two figures each
    assert [(row[1], row[2], row[-1]) for row in recorded(warehouse)] == [
        ("x,BTC", "value_usd", 122),
        ("x,ETH", "value_usd", 122),
    ]


@pytest.mark.parametrize("coin", ["bitcoin", "academy token", 'a,"b"', "two\nlines"])
def test_a_key_is_written_as_the_quarantine_takes_it(warehouse: Warehouse, coin: str) -> None:
    """A revision that turns out to be a slip is left out by the key that it names."""
    ts = NOW - DAY
    warehouse.merge("raw.market_caps", caps((coin, ts, 1.0)))
    warehouse.merge("raw.market_caps", caps((coin, ts, 2.0)), provenance=answer())

    ((_, key, *_),) = recorded(warehouse)
    assert canonical_key(warehouse, "raw.market_caps", str(key)) == key
    assert has_row(warehouse, "raw.market_caps", str(key))


@pytest.mark.slow
def test_a_revision_and_the_value_that_it_explains_stand_or_fall_together(warehouse: Warehouse) -> None:
    ts = NOW - DAY
    warehouse.merge("raw.market_caps", caps(("a", ts, 1.0)))

    def revise_and_die() -> None:
        with warehouse.transaction():
            warehouse.merge("raw.market_caps", caps(("a", ts, 2.0)), provenance=answer())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        revise_and_die()
    assert recorded(warehouse) == []
    assert warehouse.read("raw.market_caps")["market_cap_usd"].item() == 1.0
    for _ in range(2):
        warehouse.merge("raw.market_caps", caps(("a", ts, 2.0)), provenance=answer())
    assert len(recorded(warehouse)) == 1, "the same answer once more changes nothing"


def test_an_answer_that_may_not_revise_or_cannot_be_stored_records_nothing(warehouse: Warehouse) -> None:
    ts = NOW - DAY
    warehouse.merge("raw.market_caps", caps(("a", ts, 1.0)))

    kept = warehouse.merge("raw.market_caps", caps(("a", ts, 2.0)), revise=False, provenance=answer())
    with pytest.raises(WarehouseError):
        warehouse.merge("raw.market_caps", caps(("a", ts, float("nan"))), provenance=answer())

    assert kept == MergeResult(0, 0, 1)
    assert recorded(warehouse) == []


def test_revisions_are_kept_for_400_days(warehouse: Warehouse) -> None:
    def one(key: str, seen_at: datetime) -> dict[str, object]:
        return {"table_name": "raw.market_caps", "key": key, "seen_at": seen_at}

    rows = (one("old", NOW - KEPT_FOR - HOUR), one("young", NOW - KEPT_FOR + HOUR))
    warehouse.append("meta.revisions", frame("meta.revisions", *rows))

    forget_old_revisions(warehouse, NOW)

    assert warehouse.read("meta.revisions")["key"].to_list() == ["young"]


def levels(*rows: tuple[int, float | None, float]) -> pl.DataFrame:
    """Corrections of one index, by how many days ago: as stored, as it would be."""
    return pl.DataFrame(
        [("Narratives", "a,b", "us-dollar", NOW - DAY * days, "price_index", old, new) for days, old, new in rows],
        schema={"category": pl.String, "series": pl.String, "base_asset": pl.String,
                "ts": pl.Datetime("us", "UTC"), "column_name": pl.String, "old": pl.Float64, "new": pl.Float64},
        orient="row",
    )  # fmt: skip


def correct(warehouse: Warehouse, changes: pl.DataFrame, seen_at: datetime = NOW) -> int:
    return record_corrections(warehouse, "core.index_closes", changes, cause="index_correction", seen_at=seen_at)


def test_a_correction_is_on_record_once_and_only_where_it_is_more_than_noise(warehouse: Warehouse) -> None:
    changes = levels((1, 1050.0, 1025.0), (2, 1000.0, 1000.0005), (3, None, 7.0))

    assert correct(warehouse, changes) == 1
    assert correct(warehouse, changes, NOW + HOUR) == 0, "the same once more is no news"
    assert correct(warehouse, levels((1, 1050.0, 1030.0)), NOW + HOUR) == 1, "another figure is"

    assert [row[:-1] for row in recorded(warehouse)] == [
        ("core.index_closes", 'Narratives,"a,b",us-dollar,2026-11-19T18:00:00Z', "price_index", 1050.0, new,
         "index_correction")
        for new in (1025.0, 1030.0)
    ]  # fmt: skip


def test_more_than_a_hundred_corrections_of_one_index_are_one_row(warehouse: Warehouse) -> None:
    assert correct(warehouse, levels(*((day, 100.0, 101.0 + day) for day in range(1, 103)))) == 1

    ((_, key, _, old, new, _, n_changes),) = recorded(warehouse)
    assert (key, old, new, n_changes) == ('Narratives,"a,b",us-dollar', 100.0, 203.0, 102)
