"""``latest.json``: which uploaded version is the published one, and what it holds.

The pointer is written after its version and names nothing outside its own prefix; what a reader finds in one is not
believed before it has been looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from marketflows_pipeline.errors import ObjectMissingError, ObjectStorageError
from marketflows_pipeline.object_storage.objects import Objects

POINTER = "latest.json"
VERSIONS = "versions"
FORMAT = 1
MOST_BYTES = 1 << 20
# Names of uploaded versions, newest first, that the pointer remembers.
MOST_REMEMBERED = 1_000
_NAME = r"[A-Za-z0-9_-]{1,80}\.\d{6,12}\.\d{8}T\d{6}Z\.[A-Za-z0-9]{1,16}\.duckdb"
VERSION_KEY = re.compile(rf"{VERSIONS}/{_NAME}")


class Published(BaseModel):
    """An uploaded version: its object's name below the prefix, its bytes, and when it was published."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    key: str = Field(pattern=rf"^{VERSIONS}/{_NAME}$", max_length=200)
    published_at: datetime


class Pointer(Published):
    """What ``latest.json`` says.

    Attributes:
        size_bytes: of the version.
        sha256: of the version, for those who download it whole.
        run_id: of the run that published it.
        storage_version: of DuckDB's file format.
        has_raw: whether raw tables are in it.
        as_of: of each part, the newest moment that its figures are about.
        earlier: versions that were published before and still stay, newest first.
    """

    format: int = Field(FORMAT, ge=FORMAT, le=FORMAT)
    size_bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    run_id: str = Field(max_length=200)
    storage_version: str = Field(max_length=40)
    has_raw: bool
    as_of: Mapping[str, datetime | None] = Field(max_length=50)
    earlier: tuple[Published, ...] = Field((), max_length=MOST_REMEMBERED)

    def encoded(self) -> bytes:
        """The object's content."""
        return f"{self.model_dump_json(indent=2)}\n".encode()


def decoded(content: bytes, place: object) -> Pointer:
    """A pointer out of an object's content.

    Args:
        content: the bytes.
        place: where they were read, for messages.

    Raises:
        ObjectStorageError: if it is no pointer of this program, or names an object that no version of it is called by.
    """
    try:
        said: Any = json.loads(content)
        return Pointer.model_validate(said)
    except (ValueError, ValidationError, RecursionError) as error:
        key = _first_key(error)
        raise ObjectStorageError(
            f"{place}/{POINTER} is no pointer that this program wrote{f' (see its {key})' if key else ''}; "
            "the next publish writes it anew"
        ) from None


def _first_key(error: Exception) -> str:
    """The first key that is wrong, where it is one of ours; the text of an object is not repeated."""
    if not isinstance(error, ValidationError):
        return ""
    first = error.errors(include_url=False)[0]["loc"][:1]
    return next((name for name in Pointer.model_fields if first == (name,)), "")


def published_key(objects: Objects) -> str:
    """The published version's object.

    Raises:
        ObjectStorageError: if nothing is published there, or the pointer is not one of ours.
    """
    try:
        content = objects.read(POINTER, MOST_BYTES)
    except ObjectMissingError:
        raise ObjectStorageError(f"nothing is published at {objects.place}: there is no {POINTER}") from None
    return decoded(content, objects.place).key


@dataclass(frozen=True)
class At:
    """What a reader names: a place, and one of its versions where not the published one is meant."""

    prefix_address: str
    version: str | None = None


def parse_at(address: str) -> At:
    """The prefix that an address is about: the prefix's own, its pointer's, or that of one of its versions."""
    text = address.rstrip("/")
    if text.endswith(f"/{POINTER}"):
        return At(text.removesuffix(f"/{POINTER}"))
    prefix, slash, name = text.rpartition(f"/{VERSIONS}/")
    key = f"{VERSIONS}/{name}"
    return At(prefix, key) if slash and VERSION_KEY.fullmatch(key) else At(text)


def version_key(file_name: str) -> str:
    """The object's name of a published file such as ``marketflows.000012.20261120T180000Z.1a2b3c4d.duckdb``."""
    stem, number, stamp, run = re.sub(r"\.[^.]*$", "", file_name).rsplit(".", 3)
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", stem)[:80] or "published"
    return f"{VERSIONS}/{plain}.{number}.{stamp}.{re.sub(r'[^A-Za-z0-9]', '', run)[:16] or 'run'}.duckdb"
