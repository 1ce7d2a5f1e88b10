"""Where the page of these settings stands, and writing it there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.report.brief.brief import Brief
from marketflows_pipeline.report.build import Page, SectionCache, page_of
from marketflows_pipeline.report.kept_specs import specs_kept_in
from marketflows_pipeline.report.published import open_published_file
from marketflows_pipeline.report.writing import Place, write_file, write_page
from marketflows_pipeline.settings import Settings

# Why there is no page, where the settings say so.
NO_FILE = "it is made from the published file, and export = false under [warehouse.ducklake] writes none"


@dataclass(frozen=True)
class Written:
    """A page as it was written.

    Attributes:
        path: of the file.
        brief: what it tells; None where it has no sentences.
    """

    path: Path
    brief: Brief | None


def write_after_publish(
    settings: Settings, options: RunOptions, bundle: str, now: datetime, cache: SectionCache
) -> Written:
    """Write the page and the day's copy from the published file.

    Args:
        settings: the user's; the page is in their folder.
        options: where pictures are, and whether this is the tutorial.
        bundle: the scripts that draw the charts.
        now: the present.
        cache: sections that this process has made.

    Raises:
        MarketflowsError: if nothing is published, or a file cannot be written.
    """
    page, day = _page(settings, options, bundle, now, cache, keeps_specs=True)
    path = write_page(settings.report.path, day.date(), settings.report.keep_days, page.at)
    return Written(path, page.brief)


def write_on_demand(settings: Settings, options: RunOptions, bundle: str, now: datetime, out: Path | None) -> Path:
    """Write the page as a publish does, or one file alone; its path. Arguments and errors as in `write_after_publish`.

    Args:
        settings: the user's.
        options: where pictures are, and whether this is the tutorial.
        bundle: the scripts that draw the charts.
        now: the present.
        out: the one file.
    """
    if out is None:
        return write_after_publish(settings, options, bundle, now, SectionCache()).path
    page, _ = _page(settings, options, bundle, now, SectionCache(), keeps_specs=False)
    write_file(Place(out), page.at)
    return out


def _page(
    settings: Settings, options: RunOptions, bundle: str, now: datetime, cache: SectionCache, *, keeps_specs: bool
) -> tuple[Page, datetime]:
    path, specs = settings.warehouse.published_path, settings.warehouse.path.with_suffix(".page_specs.json")
    with (
        specs_kept_in(specs, is_written=keeps_specs),
        open_published_file(path, is_tutorial=options.tutorial, now=now) as file,
    ):
        page = page_of(
            file,
            bundle,
            pictures=options.picture_folder,
            command=options.command_line("sql"),
            cache=cache,
            look=settings.plots.look,
        )
        return page, file.now.astimezone(UTC)
