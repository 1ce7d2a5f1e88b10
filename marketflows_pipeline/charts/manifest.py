"""The record of the pictures this program wrote into a folder, and of what they were drawn from.

What belongs here: reading and writing the manifest, and telling our files from the user's. What does not: drawing.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

MANIFEST_NAME = ".marketflows_manifest.json"
_VERSION = 1
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One picture: the part of the program it belongs to, what it was drawn from, and its bytes."""

    part: str
    inputs: str
    content: str


@dataclass
class Manifest:
    """The pictures of one folder by file name. Every change is on disk before the file it speaks of is touched."""

    folder: Path
    entries: dict[str, Entry] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The folder's manifest; empty, with a warning, where it is unreadable: then everything is drawn anew."""
        path = folder / MANIFEST_NAME
        if not path.exists():
            return cls(folder)
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            if stored["version"] != _VERSION:
                raise ValueError(f"version {stored['version']}")
            entries = {name: Entry(**entry) for name, entry in stored["files"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            _LOG.warning("%s is not readable (%s): every picture is drawn anew and none is removed", path, error)
            return cls(folder)
        return cls(folder, {name: entry for name, entry in entries.items() if Path(name).name == name})

    def is_current(self, name: str, inputs: str) -> bool:
        """Whether the file was drawn from these inputs and still has the bytes that were written."""
        entry = self.entries.get(name)
        return entry is not None and entry.inputs == inputs and self._holds(name, entry)

    def write_picture(self, name: str, part: str, inputs: str, png: bytes) -> None:
        """Put a picture in its place, whole or not at all."""
        draft = self._draft(name)
        draft.write_bytes(png)
        self.entries[name] = Entry(part, inputs, digest(png))
        self._save()
        draft.replace(self.folder / name)

    def remove_stale(self, part: str, current: Iterable[str]) -> list[str]:
        """Remove the part's pictures that are not current any more; a file that somebody changed since stays.

        Returns:
            Names of the removed files.
        """
        keep = set(current)
        stale = [name for name, entry in self.entries.items() if entry.part == part and name not in keep]
        removed = []
        for name in stale:
            entry = self.entries.pop(name)
            self._draft(name).unlink(missing_ok=True)
            if self._holds(name, entry):
                (self.folder / name).unlink()
                removed.append(name)
        if stale:
            self._save()
        return removed

    def _holds(self, name: str, entry: Entry) -> bool:
        try:
            return digest((self.folder / name).read_bytes()) == entry.content
        except FileNotFoundError:
            return False

    def _draft(self, name: str) -> Path:
        return self.folder / f".{name}.tmp"

    def _save(self) -> None:
        files = {name: asdict(entry) for name, entry in sorted(self.entries.items())}
        draft = self._draft(MANIFEST_NAME)
        draft.write_text(json.dumps({"version": _VERSION, "files": files}), encoding="utf-8")
        draft.replace(self.folder / MANIFEST_NAME)


def digest(content: bytes) -> str:
    """Short content hash."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()
