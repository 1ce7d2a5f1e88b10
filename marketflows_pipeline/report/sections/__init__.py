"""The sections of the page: each reads the published file and returns its cards."""

from __future__ import annotations

from collections.abc import Callable

from marketflows_pipeline.report.model import Section
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.breadth import breadth_section
from marketflows_pipeline.report.sections.cross_asset import cross_asset
from marketflows_pipeline.report.sections.exchanges import exchanges
from marketflows_pipeline.report.sections.followed import narratives_section, portfolios_section
from marketflows_pipeline.report.sections.quality import quality
from marketflows_pipeline.report.sections.ranges import ranges_section

SectionBuilder = Callable[[PublishedFile], Section]

# In reading order.
SECTIONS: tuple[SectionBuilder, ...] = (
    narratives_section,
    breadth_section,
    ranges_section,
    portfolios_section,
    exchanges,
    cross_asset,
    quality,
)
