"""Writing the page from what is published."""

from __future__ import annotations

import logging

import dagster as dg

from marketflows_pipeline.assets.uploading import upload_along
from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.object_storage.upload import REPORT
from marketflows_pipeline.report.build import SectionCache
from marketflows_pipeline.report.bundle import HOW_TO_MAKE, read_bundle
from marketflows_pipeline.report.places import NO_FILE, Written, write_after_publish
from marketflows_pipeline.report.writing import INDEX
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.system.markdown import plain_markdown
from marketflows_pipeline.system.printable import excerpt
from marketflows_pipeline.system.stopping import is_stop

log = logging.getLogger(__name__)

# What another part's publish in this process has not changed is not made again.
_CACHE = SectionCache()


def write_page(run: RunContext, level: int = logging.INFO) -> dict[str, dg.MetadataValue]:
    """Write the page; what keeps it from being written costs no publish, so it is a warning.

    Args:
        run: the run that published.
        level: of the line that names the page.

    Returns:
        Metadata of the step.
    """
    if not run.settings.warehouse.has_file:
        log.info("no page was written: %s", NO_FILE)
        return {"not_written": dg.MetadataValue.text(NO_FILE)}
    bundle = read_bundle()
    if bundle is None:
        log.warning("no page was written: its scripts are missing; `%s` makes them", HOW_TO_MAKE)
        return {"not_written": dg.MetadataValue.text(f"the scripts are missing; `{HOW_TO_MAKE}` makes them")}
    try:
        written = write_after_publish(run.settings, run.options, bundle, run.clock.now(), _CACHE)
    except Exception as error:
        if is_stop(error):
            raise
        reason = str(error) if isinstance(error, MarketflowsError) else excerpt(f"{type(error).__name__}: {error}")
        log.warning("no page was written: %s", reason)
        return {"not_written": dg.MetadataValue.text(reason)}
    log.log(level, "the page is %s", written.path)
    upload_along(run, REPORT, [written.path])
    return {
        "page": dg.MetadataValue.url(written.path.absolute().as_uri()),
        "size_mb": dg.MetadataValue.float(written.path.stat().st_size / 1e6),
        "brief": dg.MetadataValue.md(_preview(written)),
    }


def link_pictures(run: RunContext) -> None:
    """Write the page of this publish again, since it links the pictures that stand as it is written."""
    if run.settings.warehouse.has_file and (run.settings.report.path / INDEX).exists():
        write_page(run, logging.DEBUG)


def _preview(written: Written) -> str:
    if written.brief is None:
        return "no sentences"
    lines = [plain_markdown(written.brief.headline), ""]
    lines += [f"1. {plain_markdown(each.text)}" for each in written.brief.statements]
    return "\n".join(lines)
