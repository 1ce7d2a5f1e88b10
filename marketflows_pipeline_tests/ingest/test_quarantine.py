"""The question that the warehouse is asked finds every row that the rules would."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import inf, nan

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketflows_pipeline.ingest.quarantine import suspects
from marketflows_pipeline.schema import DType, table
from marketflows_pipeline.transforms.plausibility import BOUNDS, implausible
from marketflows_pipeline.warehouse.catalog import insert
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.examples import at_most, one_quick
from marketflows_pipeline_tests.warehouse.conftest import empty_file, private, tmp_path, warehouse
from marketflows_pipeline_tests.warehouse.frames import NOW, frame

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]

EDGES = {
    DType.FLOAT: st.sampled_from([None, nan, inf, -inf, -1e30, -1.0, 0.0, 1e-9, 1.0, 1e4, 1.1e4, 1e15, 1.1e15, 1e30]),
    DType.TIME: st.sampled_from(
        [
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(2009, 1, 1, tzinfo=UTC),
            *(NOW + timedelta(**by) for by in ({}, {"minutes": 5}, {"minutes": 6}, {"days": 3}, {"days": -9})),
        ]
    ),
    DType.DATE: st.sampled_from(
        [date(1899, 1, 1), date(1950, 1, 1), date(1990, 1, 1), *(NOW.date() + timedelta(days=n) for n in (0, 1, 2))]
    ),
}


@pytest.mark.parametrize("name", one_quick(BOUNDS))
@settings(at_most(5), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_row_at_fault_is_missed(warehouse: Warehouse, name: str, data: st.DataObject) -> None:
    """Eight rows an example: storing and asking for them costs as much as for one."""
    entry = table(name)
    plain = {
        column.name: 1.0 if column.dtype is DType.FLOAT else NOW for column in entry.columns if not column.nullable
    }
    edges = st.fixed_dictionaries(
        {column.name: EDGES[column.dtype] for column in entry.columns if column.dtype in EDGES}
    )
    drawn = data.draw(st.lists(edges, min_size=8, max_size=8))
    rows = frame(
        name,
        *(
            {key: plain[key] if value is None and key in plain else value for key, value in values.items()}
            for values in drawn
        ),
    )
    with warehouse.transaction() as cursor:
        cursor.execute(f"delete from {name}")
        # Past the door, which lets nothing in that is not finite: what an older version let in is stored.
        insert(cursor, entry, rows)
    suspected = suspects(warehouse, name, NOW)
    assert implausible(name, suspected, NOW).equals(implausible(name, rows, NOW))
