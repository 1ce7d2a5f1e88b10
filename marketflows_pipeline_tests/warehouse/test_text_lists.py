"""Lists of ids that a query gets as one text."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.warehouse.rows import frame_of
from marketflows_pipeline.warehouse.text_lists import IS_ONE_OF, as_parameter

_IDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@pytest.mark.slow
@given(wanted=st.lists(_IDS, max_size=5), other=_IDS)
def test_a_text_is_found_where_it_is_in_the_list_whatever_its_characters(wanted: list[str], other: str) -> None:
    """An id from outside may hold quotes, commas and brackets."""
    with duckdb.connect() as connection:
        for text in (*wanted, other):
            found = frame_of(connection, f"select ? {IS_ONE_OF} as found", [text, as_parameter(wanted)]).item()
            assert found is (text in wanted)


def test_rows_keep_their_order_where_a_query_has_parameters() -> None:
    """Readers of stored tables rely on the order in which rows were stored."""
    with duckdb.connect() as connection:
        connection.execute("create table stored as select (i * 7919) % 100_003 as n from range(100_000) t(i)")
        found = frame_of(connection, "select n from stored where n >= ?", [0])
        assert found["n"].to_list() == [i * 7919 % 100_003 for i in range(100_000)]
