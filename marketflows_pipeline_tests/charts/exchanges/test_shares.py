from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.charts.exchanges.shares import OTHER_FILL, shares_chart, stacked_shares
from marketflows_pipeline.charts.exchanges.spec import OTHER, SharesSpec
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.end_labels import LABEL_HEIGHT
from marketflows_pipeline.charts.style.theme import PALETTE
from marketflows_pipeline.charts.style.time_axis import epoch_ms
from marketflows_pipeline_tests.charts.exchanges.frames import (
    TODAY,
    back,
    marks,
    page_size,
    rows_of,
    shares_frame,
    texts,
)

SPEC = SharesSpec(
    "centralised",
    (SeriesStyle("big", "Big", PALETTE[0]), SeriesStyle("mid", "Mid", PALETTE[1])),
    30,
    source="Data provided by CoinGecko",
)
VOLUMES = {"big": 50.0, "mid": 30.0, "low": 15.0, "tiny": 5.0}
THREE_DAYS = shares_frame([(ago, VOLUMES) for ago in (2, 1, 0)])


def test_the_picture_is_valid_vega_lite_of_the_promised_size() -> None:
    assert page_size(drawn(THREE_DAYS)) == (960, 720)


def test_the_largest_stand_at_the_bottom_and_all_others_at_the_top() -> None:
    stacked = stacked_shares(THREE_DAYS, ["big", "mid"]).filter(pl.col("day") == TODAY)

    assert stacked.select("series", "low", "high").rows() == [
        ("big", 0.0, 50.0),
        ("mid", 50.0, 80.0),
        (OTHER, 80.0, 100.0),
    ]


@given(st.lists(st.dictionaries(st.sampled_from("abcdef"), st.floats(1, 1e6), min_size=1), min_size=1, max_size=5))
def test_every_measured_day_is_stacked_to_a_hundred_percent(volumes: list[dict[str, float]]) -> None:
    stacked = stacked_shares(shares_frame(list(enumerate(volumes))), ["a", "b"])

    for _, day in stacked.group_by("day"):
        highs, lows = day.get_column("high").to_list(), day.get_column("low").to_list()
        assert lows[0] == pytest.approx(0, abs=1e-9)
        assert highs[-1] == pytest.approx(100)
        assert lows[1:] == pytest.approx(highs[:-1])


def test_the_axis_is_the_whole_and_labels_have_the_last_shares() -> None:
    spec = drawn(THREE_DAYS)

    (area,) = marks(spec, "area")
    assert area["encoding"]["y"]["scale"]["domain"] == [0, 100]
    assert [label["text"] for label in labels(spec)] == ["Big 50.0%", "Mid 30.0%", "Other 20.0%"]
    assert spec["title"]["text"] == "Big has 50.0% of the spot volume of centralised exchanges"
    assert "the 2 largest by 30-day mean volume" in " ".join(spec["title"]["subtitle"])
    assert "4 exchanges measured a day" in texts(spec)


def test_colours_are_those_of_the_description_and_the_others_are_grey() -> None:
    (area,) = marks(drawn(THREE_DAYS), "area")

    assert area["encoding"]["fill"]["scale"] == {
        "domain": ["big", "mid", OTHER],
        "range": [PALETTE[0], PALETTE[1], OTHER_FILL],
    }


def test_where_all_are_named_there_are_no_others() -> None:
    spec = drawn(shares_frame([(ago, {"big": 3.0, "mid": 1.0}) for ago in range(3)]))

    assert [label["text"] for label in labels(spec)] == ["Big 75.0%", "Mid 25.0%"]
    assert "largest" not in " ".join(spec["title"]["subtitle"])


def test_nothing_is_drawn_between_the_days_around_a_gap() -> None:
    spec = drawn(shares_frame([(ago, VOLUMES) for ago in (6, 5, 1, 0)]))

    (area,) = marks(spec, "area")
    runs = {row["at"]: row["run"] for row in rows_of(spec, area)}
    assert list(runs.values()) == [0, 0, 1, 1]
    assert area["encoding"]["detail"]["field"] == "run"
    assert "white gaps: 3 days without an observation" in texts(spec)


def test_a_day_between_two_gaps_is_a_bar_that_stays_on_the_axis() -> None:
    spec = drawn(shares_frame([(ago, VOLUMES) for ago in (9, 6, 4, 3, 0)]))

    (bars,) = marks(spec, "rect")
    spans = {(row["at"], row["end"]) for row in rows_of(spec, bars)}
    half = 43_200_000
    assert spans == {
        (epoch_ms(back(9)), epoch_ms(back(9)) + half),
        (epoch_ms(back(6)) - half, epoch_ms(back(6)) + half),
        (epoch_ms(TODAY) - half, epoch_ms(TODAY)),
    }


def test_an_exchange_that_was_not_measured_on_the_last_day_is_named_and_has_no_label() -> None:
    spec = drawn(shares_frame([(2, VOLUMES), (1, VOLUMES), (0, {"big": 1.0, "low": 1.0})]))

    assert [label["text"] for label in labels(spec)] == ["Big 50.0%", "Other 50.0%"]
    assert "not measured on the last day: Mid" in texts(spec)
    assert "2 to 4 exchanges measured a day" in texts(spec)
    assert "an exchange takes no room on a day without its figure" in texts(spec)
    assert "takes no room" not in texts(drawn(THREE_DAYS))


def test_labels_of_thin_areas_do_not_overlap() -> None:
    styles = tuple(SeriesStyle(f"x{place}", f"X{place}", PALETTE[place]) for place in range(11))
    volumes = {"x0": 1e6, **{f"x{place}": 1.0 for place in range(1, 11)}, "rest": 1.0}
    spec = drawn(shares_frame([(ago, volumes) for ago in range(3)]), replace(SPEC, series=styles))

    pixels = sorted((100 - label["label_y"]) / 100 * spec["height"] for label in labels(spec))
    assert len(pixels) == 12
    assert all(below - above >= LABEL_HEIGHT - 1e-6 for above, below in itertools.pairwise(pixels))
    assert "X1 <0.1%" in texts(spec)


def test_too_few_days_are_refused() -> None:
    with pytest.raises(ValueError, match="needs 3"):
        shares_chart(THREE_DAYS.head(4), SPEC)


def drawn(frame: pl.DataFrame, spec: SharesSpec = SPEC) -> dict[str, Any]:
    return shares_chart(frame, spec).to_dict(validate=True)


def labels(spec: dict[str, Any]) -> list[dict[str, Any]]:
    layer = next(layer for layer in marks(spec, "text") if "text" in layer.get("encoding", {}))
    found: list[dict[str, Any]] = rows_of(spec, layer)
    return found
