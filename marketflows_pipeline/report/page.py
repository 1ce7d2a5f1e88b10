"""The page: one HTML file with scripts, styles and figures in it, which asks no address for anything."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from markupsafe import Markup

from marketflows_pipeline.charts.style.colours import css_variables
from marketflows_pipeline.charts.style.look import Look
from marketflows_pipeline.charts.style.wording import day_text, moment
from marketflows_pipeline.report import filters
from marketflows_pipeline.report.brief.brief import Brief
from marketflows_pipeline.report.brief.statement import Statement
from marketflows_pipeline.report.bundle import NOTICES
from marketflows_pipeline.report.data import datasets_json, inline_json
from marketflows_pipeline.report.filters import sparkline
from marketflows_pipeline.report.freshness import PartState
from marketflows_pipeline.report.model import MOST_POINTS, Card, Gains, Section, Tile
from marketflows_pipeline.report.specs import VEGA_CONFIG, in_utc

if TYPE_CHECKING:
    from jinja2 import Template

FOLDER = Path(__file__).parent
# Series that a legend shows at once; the others follow on demand.
LEGEND_MOST = 14
_COLOUR = re.compile(r"var\(--[a-z0-9-]+\)|color-mix\(in srgb, var\(--[a-z0-9-]+\) [0-9.e-]+%, var\(--[a-z0-9-]+\)\)")
_CONTROLS = {"base": "Measured in", "ema": "Average", "order": "Show", "scale": "Scale"}


@dataclass(frozen=True)
class Links:
    """What the page leads to; all but the commands are relative, and names that this program made.

    Attributes:
        previous: file of the day before; None where there is none.
        pictures: folder of the PNGs as seen from the page; None where there is none.
        drawn: names of the PNGs that are there.
        published: path of the DuckDB file.
        command: that asks the published file, such as ``marketflows --tutorial sql``.
    """

    previous: str | None = None
    pictures: str | None = None
    drawn: frozenset[str] = frozenset()
    published: str = ""
    command: str = "marketflows sql"

    def pictures_of(self, card: Card) -> list[tuple[str, str]]:
        """Names and addresses of a card's pictures that are there; no name leads elsewhere."""
        names = [name for name in card.pictures if name in self.drawn and "/" not in name and "\\" not in name]
        return [(name, f"{quote(self.pictures)}/{quote(name)}") for name in names] if self.pictures else []


@dataclass(frozen=True)
class PageContent:
    """All that a page shows.

    Attributes:
        sections: in reading order; those without cards and notes are left out.
        brief: the sentences; None where there is none.
        tiles: the numbers of the first screen.
        gains: its table.
        parts: of when each part is.
        written_at: the page's own moment.
        is_tutorial: whether the figures are made up.
        controls: signals that the control bar sets, each with its (value, label) pairs; charts begin with the first.
        earlier: sentences about the four weeks before the brief's day.
        look: of ``[plots]``: dark begins dark, whatever the reader's system has; the watermark stands at the foot.
    """

    sections: Sequence[Section]
    brief: Brief | None
    tiles: Sequence[Tile]
    gains: Gains
    parts: Sequence[PartState]
    written_at: datetime
    is_tutorial: bool
    controls: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    earlier: Sequence[Statement] = ()
    look: Look = field(default_factory=Look)


class Rendering:
    """A page that can be written for several places; what they share is made once."""

    def __init__(self, content: PageContent, bundle: str) -> None:
        """Make what does not depend on the place.

        Args:
            content: what the page shows.
            bundle: the scripts that draw its charts, as `bundle.read_bundle` gives them.
        """
        sections = [section for section in content.sections if section.cards or section.notes]
        cards = [card for section in sections for card in section.cards]
        anchors = {"brief", *(section.key for section in sections), *(card.key for card in cards)}
        blocks = {
            "cards": inline_json({card.key: _for_script(card) for card in cards}),
            "data": datasets_json(cards),
            "settings": inline_json({"config": VEGA_CONFIG, "most_rows": filters.MOST_ROWS, "parts": _ageing(content)}),
        }
        classes = swatch_classes(color for card in cards for _, _, color in card.series)
        css, early, script = _css(cards, classes), _packaged("early.js"), _packaged("page.js")
        utc = content.written_at.astimezone(UTC)
        self._words = {
            "content": content,
            "brief": content.brief,
            "sections": sections,
            "controlled": _controlled(sections),
            "controls": _controls(content.controls, cards),
            "stale": any(part.is_stale for part in content.parts),
            "day": day_text(utc.date()),
            "time": f"{utc:%H:%M}",
            "gain_columns": list(dict.fromkeys(name for row in content.gains.rows for name in row.gains)),
            "heat": filters.heat_of(content.gains.rows),
            "swatch_of": lambda color: classes.get(color, "sw-none"),
            "place_of": lambda href: filters.place_of(href, anchors),
            "notices": NOTICES.read_text(encoding="utf-8"),
            # Escaped by inline_json, packaged with this program, or checked by its digest.
            **{name: Markup(text) for name, text in blocks.items()},  # noqa: S704
            **{"css": Markup(css), "early": Markup(early), "script": Markup(script), "bundle": Markup(bundle)},  # noqa: S704
            "policy": _policy([early, bundle, script], css),
        }

    def html(self, links: Links) -> str:
        """The page as it stands at the place that these links are for."""
        text: str = _template().render(self._words, links=links)
        return text


def swatch_classes(used: Iterable[str]) -> dict[str, str]:
    """A class for each colour that a legend shows, since the policy allows no style attributes; none for no colour."""
    known = dict.fromkeys(colour for colour in used if _COLOUR.fullmatch(colour))
    return {colour: f"sw{place}" for place, colour in enumerate(known)}


def css_of_swatches(classes: Mapping[str, str]) -> str:
    """The rules of these classes."""
    return "".join(f".{name}{{background:{colour}}}\n" for colour, name in classes.items())


def _policy(scripts: Iterable[str], css: str) -> str:
    hashes = " ".join(map(_hash, scripts))
    return (
        f"default-src 'none'; script-src {hashes}; style-src {_hash(css)}; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _for_script(card: Card) -> dict[str, Any]:
    """What the page's script knows of a card."""
    spec: Mapping[str, Any] | None = None
    if card.spec is not None:
        spec = {**in_utc(card.spec), "description": card.description or f"{card.title}. {card.subtitle}"}
    return {
        "spec": spec,
        "dataset": card.dataset.name,
        "key": card.series_key,
        "controls": list(card.controls),
        "columns": [[each.key, each.header, each.digits, each.signed, each.divisor] for each in card.columns],
    }


def _ageing(content: PageContent) -> list[dict[str, Any]]:
    """When each part becomes stale, in ms since 1970, and with which words; the tutorial's figures never age."""
    return [
        {
            "label": part.label,
            "stale_at": None if content.is_tutorial else part.stale_at,
            "tables": [] if content.is_tutorial else [[each.stale_at, each.words] for each in part.tables],
        }
        for part in content.parts
    ]


def _controlled(sections: Sequence[Section]) -> tuple[str, str] | None:
    """First and last section between which the control bar stays in sight."""
    keys = [section.key for section in sections if any(card.controls for card in section.cards)]
    return (keys[0], keys[-1]) if keys else None


def _controls(
    offered: Mapping[str, Sequence[tuple[str, str]]], cards: Iterable[Card]
) -> list[tuple[str, str, Sequence[tuple[str, str]]]]:
    """Name, label and choices of each control; what no chart has, or what has no alternative, is none."""
    used = {name for card in cards for name in card.controls}
    return [
        (name, _CONTROLS.get(name, name), choices)
        for name, choices in offered.items()
        if name in used and len(choices) > 1
    ]


@cache
def _packaged(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _css(cards: Iterable[Card], classes: dict[str, str]) -> str:
    """The style sheet; heights of charts are rules of it, since the policy allows no style attributes."""
    heights = sorted({height for card in cards if (height := filters.chart_height(card))})
    light = f":root{{color-scheme:light;{css_variables('light')}}}\n"
    dark = f"color-scheme:dark;{css_variables('dark')}"
    return (
        f"{light}@media screen{{\n:root[data-theme=dark]{{{dark}}}\n"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}\n}}\n"
        f"{_packaged('page.css')}{css_of_swatches(classes)}"
        + "".join(f".h{height}{{min-height:{height}px}}\n" for height in heights)
    )


@cache
def _template() -> Template:
    import jinja2  # only a page needs it

    loader = jinja2.FileSystemLoader(FOLDER)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "sparkline": sparkline,
        "moment": moment,
        "rows": filters.rows_of,
        "gain": filters.gain_text,
        "height": filters.chart_height,
        "emphasised": filters.emphasised,
        "unbroken": filters.unbroken,
        "placed": filters.placed,
    }
    environment.globals |= {"LEGEND_MOST": LEGEND_MOST, "MOST_ROWS": filters.MOST_ROWS, "MOST_POINTS": MOST_POINTS}
    return environment.get_template("page.jinja")
