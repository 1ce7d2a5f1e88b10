"""Reserves as small multiples."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.exchanges.reserves_multiples import reserves_multiples
from marketflows_pipeline.charts.exchanges.spec import AllReservesSpec
from marketflows_pipeline.charts.style.look import Look, drawn_as
from marketflows_pipeline_tests.charts.exchanges.frames import marks, netflow_frame, page_size, rows_of, texts

SPEC = AllReservesSpec(source="Data provided by DefiLlama")
TWO = pl.concat(
    [
        netflow_frame([(2, 100e9, None), (1, 110e9, 1e9), (0, 120e9, 2e9)]),
        netflow_frame([(2, 200e9, None), (0, 150e9, -3e9)], "okx", "OKX"),
    ]
)


def drawn(frame: pl.DataFrame = TWO, spec: AllReservesSpec = SPEC) -> dict[str, Any]:
    return reserves_multiples(frame, spec).to_dict(validate=True)


def test_the_largest_comes_first_with_amount_flow_and_change() -> None:
    written = texts(drawn())

    assert written.index("OKX") < written.index("Binance")
    assert "$150.0B" in written
    assert "\u221225.0%" in written
    assert "+20.0%" in written
    assert "30-day net flow +$3.0B" in written


def test_the_title_says_from_where_to_where_and_follows_the_data() -> None:
    assert (
        drawn()["title"]["text"] == "Reserves of exchanges changed by \u221225.0% (OKX) to +20.0% (Binance) in 2 days"
    )
    one = netflow_frame([(1, 100e9, None), (0, 101e9, 1e9)])
    assert drawn(one)["title"]["text"] == "Reserves of Binance: +1.0% in 1 day"


def test_all_panels_share_a_scale_and_a_missing_day_breaks_the_line() -> None:
    spec = drawn()
    (line,) = marks(spec, "line")
    rows = rows_of(spec, line)

    assert {row["run"] for row in rows} == {"0 0", "0 1", "1 0"}
    heights = {row["run"]: [each["y"] for each in rows if each["run"] == row["run"]] for row in rows}
    starts = heights["0 0"][0], heights["1 0"][0]
    fall, rise = heights["0 1"][0] - starts[0], starts[1] - heights["1 0"][-1]
    assert fall / rise == pytest.approx(25 / 20, abs=0.01)


def test_more_exchanges_than_panels_are_counted() -> None:
    many = pl.concat([netflow_frame([(1, 9e9 - n, None), (0, 9e9, 0.0)], f"e{n}", f"E{n}") for n in range(15)])

    assert "the 12 largest of 15 exchanges" in texts(drawn(many))


@pytest.mark.parametrize(("size", "pixels"), [("deck", (960, 720)), ("wide", (1280, 720)), ("square", (960, 960))])
def test_every_size_is_exact(size: Any, pixels: tuple[int, int]) -> None:
    with drawn_as(Look(size=size)):
        assert page_size(drawn()) == pixels


def test_unknown_reserves_are_no_zero() -> None:
    assert SPEC.reason_to_skip(netflow_frame([(1, None, None), (0, 5e9, None)])) is not None
    with_unknown = pl.concat([TWO, netflow_frame([(1, None, None), (0, 5e9, None)], "x", "Newcomer")])
    assert "Newcomer" not in texts(drawn(with_unknown))
