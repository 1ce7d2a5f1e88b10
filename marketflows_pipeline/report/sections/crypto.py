"""All sections about coins, in reading order."""

from __future__ import annotations

from marketflows_pipeline.report.model import Section
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.breadth import breadth
from marketflows_pipeline.report.sections.narratives import narratives
from marketflows_pipeline.report.sections.portfolios import portfolios
from marketflows_pipeline.report.sections.ranges import ranges


def crypto_sections(file: PublishedFile) -> tuple[Section, ...]:
    """Narratives, breadth, ranges and portfolios; a section may have no cards."""
    return narratives(file), breadth(file), ranges(file), portfolios(file)
