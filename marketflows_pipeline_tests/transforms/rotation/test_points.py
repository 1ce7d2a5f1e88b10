"""Points, stays and placebo as frames: dates, keys, returns while inside, and what is kept from the run before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.rotation import points as points_module
from marketflows_pipeline.transforms.rotation.narratives import narrative_placebo, narrative_points, narrative_stays
from marketflows_pipeline.transforms.rotation.placebo import placebo
from marketflows_pipeline.transforms.rotation.plane import DAILY, Array, Plane
from marketflows_pipeline.transforms.rotation.points import LEVELS, Chart
from marketflows_pipeline_tests.transforms.rotation.worlds import random_walks

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
SHORT = Chart("narratives", "bitcoin", replace(DAILY, span=2, window=3))
EXAMPLE = (1.00, 1.10, 1.05, 1.20, 1.30, 1.25, 1.20)


def day(number: int) -> datetime:
    return FIRST + timedelta(days=number)


def levels(series: Mapping[str, Sequence[float | None]], backfilled: int = 0) -> pl.DataFrame:
    rows = [
        (name, day(number), level, number < backfilled)
        for name, path in series.items()
        for number, level in enumerate(path)
    ]
    return pl.DataFrame(rows, schema=LEVELS, orient="row")


def index_of(n_days: int, n_series: int = 3, **columns: Any) -> pl.DataFrame:
    """Rows of the narrative index in bitcoin."""
    paths = 1000 * random_walks(np.random.default_rng(8), n_days, n_series)
    frame = levels({f"n{place}": paths[:, place].tolist() for place in range(n_series)})
    plain = {"category": "Narratives", "base_asset": "bitcoin", "is_provisional": False} | columns
    return frame.rename({"level": "price_index"}).with_columns(**{name: pl.lit(value) for name, value in plain.items()})


def test_the_worked_example_as_rows() -> None:
    """Example 8 of the index methodology; what comes before the first ratio has no row."""
    found = SHORT.points(levels({"ai": EXAMPLE}, backfilled=4))

    assert found["ts"].to_list() == [day(number) for number in range(2, 7)]
    assert found["quadrant"].to_list() == [None, None, None, "weakening", "lagging"]
    assert found["ratio"].to_list() == pytest.approx([100.414781, 101.148262, 101.004193, 100.573731, 98.845364])
    last = found.row(-1, named=True)
    assert last["momentum"] == pytest.approx(98.888529)
    right, up = 98.845364 - 100.573731, 98.888529 - 99.074809
    assert last["speed"] == pytest.approx(np.hypot(right, up), abs=1e-6)
    assert last["heading_deg"] == pytest.approx(180 + np.degrees(np.arctan2(-right, -up)), abs=1e-4)
    assert found["is_backfilled"].to_list() == [True, True, False, False, False]
    assert found.select("universe", "benchmark").unique().row(0) == ("narratives", "bitcoin")


def test_a_series_that_begins_later_begins_at_its_own_base() -> None:
    late = SHORT.points(levels({"ai": [None, None, *EXAMPLE], "old": [*EXAMPLE, 1.0, 1.1]})).filter(series="ai")
    alone = SHORT.points(levels({"ai": EXAMPLE}))

    assert late["ratio"].to_list() == alone["ratio"].to_list()
    assert late["ts"].to_list() == [day(number) for number in range(4, 9)]


def points_in(*quadrants: str | None) -> pl.DataFrame:
    rows = [("narratives", "ai", "bitcoin", day(number), quadrant) for number, quadrant in enumerate(quadrants)]
    schema = {"universe": pl.String(), "series": pl.String(), "benchmark": pl.String(), "ts": LEVELS["ts"]}
    return pl.DataFrame(rows, schema=schema | {"quadrant": pl.String()}, orient="row").with_columns(is_backfilled=False)


def test_a_stay_is_from_its_first_close_to_the_first_one_outside() -> None:
    values = levels({"ai": [8.0, 10.0, 11.0, 9.0, 12.0]}).rename({"level": "value"})

    found = SHORT.stays(points_in(None, "leading", "leading", "weakening", "weakening"), values)

    kept = found.select("quadrant", "entered_at", "left_at", "days", "return_pct", "is_seen_to_begin").rows()
    assert kept[0] == ("leading", day(1), day(3), 2, pytest.approx(-10), False)
    assert kept[1] == ("weakening", day(3), None, 1, pytest.approx(100 / 3), True)


def test_an_unknown_point_ends_a_stay() -> None:
    values = levels({"ai": [1.0, 2.0, 3.0]}).rename({"level": "value"})

    found = SHORT.stays(points_in("leading", None, "leading"), values)

    assert found.select("entered_at", "left_at", "is_seen_to_begin").rows() == [
        (day(0), day(1), False),
        (day(2), None, False),
    ]


def test_every_point_lies_in_one_stay() -> None:
    index = index_of(120)
    points = narrative_points(index, ["bitcoin"])
    stays = narrative_stays(points, index)

    assert points.schema == table("mart.rotation").polars_schema
    assert stays.schema == table("mart.rotation_log").polars_schema
    inside = (
        points.drop_nulls("quadrant")
        .join(stays, on=["series", "quadrant"])
        .filter(pl.col("ts") >= pl.col("entered_at"), pl.col("ts") < pl.col("left_at").fill_null(day(1000)))
    )
    assert inside.height == points["quadrant"].count() == 3 * (120 - 41)
    following = stays.filter(pl.col("left_at").shift(1).over("series") != pl.col("entered_at"))
    assert following.is_empty()


def test_only_completed_days_of_narratives_count() -> None:
    """A point of the present hour turned the newest day's quadrant to and fro."""
    index = index_of(60)
    others = [index_of(61, is_provisional=True).filter(ts=day(60)), index_of(60, category="Portfolios")]

    assert narrative_points(pl.concat([index, *others]), ["bitcoin"]).equals(narrative_points(index, ["bitcoin"]))


def test_each_base_is_a_chart_of_its_own() -> None:
    index = pl.concat([index_of(60), index_of(60, base_asset="ethereum"), index_of(60, base_asset="us-dollar")])

    found = narrative_points(index, ["bitcoin", "ethereum"])

    assert found["benchmark"].unique().sort().to_list() == ["bitcoin", "ethereum"]
    assert narrative_stays(found, index)["benchmark"].unique().sort().to_list() == ["bitcoin", "ethereum"]


def test_without_an_index_all_tables_are_empty() -> None:
    index = index_of(60).clear()
    points = narrative_points(index, ["bitcoin"])

    assert points.is_empty()
    assert narrative_stays(points, index).is_empty()
    assert narrative_placebo(index, ["bitcoin"], table("mart.rotation_placebo").empty()).is_empty()


def test_appended_closes_change_no_point_and_no_finished_stay() -> None:
    index = index_of(150)
    known = index.filter(pl.col("ts") < day(100))
    points, before = narrative_points(index, ["bitcoin"]), narrative_points(known, ["bitcoin"])

    assert points.filter(pl.col("ts") < day(100)).equals(before)
    finished = narrative_stays(before, known).drop_nulls("left_at")
    assert (
        narrative_stays(points, index).join(finished, on=finished.columns, nulls_equal=True).height == finished.height
    )


def test_bands_are_made_anew_only_when_a_day_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hourly run must not shuffle: the bands follow from closes alone."""
    calls: list[int] = []

    def counted(matrix: Array, plane: Plane) -> pl.DataFrame:
        calls.append(len(matrix))
        return placebo(matrix, plane, shuffles=5)

    monkeypatch.setattr(points_module, "placebo", counted)
    index = pl.concat([index_of(370), index_of(370, base_asset="ethereum")])
    bases = ["bitcoin", "ethereum"]

    first = narrative_placebo(index.filter(pl.col("ts") < day(369)), bases, table("mart.rotation_placebo").empty())
    same = narrative_placebo(index.filter(pl.col("ts") < day(369)), bases, first)
    later = narrative_placebo(index, bases, same)

    assert calls == [369, 369, 370, 370]
    assert same.equals(first)
    assert first.schema == table("mart.rotation_placebo").polars_schema
    assert later["as_of"].unique().to_list() == [day(369)]


@pytest.mark.slow
def test_series_with_too_little_history_and_ended_ones_are_left_out_of_the_bands() -> None:
    """A narrative that was added yesterday would leave two common closes."""
    paths = random_walks(np.random.default_rng(9), 400, 4)
    series: dict[str, list[float | None]] = {f"n{place}": paths[:, place].tolist() for place in range(4)}
    series["n2"][:395] = [None] * 395
    series["n3"][390:] = [None] * 10
    chart = Chart("narratives", "bitcoin", DAILY)

    found = chart.placebo(levels(series, backfilled=30), pl.DataFrame())

    facts = found.select("n_series", "n_steps", "n_backfilled", "as_of").unique().rows()
    assert facts == [(2, 400, 30, day(399))]
    young = chart.placebo(levels({"a": [1.0] * 5, "b": [None, 1.0, 2.0, 3.0, 4.0]}), pl.DataFrame())
    assert young["reason"].unique().to_list() == ["too short to tell: 5 of 365 closes"]
