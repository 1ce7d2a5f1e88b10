"""What holds for every card, whatever section it is of."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import vl_convert
from polars.testing import assert_frame_equal

from marketflows_pipeline.report.gaps import UNBROKEN
from marketflows_pipeline.report.model import MOST_POINTS, Card, Section
from marketflows_pipeline.report.published import PublishedFile, open_published_file
from marketflows_pipeline.report.sections.cards import rows
from marketflows_pipeline_tests.hostile_names import dangerous

_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|rgba?\(")


def section_from(
    path: Path, build: Any, *, now: datetime, is_tutorial: bool = False, with_charts: bool = True
) -> Section:
    """A section of a published file, each of whose cards has been looked at; its charts only if they are asked for."""
    with open_published_file(path, is_tutorial=is_tutorial, now=now) as file:
        section: Section = build(file)
        for card in section.cards:
            check(card, file)
            if with_charts and card.spec is not None:
                _check_spec(card)
    keys = [card.key for card in section.cards]
    assert len(keys) == len(set(keys))
    return section


def card_of(section: Section, key: str) -> Card:
    return next(card for card in section.cards if card.key == key)


def check(card: Card, file: PublishedFile) -> None:
    """Texts are there and can be shown, columns exist, the query gives the figures."""
    for text in (card.title, card.subtitle, card.caption, *([card.description] if card.spec else [])):
        assert text
        assert text.strip() == text
        assert not dangerous(text, allowed="")
    assert card.spec is None or card.title in card.description
    assert "as of" in card.caption.lower() or "as-of" in card.caption.lower()
    shown = card.dataset.rows
    assert shown.height > 0
    assert {column.key for column in card.columns} <= set(shown.columns)
    assert all(shown.schema[column.key].is_numeric() for column in card.columns if column.digits is not None)
    assert card.series_key is None or card.series_key in shown.columns
    for name, dtype in shown.schema.items():
        if dtype == pl.String:
            assert not any(dangerous(text, allowed="") for text in shown[name].drop_nulls())
    _check_sql(card, file)


def _check_sql(card: Card, file: PublishedFile) -> None:
    """The query runs; what it gives is what the card shows, where the card shows rows as they are stored."""
    found = rows(file, card.sql)
    same = [name for name in card.dataset.rows.columns if name in found.columns]
    if found.height == card.dataset.rows.height:
        assert_frame_equal(
            card.dataset.rows.select(same), found.select(same), check_row_order=False, check_dtypes=False
        )
    elif card.dataset.thinned_from is not None:
        assert card.dataset.rows.height <= MOST_POINTS
        assert card.dataset.rows.select(same).join(found.select(same), on=same, how="anti", nulls_equal=True).is_empty()
    else:
        assert found.height > card.dataset.rows.height, f"{card.key}: the query gives less than the card shows"


def _check_spec(card: Card) -> None:
    assert card.spec is not None
    text = json.dumps(card.spec)
    assert card.spec["data"] == {"name": card.dataset.name}
    assert '"values"' not in text
    assert '"datasets"' not in text
    assert not _COLOUR.findall(text)
    assert isinstance(card.spec["height"], int)
    assert not unbroken_lines(card.spec)
    alt.Chart.from_dict(dict(card.spec))
    vega = vl_convert.vegalite_to_vega(complete(card))
    assert vega["data"]


def lines_of(spec: Any) -> list[Mapping[str, Any]]:
    """The layers of a specification that are lines."""
    is_line = isinstance(spec["mark"], Mapping) and spec["mark"]["type"] == "line" if "mark" in spec else False
    return [*([spec] if is_line else []), *(line for layer in spec.get("layer", ()) for line in lines_of(layer))]


def has_lines(spec: Mapping[str, Any]) -> bool:
    return bool(lines_of(spec))


def unbroken_lines(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Lines that would lead over a gap, since `broken_lines` has not made them."""
    return [line for line in lines_of(spec) if UNBROKEN not in json.dumps(line["encoding"].get("detail", ""))]


def complete(card: Card) -> dict[str, Any]:
    """The specification with its figures, as the page hands them over."""
    assert card.spec is not None
    datasets = {card.dataset.name: [_plain(row) for row in card.dataset.rows.to_dicts()]}
    return {**card.spec, "width": 400, "datasets": datasets}


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _milliseconds(value) if isinstance(value, date) else value for key, value in row.items()}


def _milliseconds(value: date) -> int:
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
    return round(moment.timestamp() * 1000)
