"""Uploads for readers elsewhere; what keeps one from being made costs no publish, so it is a warning."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.object_storage.last_upload import LastUpload, last_upload, remember
from marketflows_pipeline.object_storage.objects import Objects, open_objects
from marketflows_pipeline.object_storage.upload import Facts, Uploaded, upload_files, upload_version
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.system.printable import excerpt
from marketflows_pipeline.system.stopping import is_stop
from marketflows_pipeline.warehouse.publish import PublishReport
from marketflows_pipeline.warehouse.stores.file import STORAGE_VERSION
from marketflows_pipeline.warehouse.versions import VersionFolder
from marketflows_pipeline.warehouse.without_raw import write_without_raw

log = logging.getLogger(__name__)


def upload_published(run: RunContext, report: PublishReport) -> dict[str, Any]:
    """Upload a published version where the settings say so; metadata of the asset about it."""
    uploaded: list[Uploaded] = []

    def upload(objects: Objects) -> None:
        uploaded.append(_upload(run, objects, report))

    reason = _warned(run, "the published file", upload)
    if reason is None:
        return {}
    (done,) = uploaded or (None,)
    size = None if done is None else done.size_bytes
    last = LastUpload(at=run.clock.now(), place=str(run.settings.publish.place), reason=reason, size_bytes=size)
    # What is full or read-only does not undo an upload.
    with suppress(OSError, MarketflowsError):
        remember(run.settings.warehouse.path, last)
    if done is None:
        return {"not_uploaded": reason}
    log.info("uploaded %s/%s (%.1f MB)", run.settings.publish.place, done.key, done.size_bytes / 1e6)
    if done.n_deleted:
        log.info("%d uploaded files that are too old were deleted", done.n_deleted)
    return {"uploaded": done.key, "uploaded_mb": done.size_bytes / 1e6}


def upload_along(run: RunContext, folder: str, files: Iterable[Path], gone: Iterable[str] = ()) -> None:
    """Upload the page or pictures where the settings say so, as far as they have changed.

    Not where this run's last publish could not be uploaded: that was waited for long enough.
    """
    last = last_upload(run.settings.warehouse.path) if run.settings.publish.upload else None
    if last is not None and last.reason and last.at >= run.started_at:
        return

    def upload(objects: Objects) -> None:
        n_files, n_bytes = upload_files(objects, folder, files, gone)
        log.debug("%d files uploaded to %s/%s (%.1f MB)", n_files, objects.place, folder, n_bytes / 1e6)

    _warned(run, f"the {folder}", upload)


def _upload(run: RunContext, objects: Objects, report: PublishReport) -> Uploaded:
    publish, now = run.settings.publish, run.clock.now()
    facts = Facts(
        run_id=run.run_id,
        published_at=now,
        storage_version=STORAGE_VERSION,
        has_raw=publish.raw,
        as_of=_as_of(report.tables),
    )

    def tell_of_terms() -> None:
        log.info(
            "%s is new: from now on figures of %s go to a place that others may read; see whether its terms allow that",
            objects.place,
            run.settings.source.service,
        )

    with _file(run, report) as file:
        return upload_version(
            objects,
            file,
            report.path.name,
            facts,
            keep_versions=publish.keep_versions,
            kept_for=publish.kept_for,
            on_first=tell_of_terms,
        )


@contextmanager
def _file(run: RunContext, report: PublishReport) -> Iterator[Path]:
    """The file to upload: the published one, or a copy of it without raw tables."""
    if run.settings.publish.raw:
        yield report.path
        return
    copy = VersionFolder(run.settings.warehouse.published_path).building_path("upload")
    try:
        write_without_raw(report.path, report.tables, copy, run_id=run.run_id, now=run.clock.now())
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def _as_of(tables: pl.DataFrame) -> dict[str, Any]:
    """The newest moment of each part but ``meta``."""
    of_parts = tables.filter(pl.col("part") != "meta").group_by("part").agg(pl.col("as_of").max()).sort("part")
    return dict(of_parts.iter_rows())


def _warned(run: RunContext, what: str, upload: Callable[[Objects], None]) -> str | None:
    """Upload, or warn; why it failed, empty where it did not, None where the settings name no place."""
    settings = run.settings
    place = settings.publish.place
    if place is None:
        return None
    try:
        upload(open_objects(place, settings.object_storage, settings.object_keys))
    except Exception as error:
        if is_stop(error):
            raise
        reason = str(error) if isinstance(error, MarketflowsError) else excerpt(f"{type(error).__name__}: {error}")
        log.warning("%s was not uploaded, and the next publish uploads it: %s", what, reason)
        return reason
    return ""
