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
from typing import Any

from markupsafe import Markup

from marketflows_pipeline.charts.style.wording import UNKNOWN, day_text, moment, value_text
from marketflows_pipeline.report import layout, theme
from marketflows_pipeline.report.bundle import NOTICES
from marketflows_pipeline.report.cells import MOST_ROWS, rows_of
from marketflows_pipeline.report.data import datasets_json, inline_json
from marketflows_pipeline.report.freshness import PartState
from marketflows_pipeline.report.model import MOST_POINTS, Card, GainRow, Section, Tile
from marketflows_pipeline.report.sparkline import sparkline
from marketflows_pipeline.report.told import ToldBrief
from marketflows_pipeline.report.utc_times import in_utc
from marketflows_pipeline.report.vega_config import VEGA_CONFIG

FOLDER = Path(__file__).parent
# Series that a legend shows at once; the others follow on demand.
LEGEND_MOST = 14
_CONTROLS = {"base": "Measured in", "ema": "Average", "order": "Show", "scale": "Scale"}
_ANCHOR = re.compile(r"#[A-Za-z][\w-]*")
_PICTURE = re.compile(r"[^/\\]+\.png")
_FIGURE = re.compile(r"((?<![\w.])[+\u2212-]?(?:\$\d[\d,.]*\d?\s?[TBMK]?(?!\w)|\d[\d,.]*\s?%))")
# Percent from which on a gain is drawn in the second and third step of heat.
_HEAT_STEPS = (2.0, 8.0)


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


@dataclass(frozen=True)
class PageContent:
    """All that a page shows.

    Attributes:
        sections: in reading order; those without cards and notes are left out.
        brief: the sentences; None where there is none.
        tiles: the numbers of the first screen.
        gains: rows of its table.
        parts: of when each part is.
        written_at: the page's own moment.
        is_tutorial: whether the figures are made up.
        links: what the page leads to.
        controls: signals that the control bar sets, each with its (value, label) pairs; charts begin with the first.
        gains_note: what the gains are of, below their table.
    """

    sections: Sequence[Section]
    brief: ToldBrief | None
    tiles: Sequence[Tile]
    gains: Sequence[GainRow]
    parts: Sequence[PartState]
    written_at: datetime
    is_tutorial: bool
    links: Links = field(default_factory=Links)
    controls: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    gains_note: str = ""


def page_html(content: PageContent, bundle: str) -> str:
    """The page as text.

    Args:
        content: what it shows.
        bundle: the scripts that draw its charts, as `bundle.read_bundle` gives them.
    """
    sections = [section for section in content.sections if section.cards or section.notes]
    cards = [card for section in sections for card in section.cards]
    blocks = {
        "cards": inline_json({card.key: _for_script(card) for card in cards}),
        "data": datasets_json(card.dataset for card in cards),
        "settings": inline_json({"config": VEGA_CONFIG, "most_rows": MOST_ROWS}),
    }
    css, early, script = _css(cards), _packaged("early.js"), _packaged("page.js")
    utc = content.written_at.astimezone(UTC)
    return _template().render(
        content=content,
        brief=content.brief,
        sections=sections,
        controlled=_controlled(sections),
        controls=_controls(content.controls, cards),
        stale=[part for part in content.parts if part.is_stale],
        carried_over=[part for part in content.parts if part.is_carried_over and not part.is_stale],
        day=day_text(utc.date()),
        time=f"{utc:%H:%M}",
        gain_columns=list(dict.fromkeys(name for row in content.gains for name in row.gains)),
        notices=NOTICES.read_text(encoding="utf-8"),
        blocks={name: Markup(text) for name, text in blocks.items()},  # noqa: S704 (inline_json has escaped them)
        css=Markup(css),  # noqa: S704 (packaged)
        early=Markup(early),  # noqa: S704 (packaged)
        script=Markup(script),  # noqa: S704 (packaged)
        bundle=Markup(bundle),  # noqa: S704 (checked by its digest)
        policy=_policy([early, bundle, script], css),
    )


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


def _css(cards: Iterable[Card]) -> str:
    """The style sheet; heights of charts are rules of it, since the policy allows no style attributes."""
    heights = sorted({height for card in cards if (height := chart_height(card))})
    light = f":root{{color-scheme:light;{theme.css_variables('light')}}}\n"
    dark = f"color-scheme:dark;{theme.css_variables('dark')}"
    return (
        f"{light}@media screen{{\n:root[data-theme=dark]{{{dark}}}\n"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}\n}}\n"
        f"{_packaged('page.css')}{theme.css_of_swatches()}"
        + "".join(f".h{height}{{min-height:{height}px}}\n" for height in heights)
    )


def chart_height(card: Card) -> int | None:
    """Height of a card's plot with its axis, px; None where it is not known before it is drawn."""
    height = (card.spec or {}).get("height")
    return round(height) + 34 if isinstance(height, int | float) else None


def heat_class(percent: float | None) -> str:
    """The step of heat of a gain."""
    if percent is None:
        return "heat-none"
    size = 1 + sum(abs(percent) >= step for step in _HEAT_STEPS)
    if abs(percent) < 0.05:
        return "heat-0"
    return f"heat-{'p' if percent > 0 else 'n'}{size}"


def gain_text(percent: float | None) -> str:
    """A gain without its sign of percent, which the table's note names."""
    return UNKNOWN if percent is None else value_text(percent, 1 if abs(percent) < 99.95 else 0, signed=True)


def anchor(href: str) -> str:
    """A place in the page; whatever is none leads to its top."""
    return href if _ANCHOR.fullmatch(href) else "#"


def emphasised(sentence: str) -> Markup:
    """A sentence with its amounts and percentages in bold."""
    parts = _FIGURE.split(sentence)
    return Markup("").join(Markup("<b>{}</b>").format(part) if at % 2 else part for at, part in enumerate(parts))


def placed(section: Section) -> list[tuple[Card, int, int]]:
    """The cards of a section, each with the columns it takes on a wide and on a middling screen."""
    widths = [card.width for card in section.cards]
    return list(zip(section.cards, layout.spans(widths), layout.spans_on_two(widths), strict=True))


def linked_pictures(names: Iterable[str], links: Links) -> list[str]:
    """Those of the pictures that are there, by names that lead nowhere else."""
    return [name for name in names if name in links.drawn and _PICTURE.fullmatch(name)]


@cache
def _template() -> Any:
    import jinja2  # noqa: PLC0415 (only a page needs it)

    loader = jinja2.FileSystemLoader(FOLDER)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "sparkline": sparkline,
        "swatch": theme.swatch_class,
        "heat": heat_class,
        "gain": gain_text,
        "moment": moment,
        "rows": rows_of,
        "height": chart_height,
        "anchor": anchor,
        "emphasised": emphasised,
        "placed": placed,
        "pictures": linked_pictures,
    }
    environment.globals |= {"LEGEND_MOST": LEGEND_MOST, "MOST_ROWS": MOST_ROWS, "MOST_POINTS": MOST_POINTS}
    return environment.get_template("page.jinja")
