"""The market map: every coin once, in a narrative, as large as its market cap and coloured by its change of price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.market_caps.spec import MarketMapSpec
from marketflows_pipeline.charts.style.diverging_colours import fill_and_ink, symmetric_limit
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.heatmap import EMPTY_FILL
from marketflows_pipeline.charts.style.layout import Box, shorten, text_width
from marketflows_pipeline.charts.style.marks import AT, records, rules, texts
from marketflows_pipeline.charts.style.theme import BACKGROUND, GREY, GRID, INK, figure_ink
from marketflows_pipeline.charts.style.time_axis import as_of
from marketflows_pipeline.charts.style.treemap import squarified
from marketflows_pipeline.charts.style.wording import (
    UNKNOWN,
    counted,
    percent_text,
    share_text,
    usd_text,
    value_text,
)

_LIST = 266
_GAP = 4
_HEAD, _HEAD_SIZE = 17, 12
_TILE_TEXT_MOST, _TILE_TEXT_LEAST = 22.0, 9.0
_LINE = 1.25
_ROW = 34


@dataclass(frozen=True)
class _Part:
    """One part of the map with its coins, the largest first."""

    name: str
    usd: float
    share_pct: float
    change_pct: float | None
    coins: list[tuple[str, float, float | None]]


@framed
def market_map_chart(frame: pl.DataFrame, spec: MarketMapSpec) -> alt.LayerChart:
    """Draw parts and their coins as a treemap, and the parts with their figures beside it.

    Tiles have name and change where there is room. The frame holds rows of ``mart.market_map`` with a label of each
    coin.
    """
    parts = _parts(frame, dict(spec.parts))
    limit = symmetric_limit(frame.get_column("price_change_7d_pct"))
    page = Frame(
        title=_title(parts),
        subtitle=[
            "Area: market cap at the newest daily close; colour: change of price over 7 days, full at "
            f"\u00b1{value_text(limit, 1, signed=False)}%",
            f"in all {usd_text(sum(part.usd for part in parts))}, {frame.height:,} coins",
        ],
        footer=spec.footer(as_of(frame, "ts"), _notes(frame, spec)),
        left=EDGE,
        right=_LIST,
        above=14,
        below=16,
    )
    area = Box(0, 0, page.plot_width, page.plot_height)
    blocks = squarified([part.usd for part in parts], area)
    tiles = [tile for part, block in zip(parts, blocks, strict=True) for tile in _tiles(part, block, limit)]
    heads = [head for part, block in zip(parts, blocks, strict=True) for head in _head(part, block)]
    return page.draw([*_rectangles(tiles), *_texts(tiles, heads), *_list(parts, page.plot_width, page.plot_height)])


def _parts(frame: pl.DataFrame, labels: dict[str, str]) -> list[_Part]:
    ordered = frame.sort("series_usd", "series", "market_cap_usd", "coin_id", descending=[True, False, True, False])
    parts = []
    for rows in ordered.partition_by("series", maintain_order=True):
        first = rows.row(0, named=True)
        coins = list(rows.select("label", "market_cap_usd", "price_change_7d_pct").iter_rows())
        name = labels.get(first["series"], first["series"].capitalize())
        change = first["series_price_change_7d_pct"]
        parts.append(_Part(name, first["series_usd"], first["series_share_pct"], change, coins))
    return parts


def _has_head(block: Box) -> bool:
    return block.bottom - block.top > 3 * _HEAD and block.right - block.left > 60


def _head(part: _Part, block: Box) -> list[dict[str, Any]]:
    """Name and share of a part above its coins, where they have room."""
    if not _has_head(block):
        return []
    room = block.right - block.left - _GAP
    full = f"{part.name} {share_text(part.share_pct)}"
    text = full if text_width(full, _HEAD_SIZE, bold=True) <= room else shorten(part.name, _HEAD_SIZE * 1.06, room)
    return [{"x": block.left + 1, "y": block.top + _HEAD / 2, "text": text, "ink": INK}]


def _tiles(part: _Part, block: Box, limit: float) -> list[dict[str, Any]]:
    top = block.top + (_HEAD if _has_head(block) else 0)
    inner = Box(block.left, top, block.right - _GAP, block.bottom - _GAP)
    boxes = squarified([cap for _, cap, _ in part.coins], inner)
    return [_tile(name, change, box, limit) for (name, _, change), box in zip(part.coins, boxes, strict=True)]


def _tile(name: str, change: float | None, box: Box, limit: float) -> dict[str, Any]:
    """A rectangle with its colours and the lines that have room in it."""
    fill, ink = (EMPTY_FILL, GREY) if change is None else fill_and_ink(change, limit)
    figure = UNKNOWN if change is None else percent_text(change)
    wide, high = box.right - box.left - 8, box.bottom - box.top - 4
    lines = [name, figure]
    size = _size(lines, wide, high)
    if size < _TILE_TEXT_LEAST:
        lines = [name]
        size = _size(lines, wide, high)
    return {
        "x": box.left,
        "x2": box.right,
        "y": box.top,
        "y2": box.bottom,
        "fill": fill,
        "ink": ink,
        "lines": lines if size >= _TILE_TEXT_LEAST else [],
        "size": round(size, 1),
    }


def _size(lines: list[str], wide: float, high: float) -> float:
    widest = max(text_width(line, 1, bold=True) for line in lines) or 1.0
    return min(_TILE_TEXT_MOST, wide / widest, high / (len(lines) * _LINE))


def _rectangles(tiles: list[dict[str, Any]]) -> list[alt.Chart]:
    values = [{key: tile[key] for key in ("x", "x2", "y", "y2", "fill")} for tile in tiles]
    mark = records(values).mark_rect(stroke=BACKGROUND, strokeWidth=1)
    return [mark.encode(**AT, x2="x2:Q", y2="y2:Q", fill=alt.Fill("fill:N", scale=None))]


def _texts(tiles: list[dict[str, Any]], heads: list[dict[str, Any]]) -> list[alt.Chart]:
    """Names of coins in bold with their changes below, and names of parts."""
    written = []
    for tile in tiles:
        middle, step = (tile["y"] + tile["y2"]) / 2, tile["size"] * _LINE
        for place, line in enumerate(tile["lines"]):
            at = middle + (place - (len(tile["lines"]) - 1) / 2) * step
            record = {"x": (tile["x"] + tile["x2"]) / 2, "y": at, "text": line, "ink": tile["ink"]}
            written.append({**record, "size": tile["size"]})
    layers = []
    if written:
        layers.append(texts(written, align="center").encode(size=alt.Size("size:Q", scale=None, legend=None)))
    return [*layers, texts(heads, fontSize=_HEAD_SIZE, fontWeight="bold")] if heads else layers


def _list(parts: list[_Part], left: float, height: float) -> list[alt.Chart]:
    """All parts with their figures, since small ones have no room in the map."""
    share, change = left + _LIST - EDGE - 58, left + _LIST - EDGE
    name_room = share - 44 - left - 16
    row = min(_ROW, (height - 24) / len(parts))
    left_texts: list[dict[str, Any]] = [{"x": left + 16, "y": 9, "text": "Narrative", "ink": GREY}]
    right_texts = [{"x": x, "y": 9, "text": text, "ink": GREY} for x, text in ((share, "Share"), (change, "7 days"))]
    for place, part in enumerate(parts):
        y = 24 + row * place + min(11, row / 2)
        figure = UNKNOWN if part.change_pct is None else percent_text(part.change_pct)
        ink = figure_ink(figure)
        left_texts.append({"x": left + 16, "y": y, "text": shorten(part.name, 12.5, name_room), "ink": INK})
        if row == _ROW:
            left_texts.append({"x": left + 16, "y": y + 13, "text": _coins(part), "ink": GREY})
        right_texts.append({"x": share, "y": y, "text": share_text(part.share_pct), "ink": INK})
        right_texts.append({"x": change, "y": y, "text": figure, "ink": ink})
    lines = [{"x": left + 16, "x2": change, "y": row * place + 24} for place in range(len(parts) + 1)]
    return [rules(lines, color=GRID), texts(left_texts, fontSize=12), texts(right_texts, align="right", fontSize=12)]


def _coins(part: _Part) -> str:
    return f"{counted(f'{len(part.coins):,}', 'coin')}, {usd_text(part.usd)}"


def _title(parts: list[_Part]) -> str:
    largest = parts[0]
    moved = [part for part in parts if part.change_pct is not None]
    if len(moved) < 2:
        return f"Market map: {largest.name} holds {share_text(largest.share_pct)}"
    top = max(moved, key=lambda part: part.change_pct or 0.0)
    verb = "rose most" if (top.change_pct or 0.0) > 0 else "fell least"
    change = percent_text(top.change_pct or 0.0)
    held = f"{largest.name} holds {share_text(largest.share_pct)} of the followed market"
    return f"{held}; {top.name} {verb} in 7 days, {change}"


def _notes(frame: pl.DataFrame, spec: MarketMapSpec) -> list[str]:
    notes = [spec.rule, "the followed coins, not the whole market; a part's change is weighted by market cap before"]
    if frame.get_column("is_backfilled").any():
        notes.append("back-filled with members that were known later only")
    return notes
