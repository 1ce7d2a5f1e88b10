"""What holds for every card about coins."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import vl_convert

from marketflows_pipeline.report.model import MOST_POINTS, Card, Section
from marketflows_pipeline.report.published import PublishedFile, open_published_file
from marketflows_pipeline.report.sections.breadth import breadth_section
from marketflows_pipeline.report.sections.followed import narratives_section, portfolios_section
from marketflows_pipeline.report.sections.ranges import ranges_section
from marketflows_pipeline.system.printable import presentable
from marketflows_pipeline_tests.report.sections.cards import unbroken_lines

BUILDERS: tuple[Callable[[PublishedFile], Section], ...] = (
    narratives_section,
    breadth_section,
    ranges_section,
    portfolios_section,
)
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|rgba?\(")


def sections_of(path: Path, *, now: datetime, is_tutorial: bool = False, compiles: bool = False) -> dict[str, Section]:
    """The sections about coins by their key, each card of which has been looked at; charts are compiled if asked."""
    with open_published_file(path, is_tutorial=is_tutorial, now=now) as file:
        sections = {section.key: section for section in (build(file) for build in BUILDERS)}
        for card in all_cards(sections):
            check(card, file, compiles=compiles)
    return sections


def all_cards(sections: dict[str, Section]) -> list[Card]:
    return [card for section in sections.values() for card in section.cards]


def card_of(sections: dict[str, Section], key: str) -> Card:
    return next(card for card in all_cards(sections) if card.key == key)


def check(card: Card, file: PublishedFile, *, compiles: bool) -> None:
    """Texts are there, columns exist, the query gives the figures, the chart is Vega-Lite."""
    for text in (card.title, card.subtitle, card.caption):
        assert text
        assert text == " ".join(text.split())
    assert "As of" in card.caption
    rows = card.dataset.rows
    assert rows.height > 0
    assert {column.key for column in card.columns} <= set(rows.columns)
    assert all(rows.schema[column.key].is_numeric() for column in card.columns if column.digits is not None)
    check_sql(card, file)
    if card.spec is not None:
        assert card.title in card.description
        check_spec(card)
        if compiles:
            alt.Chart.from_dict(dict(card.spec))
            assert vl_convert.vegalite_to_vega(with_figures(card))["data"]


def check_sql(card: Card, file: PublishedFile) -> None:
    """What the query gives is what the card shows; of thinned rows it gives more."""
    found = file.frame(card.sql)
    found = found.with_columns(pl.col(pl.String).map_elements(presentable, return_dtype=pl.String))
    rows = card.dataset.rows
    same = [name for name in rows.columns if name in found.columns]
    assert len(same) >= 2, "the query gives the figures"
    assert rows.select(same).join(found.select(same), on=same, how="anti", nulls_equal=True).is_empty()
    if card.dataset.thinned_from is None:
        assert found.height == rows.height
    else:
        assert found.height > rows.height
        assert rows.group_by(card.series_key or same[0]).len()["len"].max() <= MOST_POINTS  # type: ignore[operator]


def check_spec(card: Card) -> None:
    """It is valid, takes its figures from the card's data, and names no colour."""
    assert card.spec is not None
    text = json.dumps(card.spec)
    assert card.spec["data"] == {"name": card.dataset.name}
    assert '"datasets"' not in text
    assert not _COLOUR.findall(text)
    assert not unbroken_lines(card.spec)
    assert isinstance(card.spec["height"], int)
    names = [param["name"] for param in card.spec["params"]]
    assert set(card.controls) <= set(names)
    assert "unit" not in names
    assert len(names) == len(set(names))


def with_figures(card: Card, **signals: Any) -> dict[str, Any]:
    """The specification with its figures, as the page hands them over, and with values of signals."""
    assert card.spec is not None
    times = {name: pl.col(name).dt.timestamp("ms") for name in card.dataset.rows.columns if name == "ts"}
    rows = card.dataset.rows.with_columns(**times).to_dicts()
    params = [
        {**each, **({"value": signals[each["name"]]} if each["name"] in signals else {})}
        for each in card.spec["params"]
    ]
    return {**card.spec, "params": params, "width": 400, "datasets": {card.dataset.name: rows}}


def drawn(card: Card, **signals: Any) -> str:
    """The chart as SVG, with values of signals."""
    svg: str = vl_convert.vegalite_to_svg(with_figures(card, **signals))
    return svg
