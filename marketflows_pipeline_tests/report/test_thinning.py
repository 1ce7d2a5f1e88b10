"""Thinned series: no longer than the limit, with their ends, in order, and made of their own rows."""

from __future__ import annotations

from itertools import pairwise

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.report.sections.series import thinned


def line(length: int, series: str = "a") -> pl.DataFrame:
    return pl.DataFrame({"s": [series] * length, "ts": range(length)}, schema={"s": pl.String, "ts": pl.Int64})


def test_a_short_series_stays_whole_and_in_order() -> None:
    rows = pl.concat([line(3, "b"), line(3, "a")]).sample(fraction=1, shuffle=True, seed=1)
    kept, before = thinned(rows, ["s"], most=3)
    assert before is None
    assert kept.equals(pl.concat([line(3, "a"), line(3, "b")]))


def test_a_long_series_is_spread_evenly() -> None:
    kept, before = thinned(line(9), ["s"], most=5)
    assert before == 9
    assert kept["ts"].to_list() == [0, 2, 4, 6, 8]


def test_each_series_is_thinned_by_itself() -> None:
    kept, before = thinned(pl.concat([line(1000, "long"), line(4, "short")]), ["s"], most=10)
    assert before == 1000
    assert dict(kept.group_by("s").len().iter_rows()) == {"long": 10, "short": 4}


@given(st.integers(1, 800), st.integers(2, 300))
def test_ends_stay_and_the_limit_holds(length: int, most: int) -> None:
    kept, before = thinned(line(length), [], most=most)
    times = kept["ts"].to_list()
    assert (times[0], times[-1]) == (0, length - 1)
    assert len(times) == min(length, most)
    assert times == sorted(set(times))
    assert before == (length if length > most else None)
    gaps = {after - first for first, after in pairwise(times)}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_no_rows_are_no_rows() -> None:
    kept, before = thinned(line(0), ["s"])
    assert (kept.height, before) == (0, None)
