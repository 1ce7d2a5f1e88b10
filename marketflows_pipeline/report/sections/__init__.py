"""The sections of the page, each a function from the published file to its cards."""

from __future__ import annotations

from collections.abc import Callable

from marketflows_pipeline.report.model import Section
from marketflows_pipeline.report.published import PublishedFile

SectionBuilder = Callable[[PublishedFile], Section]

# In reading order.
SECTIONS: tuple[SectionBuilder, ...] = ()
