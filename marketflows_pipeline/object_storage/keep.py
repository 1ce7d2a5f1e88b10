"""Which uploaded versions stay: those that a reader may still be reading."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from marketflows_pipeline.object_storage.objects import Stored
from marketflows_pipeline.object_storage.pointer import VERSION_KEY, Pointer, Published


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
