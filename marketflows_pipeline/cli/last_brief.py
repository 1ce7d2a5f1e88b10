"""What the user has been told of a published file, remembered in his own state folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from marketflows_pipeline.system.safe_files import private_folder, read_plain, write_whole
from marketflows_pipeline.system.state_folder import state_folder

_MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class LastBrief:
    """What the last brief of a published file told.

    Attributes:
        told_up_to: when the events it chose from were published, aware.
        event_ids: of those found about then, told or not.
    """

    told_up_to: datetime
    event_ids: frozenset[str]


class UnreadableError(Exception):
    """What is remembered cannot be used; the message says why."""


def recall(published: Path) -> LastBrief | None:
    """What the last brief of a published file told; None where there was none.

    Raises:
        UnreadableError: if the file that says it is a link, no plain file, or not what `remember` writes.
    """
    try:
        path = _place(published)
        content = read_plain(path, most=_MOST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableError(f"{error.filename or 'the state folder'}: {error.strerror or error}") from error
    try:
        found = json.loads(content)
        told_up_to, event_ids = datetime.fromisoformat(found["told_up_to"]), found["event_ids"]
        if told_up_to.tzinfo is None or not all(isinstance(each, str) for each in event_ids):
            raise ValueError
        return LastBrief(told_up_to.astimezone(UTC), frozenset(event_ids))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise UnreadableError(f"{path} does not say when a brief was told; remove it") from error


def remember(published: Path, last: LastBrief) -> None:
    """Keep what a brief told, in place of what the one before did.

    Raises:
        OSError: if it cannot be written.
        UnsafeFileError: if a directory stands in the place of the file, or a file in that of its folder.
    """
    path = _place(published)
    for folder in (path.parents[1], path.parent):
        private_folder(folder)
    kept = {
        "published": str(published.absolute()),
        "told_up_to": last.told_up_to.astimezone(UTC).isoformat(),
        "event_ids": sorted(last.event_ids),
    }
    write_whole(path, json.dumps(kept, indent=1).encode(), private=True)


def _place(published: Path) -> Path:
    """The file about this published path; the link counts, not the version that it leads to today."""
    name = hashlib.sha256(str(published.absolute()).encode(errors="surrogateescape")).hexdigest()[:16]
    return state_folder("briefs") / f"{name}.json"
