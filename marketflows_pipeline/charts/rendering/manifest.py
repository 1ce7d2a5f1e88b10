"""The record of the charts this program wrote into a folder, and of what they were drawn from."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from marketflows_pipeline.errors import UnsafeFileError, UserInputError
from marketflows_pipeline.system.safe_files import drafted, read_plain, write_whole

MANIFEST_NAME = ".marketflows_manifest.json"
_VERSION = 1
# Many times what the largest set of charts takes; what is longer is cut off, and so not readable.
_MOST_BYTES = 1 << 24
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One chart: the part of the program it belongs to, what it was drawn from, and its bytes."""

    part: str
    inputs: str
    content: str


@dataclass
class Manifest:
    """The charts of one folder by file name. Every change is on disk before the file it speaks of is touched.

    Attributes:
        folder: where the charts are.
        entries: what was drawn, by file name.
        is_tutorial: whether they show the tutorial's figures.
        is_readable: whether what stood there could be read.
    """

    folder: Path
    entries: dict[str, Entry] = field(default_factory=dict)
    is_tutorial: bool = False
    is_readable: bool = True

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The folder's manifest; empty, with a warning, where it is unreadable: then everything is drawn anew.

        Raises:
            UnsafeFileError: if a directory stands in its place.
        """
        path = folder / MANIFEST_NAME
        if path.is_dir() and not path.is_symlink():
            raise UnsafeFileError(f"{path} is a directory: expected the record of charts; move it away")
        try:
            stored = json.loads(read_plain(path, most=_MOST_BYTES))
            if stored["version"] != _VERSION:
                raise ValueError(f"version {stored['version']}")
            entries = {name: Entry(**entry) for name, entry in stored["files"].items()}
        except (FileNotFoundError, NotADirectoryError):
            return cls(folder)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            _LOG.warning("%s is not readable (%s): every chart is drawn anew and none is removed", path, error)
            return cls(folder, is_readable=False)
        kept = {name: entry for name, entry in entries.items() if Path(name).name == name}
        return cls(folder, kept, is_tutorial=stored.get("is_tutorial") is True)

    def claim(self, *, is_tutorial: bool) -> None:
        """Keep live charts and the tutorial's apart: the tutorial's give way to live ones, never the reverse.

        Raises:
            UserInputError: if the tutorial would draw among live charts, or among charts that may be live.
        """
        if is_tutorial and not self.is_tutorial and not (self.is_readable and self._has_no_charts()):
            raise UserInputError(
                f"{self.folder} holds charts of live data: expected another folder for those of the tutorial "
                "(--out-dir; without it they have a folder of their own)"
            )
        if self.is_tutorial and not is_tutorial:
            for part in {entry.part for entry in self.entries.values()}:
                self.remove_stale(part, ())
        self.is_tutorial = is_tutorial

    def is_current(self, name: str, inputs: str) -> bool:
        """Whether the file was drawn from these inputs and still has the bytes that were written."""
        entry = self.entries.get(name)
        return entry is not None and entry.inputs == inputs and self._holds(name, entry)

    def write_chart(self, name: str, part: str, inputs: str, png: bytes) -> None:
        """Put a chart in its place, whole or not at all."""
        with drafted(self.folder / name, png, private=False) as draft:
            self.entries[name] = Entry(part, inputs, digest(png))
            self._save()
            draft.replace(self.folder / name)

    def remove_stale(self, part: str, current: Iterable[str]) -> list[str]:
        """Remove the part's charts that are not current any more; a file that somebody changed since stays.

        Returns:
            Names of the removed files.
        """
        keep = set(current)
        stale = [name for name, entry in self.entries.items() if entry.part == part and name not in keep]
        removed = []
        for name in stale:
            entry = self.entries.pop(name)
            if self._holds(name, entry):
                (self.folder / name).unlink()
                removed.append(name)
        if stale:
            self._save()
        return removed

    def _holds(self, name: str, entry: Entry) -> bool:
        try:
            return digest(read_plain(self.folder / name)) == entry.content
        except OSError:
            # Missing, or something that is not ours stands there.
            return False

    def _has_no_charts(self) -> bool:
        return not any((self.folder / name).exists() for name in self.entries)

    def _save(self) -> None:
        files = {name: asdict(entry) for name, entry in sorted(self.entries.items())}
        stored = {"version": _VERSION, "is_tutorial": self.is_tutorial, "files": files}
        write_whole(self.folder / MANIFEST_NAME, json.dumps(stored).encode(), private=False)


def digest(content: bytes) -> str:
    """Short content hash."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()
