from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.sums import order_independent_sum

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
