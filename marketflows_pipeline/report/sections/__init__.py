"""The sections of the page, each a function from the published file to its cards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from marketflows_pipeline.report.model import Section
from marketflows_pipeline.report.published import PublishedFile

SectionBuilder = Callable[[PublishedFile], Section]

# In reading order.
SECTIONS: tuple[SectionBuilder, ...] = ()


def control_options(file: PublishedFile) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Signals that the control bar sets, each with its (value, label) pairs; charts begin with the first."""
    return {}
