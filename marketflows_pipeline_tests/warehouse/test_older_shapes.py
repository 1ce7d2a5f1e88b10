"""Tables that an earlier version of the registry stored: what is taken over, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import TABLES, Column, DType
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.frames import NOW, caps, fill, frame

pytestmark = pytest.mark.slow


def test_a_newly_registered_column_that_may_be_null_is_added_to_stored_history(
    private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Warehouse(private) as warehouse:
        warehouse.merge("raw.market_caps", caps(("a", NOW, 1.0)))
    entry = TABLES["raw.market_caps"]
    wider = replace(entry, columns=(*entry.columns, Column("supply", DType.FLOAT, "Coins", nullable=True)))
    monkeypatch.setitem(TABLES, "raw.market_caps", wider)

    with Warehouse(private) as warehouse:
        warehouse.merge("raw.market_caps", caps(("b", NOW, 1.0), supply=21.0))
        assert warehouse.read("raw.market_caps").sort("coin_id")["supply"].to_list() == [None, 21.0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (Column("supply", DType.FLOAT, "Coins"), "supply is registered and not stored"),
        (Column("source", DType.INT, "Number"), "source is stored as VARCHAR and registered as INTEGER"),
        (None, "source is stored and no longer registered"),
    ],
)
def test_any_other_change_of_stored_history_is_refused_and_says_what_to_do(
    private: Path, monkeypatch: pytest.MonkeyPatch, changed: Column | None, message: str
) -> None:
    Warehouse(private).close()
    entry = TABLES["raw.market_caps"]
    dropped = changed is None or changed.name == "source"
    columns = tuple(column for column in entry.columns if not (dropped and column.name == "source"))
    monkeypatch.setitem(TABLES, "raw.market_caps", replace(entry, columns=(*columns, *((changed,) if changed else ()))))

    with pytest.raises(WarehouseError, match=f"{message}.*run the version that wrote it"):
        Warehouse(private)


def test_a_derived_table_of_an_older_shape_is_an_error_to_read_and_mended_by_the_next_write(
    private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Warehouse(private) as warehouse:
        fill(warehouse, "market_caps", 1.0)
    entry = TABLES["mart.ema"]
    monkeypatch.setitem(TABLES, "mart.ema", replace(entry, columns=(*entry.columns, Column("n", DType.INT, "Count"))))

    with Warehouse(private) as warehouse:
        with pytest.raises(WarehouseError, match="n is registered and not stored; run `marketflows` anew"):
            warehouse.read("mart.ema")
        warehouse.replace("mart.ema", frame("mart.ema", {"n": 3}))
        assert warehouse.read("mart.ema")["n"].to_list() == [3]
