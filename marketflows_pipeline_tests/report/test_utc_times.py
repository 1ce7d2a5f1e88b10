"""Times of charts are UTC, whatever clock the browser has."""

from __future__ import annotations

from typing import Any

from marketflows_pipeline.report.specs import in_utc


def channel(name: str, **definition: Any) -> Any:
    return in_utc({"layer": [{"encoding": {name: definition}}]})["layer"][0]["encoding"][name]


def test_an_axis_gets_a_scale_in_utc() -> None:
    assert channel("x", field="ts", type="temporal")["scale"] == {"type": "utc"}
    assert channel("y", field="ts", type="temporal", scale={"nice": False})["scale"] == {"type": "utc", "nice": False}


def test_what_has_no_scale_is_cut_to_the_minute_in_utc() -> None:
    found = channel("tooltip", field="ts", type="temporal", format="%d %b")
    assert found == {"field": "ts", "type": "temporal", "format": "%d %b", "timeUnit": "utcyearmonthdatehoursminutes"}
    assert in_utc({"encoding": {"tooltip": [{"field": "ts", "type": "temporal"}]}})["encoding"]["tooltip"][0][
        "timeUnit"
    ]


def test_units_of_time_become_utc_once() -> None:
    assert channel("x", field="ts", type="temporal", timeUnit="yearmonth")["timeUnit"] == "utcyearmonth"
    assert in_utc({"transform": [{"timeUnit": "utcyear", "field": "ts"}]})["transform"][0]["timeUnit"] == "utcyear"


def test_all_else_stays_as_it_is() -> None:
    spec = {
        "mark": "line",
        "encoding": {
            "x": {"field": "ts", "type": "temporal", "scale": None},
            "y": {"field": "v", "type": "quantitative"},
            "detail": {"aggregate": "max", "field": "ts", "type": "temporal"},
        },
    }
    assert in_utc(spec) == spec
    assert in_utc(in_utc(channel("x", field="ts", type="temporal"))) == channel("x", field="ts", type="temporal")
