"""What the user has been told of a published file, remembered in his own state folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from marketflows_pipeline.errors import UnsafeFileError
from marketflows_pipeline.system.safe_files import private_folder, read_plain, write_whole
from marketflows_pipeline.system.state_folder import state_folder

_MOST_BYTES = 1_000_000
_INSTEAD = "this one goes back 24 hours"


@dataclass(frozen=True)
class LastBrief:
    """What the last brief of a published file told.

    Attributes:
        told_up_to: when the events that it chose from were published, aware.
        event_ids: of those found about then, told or not.
    """

    told_up_to: datetime
    event_ids: frozenset[str]


def recalled(published: Path) -> tuple[LastBrief | None, tuple[str, ...]]:
    """What the last brief of a published file told; where that is not known, None and why, in a line."""
    try:
        path = _place(published)
        return _read(path), ()
    except FileNotFoundError:
        return None, (f"no earlier brief of {published} is remembered: {_INSTEAD}",)
    except OSError as error:
        reason = f"{error.filename or 'the state folder'}: {error.strerror or error}"
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        reason = f"{path} does not hold it; remove that file"
    return None, (f"what the last brief told cannot be read ({reason}): {_INSTEAD}",)


def remembered(published: Path, last: LastBrief) -> str | None:
    """Keep what a brief told, in place of what the one before did; in a line what keeps that from being done."""
    kept = {
        "published": str(published.absolute()).encode(errors="replace").decode(),
        "told_up_to": last.told_up_to.astimezone(UTC).isoformat(),
        "event_ids": sorted(last.event_ids),
    }
    try:
        path = _place(published)
        for folder in (path.parents[1], path.parent):
            private_folder(folder)
        write_whole(path, json.dumps(kept, indent=1).encode(), private=True)
    except (OSError, UnsafeFileError) as error:
        return f"`--since last` will not know of this brief: {error}"
    return None


def _read(path: Path) -> LastBrief:
    found = json.loads(read_plain(path, most=_MOST_BYTES))
    told_up_to, event_ids = datetime.fromisoformat(found["told_up_to"]), found["event_ids"]
    if (
        told_up_to.tzinfo is None
        or not isinstance(event_ids, list)
        or not all(isinstance(each, str) for each in event_ids)
    ):
        raise ValueError("no moment, or no list of ids")
    return LastBrief(told_up_to.astimezone(UTC), frozenset(event_ids))


def _place(published: Path) -> Path:
    """The file about this published path; the link counts, not the version that it leads to today."""
    name = hashlib.sha256(str(published.absolute()).encode(errors="surrogateescape")).hexdigest()[:16]
    return state_folder("briefs") / f"{name}.json"
