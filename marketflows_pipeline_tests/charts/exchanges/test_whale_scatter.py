from __future__ import annotations

import itertools
import math
import random
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.exchanges.spec import WhaleSpec
from marketflows_pipeline.charts.exchanges.whale_scatter import LABEL_HEIGHT, LABEL_SIZE, whale_scatter
from marketflows_pipeline.charts.style.layout import Box, text_width
from marketflows_pipeline.charts.style.theme import FALL_INK, INTO, OUT_OF, REFERENCE, RISE_INK
from marketflows_pipeline_tests.charts.exchanges.frames import marks, page_size, rows_of, texts, whale_frame

SPEC = WhaleSpec(source="Data provided by CoinGecko")
COINS = whale_frame(
    [
        ("UP", 40.0, 12.0, 4e8, True),
        ("DOWN", 25.0, -8.0, 1e8, True),
        ("CALM", 2.0, 1.0, 1.6e9, False),
        ("FLAT", 1.0, 0.0, 1e8, False),
    ]
)


def test_the_picture_is_valid_vega_lite_of_the_promised_size() -> None:
    assert page_size(drawn(COINS)) == (960, 720)


def test_it_says_that_it_is_a_proxy_and_how_many_are_unusual() -> None:
    spec = drawn(COINS)

    assert spec["title"]["subtitle"][0].startswith("A proxy:")
    assert spec["title"]["text"] == "2 of 4 coins trade unusually much for their size"
    assert "as of 5 Mar 2026 14:05 UTC" in texts(spec)
    assert encoding(spec, "circle", "x")["axis"]["title"].startswith("24-hour volume as a share of market cap")


def test_coins_without_a_place_count_as_they_do_in_the_command() -> None:
    """The picture said 5 of 9 coins are unusual, and the command 6 of 10."""
    unplaced = whale_frame([("NEW", 50.0, None, 3e8, True)])
    spec = drawn(pl.concat([COINS, unplaced]))

    assert "3 of 5 coins" in spec["title"]["text"]
    assert "1 not drawn: no volume or no price change" in texts(spec)
    assert "without a label" not in texts(spec)


def test_unusual_coins_are_filled_and_the_others_hollow_in_the_colour_of_their_direction() -> None:
    spec = drawn(COINS)

    assert [row["fill"] for row in rows_of(spec, one(spec, "circle"))] == [INTO, OUT_OF]
    hollow = next(layer for layer in marks(spec, "point") if layer["mark"].get("filled") is False)
    assert [row["fill"] for row in rows_of(spec, hollow)] == [INTO, REFERENCE]


def test_the_ratio_axis_is_logarithmic_and_reaches_ten_percent() -> None:
    low_ratios = whale_frame([("A", 0.2, 1.0, 1e6, False), ("B", 0.4, -1.0, 1e6, False)])
    scale = encoding_of(marks(drawn(low_ratios), "point")[0], "x")["scale"]

    assert scale["type"] == "log"
    assert scale["domain"][0] < 0.2
    assert scale["domain"][1] > 10


@pytest.mark.parametrize(
    ("ratios", "ticks"), [((9.0, 40.0), [10, 20, 50]), ((0.05, 90.0), [0.1, 0.3, 1, 3, 10, 30, 100])]
)
def test_a_narrow_range_of_ratios_has_finer_ticks(ratios: tuple[float, float], ticks: list[float]) -> None:
    frame = whale_frame([(f"A{ratio}", ratio, 1.0, 1e6, True) for ratio in ratios])

    assert encoding(drawn(frame), "circle", "x")["axis"]["values"] == pytest.approx(ticks)


def test_there_are_lines_at_no_change_and_at_ten_percent() -> None:
    spec = drawn(COINS)

    drawn_at = [rows_of(spec, rule)[0] for rule in marks(spec, "rule")]
    assert drawn_at == [{"price_change_24h_pct": 0}, {"volume_to_mcap_pct": 10.0}]


def test_the_area_of_a_circle_grows_with_the_square_root_of_the_volume() -> None:
    areas = {row["volume_to_mcap_pct"]: row["area"] for row in circles(drawn(COINS))}

    # UP trades a quarter of what CALM does, DOWN a sixteenth.
    assert areas[40.0] == pytest.approx(areas[2.0] / 2)
    assert areas[25.0] == pytest.approx(areas[2.0] / 4)


@pytest.mark.slow
def test_large_changes_bend_the_axis_and_it_says_so() -> None:
    calm, wild = drawn(COINS), drawn(pl.concat([COINS, whale_frame([("MOON", 30.0, 870.0, 1e7, True)])]))

    assert "type" not in encoding(calm, "circle", "y")["scale"]
    assert "logarithmic beyond" not in texts(calm)
    assert encoding(wild, "circle", "y")["scale"]["type"] == "symlog"
    assert "Price change over 24 hours, logarithmic beyond ±10%" in texts(wild)
    assert encoding(wild, "circle", "y")["scale"]["domain"][1] > 870


def test_unusual_coins_have_labels_in_a_readable_ink() -> None:
    spec = drawn(COINS)

    assert {(row["text"], row["ink"]) for row in labels(spec)} == {("UP", RISE_INK), ("DOWN", FALL_INK)}


def test_labels_of_a_crowd_never_overlap_and_those_without_room_are_counted() -> None:
    dice = random.Random(3)
    crowd = [
        (f"COIN{place}", dice.uniform(11, 40), dice.gauss(0, 6), 10 ** dice.uniform(6, 9), True) for place in range(60)
    ]
    same = [(f"SAME{place}", 15.0, 2.0, 1e8, True) for place in range(30)]
    spec = drawn(whale_frame([*crowd, *same]))

    placed = labels(spec)
    boxes = [
        Box(
            row["x"],
            row["y"] - LABEL_HEIGHT / 2,
            row["x"] + text_width(row["text"], LABEL_SIZE, bold=True),
            row["y"] + LABEL_HEIGHT / 2,
        )
        for row in placed
    ]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert all(box.right <= spec["width"] + spec["padding"]["right"] for box in boxes)
    assert 20 < len(placed) < 90
    assert f"{90 - len(placed)} unusual without a label for lack of room" in texts(spec)


def test_a_label_stands_beside_its_own_circle() -> None:
    spec = drawn(COINS)

    low, high = encoding(spec, "circle", "x")["scale"]["domain"]
    up = next(row for row in labels(spec) if row["text"] == "UP")
    middle = math.log(40.0 / low) / math.log(high / low) * spec["width"]
    radius = math.sqrt(next(row["area"] for row in circles(spec) if row["volume_to_mcap_pct"] == 40.0) / math.pi)
    assert middle + radius <= up["x"] <= middle + radius + 4


def test_no_line_strikes_through_the_label_of_a_coin_beside_it() -> None:
    """A coin that did not move had its symbol on the line of zero."""
    spec = drawn(whale_frame([("FLAT", 25.0, 0.0, 1e7, True), ("UP", 40.0, 9.0, 1e7, True)]))

    low, high = encoding(spec, "circle", "y")["scale"]["domain"]
    zero = high / (high - low) * spec["height"]
    flat = next(row for row in labels(spec) if row["text"] == "FLAT")
    assert abs(flat["y"] - zero) > LABEL_HEIGHT / 2


def test_coins_without_a_place_are_counted_and_not_drawn_as_zero() -> None:
    spec = drawn(pl.concat([COINS, whale_frame([("NEW", 20.0, None, 1e7, True), ("IDLE", 0.0, 1.0, 0.0, False)])]))

    assert len(circles(spec)) == 4
    assert "2 not drawn: no volume or no price change" in texts(spec)


def test_one_coin_alone_can_be_drawn() -> None:
    assert len(circles(drawn(whale_frame([("A", 10.0, 0.0, 0.0, True)])))) == 1


def test_a_scatter_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no coin was observed"):
        whale_scatter(whale_frame([]), SPEC)


def drawn(frame: pl.DataFrame) -> dict[str, Any]:
    return whale_scatter(frame, SPEC).to_dict(validate=True)


def one(spec: dict[str, Any], kind: str) -> dict[str, Any]:
    (layer,) = marks(spec, kind)
    return layer


def encoding(spec: dict[str, Any], kind: str, channel: str) -> Any:
    return encoding_of(one(spec, kind), channel)


def encoding_of(layer: dict[str, Any], channel: str) -> Any:
    return layer["encoding"][channel]


def circles(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The coins of both layers, without the key's symbols."""
    found = [rows_of(spec, layer) for kind in ("circle", "point") for layer in marks(spec, kind)]
    return [row for rows in found for row in rows if "area" in row]


def labels(spec: dict[str, Any]) -> list[dict[str, Any]]:
    layer = next(layer for layer in marks(spec, "text") if "color" in layer.get("encoding", {}))
    found: list[dict[str, Any]] = rows_of(spec, layer)
    return found
