from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.market_caps.gain_table import gain_table, sort_column
from marketflows_pipeline.charts.spec import GainTableSpec
from marketflows_pipeline.charts.style.diverging_colours import color_limits, fill_and_ink, symmetric_limit
from marketflows_pipeline.charts.style.wording import UNKNOWN
from marketflows_pipeline_tests.charts.frames import gain_frame, gain_spec

FULL = gain_frame(
    [
        ("ai", 24, 1.0, None),
        ("ai", 168, -5.0, None),
        ("layer-1", 24, -0.01, None),
        ("layer-1", 168, 7.0, None),
    ]
)


def test_rows_stand_in_the_order_of_the_weeks_gain_and_the_column_is_marked() -> None:
    spec = drawn(FULL, gain_spec())

    assert order(spec, "y") == ["layer-1", "ai"]
    assert order(spec, "x") == ["1d", "1w"]
    assert (
        spec["layer"][0]["encoding"]["x"]["axis"]["labelExpr"]
        == "datum.value === '1w' ? datum.value + ' ▼' : datum.value"
    )
    assert spec["title"]["text"] == "Narratives: Layer 1 led, +7.0% in US dollars in 1 week"
    assert "sorted by 1w" in spec["title"]["subtitle"][0]


def test_a_table_without_a_weeks_gain_is_sorted_by_the_longest_offset_that_has_gains() -> None:
    cells = pl.DataFrame({"hours_ago": [24.0, 48.0, 168.0, 336.0], "gain_pct": [1.0, 2.0, None, None]})

    assert sort_column(cells) == 48.0


def test_series_without_a_gain_come_last_and_ties_keep_the_sort_order() -> None:
    labels = {"a": "A", "b": "B", "c": "C"}
    frame = gain_frame([("c", 168, 2.0, None), ("b", 168, 2.0, None), ("a", 168, None, "gap"), ("a", 24, 1.0, None)])

    assert order(drawn(frame, gain_spec(labels)), "y") == ["b", "c", "a"]


def test_cells_show_signed_percents_and_never_a_negative_zero() -> None:
    assert {cell["text"] for cell in cells(drawn(FULL, gain_spec()))} == {"+1.0%", "\u22125.0%", "0.0%", "+7.0%"}


def test_null_cells_hold_a_dash_and_the_footer_says_why() -> None:
    reason = "the window starts later"
    rows = [("ai", 168, None, reason), ("layer-1", 24, 2.0, None), ("memes", 24, 2.0, None), ("memes", 168, 1.0, None)]
    labels = {"ai": "AI", "layer-1": "Layer 1", "memes": "Memes"}
    spec = drawn(gain_frame([("ai", 24, 1.0, None), *rows]), gain_spec(labels))

    empty = [(cell["row"], cell["column"]) for cell in cells(spec) if cell["text"] == UNKNOWN]
    assert empty == [("ai", "1w"), ("layer-1", "1w")]
    assert f"no figure for 1w: {reason} · no figure for 1w: not computed" in footer(spec)


def test_a_span_without_any_gain_has_no_column_and_the_footer_says_why() -> None:
    """A third of a daily table was hatched: no coin had an observation of four, eight or twelve hours ago."""
    gaps = gain_frame([("ai", 4, None, "no observation"), ("layer-1", 4, None, "no observation")])
    spec = drawn(pl.concat([gaps, FULL]), gain_spec(hours_ago=(4.0, 24.0, 168.0)))

    assert order(spec, "x") == ["1d", "1w"]
    assert footer(spec).endswith("no column for 4h: no observation")


def test_reasons_that_differ_in_their_counts_alone_are_one_note() -> None:
    gaps = [
        ("ai", 4, None, "3 of 5 coins have no observation"),
        ("layer-1", 4, None, "1 of 2 coins have no observation"),
    ]
    spec = drawn(pl.concat([gain_frame(gaps), FULL]), gain_spec(hours_ago=(4.0, 24.0, 168.0)))

    assert footer(spec).endswith("mostly price · no column for 4h: some coins have no observation")


def test_gains_from_observations_are_named_in_the_footer() -> None:
    frame = pl.concat([gain_frame([("ai", 4, 1.0, None)], basis="observations"), FULL])

    assert "4h: from the coins' own observations" in footer(drawn(frame, gain_spec(hours_ago=(4.0, 24.0, 168.0))))


def test_colour_is_symmetric_around_zero() -> None:
    assert fill_and_ink(0.0, 10)[0] == "#f6f7f9"
    assert fill_and_ink(10, 10)[0] == "#08559c"
    assert fill_and_ink(-10, 10)[0] == "#a84506"


def test_one_outlier_does_not_pale_the_rest_and_its_text_is_the_truth() -> None:
    gains = [1.0, -2.0, 3.0, -4.0, 5.0, -6.0, 7.0, -8.0, 9.0, 1234.0]

    assert symmetric_limit(pl.Series(gains)) == 9.0
    assert fill_and_ink(1234.0, 9.0) == fill_and_ink(9.0, 9.0)
    outlier = gain_frame([("ai", 24, 1234.0, None), ("layer-1", 24, 2.0, None)])
    assert "+1,234%" in {cell["text"] for cell in cells(drawn(outlier, gain_spec()))}


def test_a_table_of_zeros_has_a_colour_scale() -> None:
    assert symmetric_limit(pl.Series([0.0, None, 0.0])) == 1.0


def fills(spec: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(cell["row"], cell["column"]): cell["fill"] for cell in cells(spec)}


def test_over_one_offset_a_colour_means_the_same_in_all_tables_of_a_publish() -> None:
    """Full colour was ±1.6 % in one gain table and ±34 % in the next."""
    gains = {"calm": (0.4, 1.6), "wild": (12.0, 34.0)}
    frames = {
        name: gain_frame(
            [(*row, None) for row in (("ai", 24, a), ("layer-1", 24, -a), ("ai", 168, b), ("layer-1", 168, -b))]
        )
        for name, (a, b) in gains.items()
    }
    limits = color_limits(pl.concat(frames.values()), (168.0, 24.0))
    assert limits == (12.0, 34.0)
    drawings = {name: drawn(frame, gain_spec(limits=limits)) for name, frame in frames.items()}
    assert fills(drawings["calm"])["ai", "1w"] == fill_and_ink(1.6, 34.0)[0]
    assert fills(drawings["wild"])["ai", "1w"] == fill_and_ink(34.0, 34.0)[0]
    assert fills(drawings["wild"])["ai", "1d"] == fill_and_ink(12.0, 12.0)[0], "a span has a scale of its own"
    subtitle = " ".join(drawings["calm"]["title"]["subtitle"])
    assert "full colour at ±12% (1d) to ±34% (1w), the same in all tables" in subtitle


def test_a_span_without_a_gain_has_no_colour_to_tell_of() -> None:
    frame = pl.concat([FULL, gain_frame([("ai", 4, None, "gap"), ("layer-1", 4, None, "gap")])])
    subtitle = " ".join(
        drawn(frame, gain_spec(hours_ago=(4.0, 24.0, 168.0), limits=(1.0, 2.0, 3.0)))["title"]["subtitle"]
    )
    assert "full colour at ±2.0% (1d) to ±3.0% (1w)" in subtitle


def test_rows_with_a_size_stand_in_its_order() -> None:
    """Ranges were sorted by their gain, so that the largest stood anywhere."""
    frame = gain_frame([("small", 168, 9.0, None), ("large", 168, -1.0, None), ("middle", 168, 3.0, None)])
    labels = {"small": "$100M to $1B", "middle": "$1B to $10B", "large": "above $10B"}
    spec = drawn(frame, gain_spec(labels, hours_ago=(168.0,), category="Ranges"))
    assert order(spec, "y") == ["large", "middle", "small"]
    assert "the largest first" in spec["title"]["subtitle"][0]
    assert spec["layer"][0]["encoding"]["x"]["axis"]["labelExpr"].startswith("datum.value === ''"), (
        "no column is marked"
    )


def test_the_page_is_as_high_as_its_rows() -> None:
    labels = {f"s{place}": f"S{place}" for place in range(12)}
    twelve = drawn(gain_frame([(series, 168, 1.0, None) for series in labels]), gain_spec(labels))
    two = drawn(FULL, gain_spec())

    assert twelve["height"] == 6 * two["height"]


def test_a_table_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no gain could be computed"):
        gain_table(gain_frame([("ai", 24, None, "gap")]), gain_spec())


def drawn(frame: pl.DataFrame, spec: GainTableSpec) -> dict[str, Any]:
    return gain_table(frame, spec).to_dict(validate=True)


def cells(spec: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = spec["datasets"][spec["layer"][0]["data"]["name"]]
    return found


def order(spec: dict[str, Any], channel: str) -> list[str]:
    found: list[str] = spec["layer"][0]["encoding"][channel]["scale"]["domain"]
    return found


def footer(spec: dict[str, Any]) -> str:
    return " · ".join(next(layer["mark"]["text"] for layer in spec["layer"] if "text" in layer["mark"]))
