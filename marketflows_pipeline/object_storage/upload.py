"""Uploading what was published: a version under a name of its own, then the pointer to it, then what goes along.

A reader that follows the pointer finds a whole version at any time, also after an upload that was killed: the pointer
is written last, in one request, and versions that readers may be reading stay.
"""

from __future__ import annotations

import hashlib
import logging
import mimetypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from marketflows_pipeline.errors import ObjectMissingError, ObjectStorageError
from marketflows_pipeline.object_storage.objects import Objects, Stored
from marketflows_pipeline.object_storage.pointer import (
    MOST_BYTES,
    MOST_REMEMBERED,
    POINTER,
    VERSION_KEY,
    VERSIONS,
    Pointer,
    Published,
    decoded,
    version_key,
)
from marketflows_pipeline.system.safe_files import read_plain

logger = logging.getLogger(__name__)

REPORT, PICTURES = "report", "pictures"
_POINTER_KIND = "application/json"


@dataclass(frozen=True)
class Facts:
    """What the pointer says of a version beside its name and bytes; see `Pointer`."""

    run_id: str
    published_at: datetime
    storage_version: str
    has_raw: bool
    as_of: Mapping[str, datetime | None]


@dataclass(frozen=True)
class Uploaded:
    """What an upload did: the version's object, its bytes, and how many old versions it deleted."""

    key: str
    size_bytes: int
    n_deleted: int


def upload_version(
    objects: Objects,
    file: Path,
    name: str,
    facts: Facts,
    *,
    keep_versions: int,
    kept_for: timedelta,
    on_first: Callable[[], None] = lambda: None,
) -> Uploaded:
    """Upload a finished file, point readers to it, and delete the versions that nobody needs any more.

    Args:
        objects: below the place of uploads.
        file: closed, and changed by nobody meanwhile.
        name: of the published version, from which the object's is made.
        facts: for the pointer.
        keep_versions: as in `to_delete`.
        kept_for: as in `to_delete`.
        on_first: called before anything is uploaded to a place where nothing was before.

    Raises:
        ObjectStorageError: if the service failed or refused; readers are still led to the version before.
    """
    before = _pointer(objects)
    if before is None:
        on_first()
    key, size = version_key(name), file.stat().st_size
    objects.write_new(key, file)
    found = objects.head(key).size
    if found != size:
        raise ObjectStorageError(f"{objects.place}/{key} has {found:,} bytes instead of {size:,}")
    listed = objects.listed(VERSIONS)
    pointer = Pointer(
        key=key,
        size_bytes=size,
        sha256=_sha256(file),
        earlier=remembered(before, {each.key for each in listed})[:MOST_REMEMBERED],
        **vars(facts),
    )
    objects.write(POINTER, pointer.encoded(), _POINTER_KIND)
    return Uploaded(key, size, _clear(objects, listed, pointer, keep_versions, kept_for))


def upload_files(objects: Objects, folder: str, files: Iterable[Path], gone: Iterable[str] = ()) -> tuple[int, int]:
    """Upload files that differ from what is there, under their own names; these may be overwritten.

    Args:
        objects: below the place of uploads.
        folder: that they go into.
        files: on disk; a link is none.
        gone: names of files that were removed here, and are removed there.

    Returns:
        How many were uploaded, and their bytes.

    Raises:
        ObjectStorageError: if the service failed or refused.
    """
    there = {each.key: each for each in objects.listed(folder)}
    n_files = n_bytes = 0
    for path in files:
        key, content = f"{folder}/{path.name}", read_plain(path)
        known = there.get(key)
        tag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if known is not None and (known.size, known.tag) == (len(content), tag):
            continue
        objects.write(key, content, _kind(path.name))
        n_files += 1
        n_bytes += len(content)
    objects.delete([key for name in gone if (key := f"{folder}/{name}") in there])
    return n_files, n_bytes


def to_delete(
    listed: Sequence[Stored], pointer: Pointer, now: datetime, *, keep_versions: int, kept_for: timedelta
) -> list[str]:
    """Names of the versions that nobody needs any more.

    What stays is the version that the pointer names, the newest that were published, the newest that were uploaded
    (where a pointer was lost, nobody knows which of them were published), all that are young, and every object whose
    name is not one that this program gives. A version that a killed upload left goes once it is old.

    Args:
        listed: objects below the prefix.
        pointer: as it is now.
        now: the present by the service's clock, which says when the objects were written.
        keep_versions: how many of the newest stay, the published one among them.
        kept_for: how long each stays in any case.
    """
    ours = [each for each in listed if VERSION_KEY.fullmatch(each.key)]
    newest = sorted(ours, key=lambda each: (each.written_at, each.key), reverse=True)
    present = {each.key for each in ours}
    published = [key for key in (pointer.key, *(each.key for each in pointer.earlier)) if key in present]
    kept = {pointer.key, *published[:keep_versions], *(each.key for each in newest[:keep_versions])}
    return [each.key for each in ours if each.key not in kept and now - each.written_at > kept_for]


def remembered(before: Pointer | None, present: set[str]) -> tuple[Published, ...]:
    """The versions that a new pointer remembers: those of the pointer before that are still there, newest first."""
    if before is None:
        return ()
    known = (Published(key=before.key, published_at=before.published_at), *before.earlier)
    return tuple(each for each in known if each.key in present)


def _pointer(objects: Objects) -> Pointer | None:
    """The pointer as it is; None where there is none, or none of ours, which is then written anew."""
    try:
        content = objects.read(POINTER, MOST_BYTES)
    except ObjectMissingError:
        return None
    try:
        return decoded(content, objects.place)
    except ObjectStorageError as error:
        logger.warning("%s", error)
        return None


def _clear(
    objects: Objects, listed: Sequence[Stored], pointer: Pointer, keep_versions: int, kept_for: timedelta
) -> int:
    """Delete what is too old; the pointer's own time is the present by the service's clock."""
    try:
        now = objects.head(POINTER).written_at
        old = to_delete(listed, pointer, now, keep_versions=keep_versions, kept_for=kept_for)
        objects.delete(old)
    except ObjectStorageError as error:
        logger.warning("Uploaded files that are too old stay for now: %s", error)
        return 0
    return len(old)


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _kind(name: str) -> str:
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed
