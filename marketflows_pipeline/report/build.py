"""From the published file to the page: sections, brief and first screen, together and rendered."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from marketflows_pipeline.charts.rendering.manifest import Manifest
from marketflows_pipeline.charts.style.look import Look
from marketflows_pipeline.report.brief.brief import Brief, brief_of, earlier_statements
from marketflows_pipeline.report.brief.choosing import TOLD_OF
from marketflows_pipeline.report.first_screen import gains_of, tiles_of
from marketflows_pipeline.report.freshness import part_states
from marketflows_pipeline.report.guard import guarded
from marketflows_pipeline.report.model import Gains, Section
from marketflows_pipeline.report.page import Links, PageContent, Rendering
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections import SECTIONS, SectionBuilder
from marketflows_pipeline.report.sections.controls import control_options
from marketflows_pipeline.report.writing import Place

# Sections may speak of the hour, so that none is shown for long after it was made.
KEPT_FOR = timedelta(minutes=10)
_TABLE = re.compile(r"\b(?:raw|accepted|core|mart|meta)\.\w+")


@dataclass(frozen=True)
class MadeSection:
    """A section as it was made, and the state of the tables that it was made from."""

    section: Section
    states: Mapping[str, Mapping[str, Any]]
    made_at: datetime


@dataclass
class SectionCache:
    """Sections that this process has made; those whose tables have not been published anew need not be made again."""

    made: dict[SectionBuilder, MadeSection] = field(default_factory=dict)

    def section(self, build: SectionBuilder, file: PublishedFile) -> Section:
        """The section of this file."""
        known = self.made.get(build)
        if (
            known is not None
            and timedelta(0) <= file.now - known.made_at <= KEPT_FOR
            and all(file.publish_row(table) == state for table, state in known.states.items())
        ):
            return known.section
        watched = _Watched(file)
        section = build(watched)
        states = {table: file.publish_row(table) for table in watched.asked}
        self.made[build] = MadeSection(section, states, file.now)
        return section


class _Watched(PublishedFile):
    """A published file that notes which tables are read of it."""

    def __init__(self, file: PublishedFile) -> None:
        vars(self).update(vars(file))
        self.asked: set[str] = set()

    def frame(self, sql: str, params: Mapping[str, Any] | None = None) -> pl.DataFrame:
        self._note(sql)
        return super().frame(sql, params)

    def has(self, table: str) -> bool:
        self._note(table)
        return super().has(table)

    def as_of(self, table: str) -> datetime | None:
        self._note(table)
        return super().as_of(table)

    def publish_row(self, table: str) -> Mapping[str, Any]:
        self._note(table)
        return super().publish_row(table)

    def _note(self, text: str) -> None:
        self.asked.update(name.replace("accepted.", "raw.") for name in _TABLE.findall(text))


@dataclass(frozen=True)
class Page:
    """A page that can be rendered for any place.

    Attributes:
        rendering: its content.
        brief: the sentences, for previews.
        pictures: folder of the PNGs.
        published: the link to the DuckDB file.
        command: that asks the published file.
    """

    rendering: Rendering
    brief: Brief | None
    pictures: Path
    published: Path
    command: str

    def at(self, place: Place) -> str:
        """The page as it stands at a place."""
        folder = place.path.parent.absolute()
        drawn = frozenset(Manifest.read(self.pictures).entries)
        links = Links(
            previous=place.previous,
            pictures=Path(os.path.relpath(self.pictures.absolute(), folder)).as_posix() if drawn else None,
            drawn=drawn,
            published=_shown(self.published),
            command=self.command,
        )
        return self.rendering.html(links)


def page_of(
    file: PublishedFile,
    bundle: str,
    *,
    pictures: Path,
    command: str,
    cache: SectionCache | None = None,
    look: Look | None = None,
) -> Page:
    """Everything that the page shows; a section that cannot be made says so, and costs no other.

    Args:
        file: the published file.
        bundle: the scripts that draw the charts.
        pictures: folder of the PNGs.
        command: that asks the published file, such as ``marketflows sql``.
        cache: of this process; without it every section is made.
        look: theme and watermark; the usual one by default.
    """
    cache = cache or SectionCache()
    sections = [_made(build, file, cache) for build in SECTIONS]
    brief = guarded("brief", lambda: brief_of(file, file.now - TOLD_OF), None)
    content = PageContent(
        sections=sections,
        brief=brief,
        earlier=guarded("sentences of four weeks", lambda: earlier_statements(file, brief), ()),
        gains=guarded("gains", lambda: gains_of(file), Gains()),
        look=look or Look(),
        tiles=guarded("tiles", lambda: tiles_of(file), ()),
        parts=part_states(file),
        written_at=file.now,
        is_tutorial=file.is_tutorial,
        controls=guarded("control bar", lambda: control_options(file), {}),
    )
    return Page(Rendering(content, bundle), brief, pictures, file.path, command)


def _made(build: SectionBuilder, file: PublishedFile, cache: SectionCache) -> Section:
    name = build.__name__.removesuffix("_section")
    missing = Section(name.replace("_", "-"), name.replace("_", " ").capitalize(), (), ("This section is missing.",))
    return guarded(f"section {name}", lambda: cache.section(build, file), missing)


def _shown(path: Path) -> str:
    """A path as one types it here; a page that is sent on need not tell of the folders above."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
