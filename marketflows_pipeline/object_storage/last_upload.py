"""How the latest upload ended: a small private file beside the private database, which `status` shows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from marketflows_pipeline.system.safe_files import read_plain, write_whole

_MOST_BYTES = 10_000


class LastUpload(BaseModel):
    """When an upload ended, where it went, and why it failed; ``reason`` is empty where it did not."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    place: str
    reason: str = ""
    size_bytes: int | None = None


def path_of(private: Path) -> Path:
    """The file, by the path of the private database."""
    return private.with_suffix(".upload.json")


def remember(private: Path, upload: LastUpload) -> None:
    """Write the file.

    Raises:
        OSError: if it cannot be written.
    """
    write_whole(path_of(private), upload.model_dump_json().encode(), private=True)


def last_upload(private: Path) -> LastUpload | None:
    """How the latest upload ended; None where there was none, or nothing is known of it."""
    try:
        return LastUpload.model_validate_json(read_plain(path_of(private), most=_MOST_BYTES))
    except (OSError, ValidationError):
        return None
