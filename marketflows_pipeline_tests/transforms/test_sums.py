from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.sums import (
    known_sum,
    order_independent_sum,
    partial_sums,
    sum_of_known,
    sum_of_parts,
)

CAPS = st.lists(st.floats(1e-3, 5e12), min_size=1, max_size=30)


@given(caps=CAPS, order=st.randoms(use_true_random=False))
def test_the_order_of_the_terms_changes_no_bit(caps: list[float], order: object) -> None:
    shuffled = [*caps]
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    sums = [pl.DataFrame({"cap": each}).select(order_independent_sum("cap")).item() for each in (caps, shuffled)]
    assert sums[0] == sums[1]


@given(caps=CAPS)
def test_it_is_the_sum(caps: list[float]) -> None:
    found = pl.DataFrame({"cap": caps}).select(order_independent_sum("cap")).item()
    assert abs(found - sum(caps)) <= 1e-12 * sum(caps) + 1e-8


@pytest.mark.parametrize("term", [1e30, -1e30, float("inf")])
def test_a_term_beyond_the_grain_is_added_up_all_the_same(term: float) -> None:
    """A stored cap of 1e30 once ended every run with "conversion from f64 to i128 failed"."""
    frame = pl.DataFrame({"group": ["a", "a", "b", "b"], "cap": [term, 1.0, 1.5, 2.0]})
    sums = frame.group_by("group").agg(cap=order_independent_sum("cap")).sort("group")
    assert sums.rows() == [("a", term), ("b", 3.5)]


def test_missing_caps_add_nothing() -> None:
    frame = pl.DataFrame({"group": ["a", "a", "b"], "cap": [1.5, None, None]})
    sums = frame.group_by("group").agg(cap=order_independent_sum("cap")).sort("group")
    assert sums.rows() == [("a", 1.5), ("b", 0.0)]


@given(caps=CAPS, n_rows=st.integers(1, 10))
def test_sums_over_blocks_are_the_sum_to_the_last_bit(caps: list[float], n_rows: int) -> None:
    frame = pl.DataFrame({"group": [place % 3 for place in range(len(caps))], "cap": caps})
    blocks = (frame.slice(first, n_rows) for first in range(0, frame.height, n_rows))
    found = sum_of_parts([partial_sums(each.lazy(), ["group"], "cap") for each in blocks], ["group"], "total")
    whole = frame.group_by("group").agg(total=order_independent_sum("cap"), n_rows=pl.len())
    assert sorted(found.rows()) == sorted(whole.rows())


def test_a_term_beyond_the_grain_is_added_up_in_blocks_too() -> None:
    blocks = (pl.LazyFrame({"group": ["a", "b"], "cap": caps}) for caps in ([1e30, 1.5], [1.0, 2.0]))
    found = sum_of_parts([partial_sums(each, ["group"], "cap") for each in blocks], ["group"], "cap")
    assert sorted(found.rows()) == [("a", 1e30, 2), ("b", 3.5, 2)]


def test_a_sum_of_nothing_known_is_not_known() -> None:
    frame = pl.DataFrame({"group": ["a", "a", "b"], "cap": [1.5, None, None]})
    sums = frame.group_by("group").agg(known_sum("cap"), plain=sum_of_known(pl.col("cap"))).sort("group")
    assert sums.rows() == [("a", 1.5, 1.5), ("b", None, None)]
