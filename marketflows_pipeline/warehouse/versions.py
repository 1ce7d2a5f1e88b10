"""The published files on disk: one symbolic link, the versioned files behind it, and what they leave lying about.

A DuckDB session keeps its write-ahead log beside the file it opened. With one file replaced by rename, a session that
still writes to the old one would put its log beside the new one, and the next reader would replay it there. So every
publish gets a file of its own name, and people open a link to it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.system.safe_files import is_own_plain, open_mode, remove, set_mode, shared_folder

logger = logging.getLogger(__name__)

_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, order=True)
class Version:
    """One published file.

    The number counts the publishes; a clock that is set back does not change their order.
    """

    number: int
    path: Path


class VersionFolder:
    """The folder of the published link and its versions.

    The link is the path people open, such as ``warehouse/marketflows.duckdb``.

    Raises:
        WarehouseError: if something that is not a link is in its place.
    """

    def __init__(self, link: Path) -> None:
        self.link = link
        self._folder = link.parent
        self._name = re.compile(
            re.escape(link.stem) + r"\.(?P<number>\d{6,})\.\d{8}T\d{6}Z\.\w+" + re.escape(link.suffix)
        )
        self._half_built = re.compile(re.escape(f".{link.stem}.") + r"\w+(\.[0-9a-f]{16})?\.building.*")
        if link.exists() and not link.is_symlink():
            raise WarehouseError(f"{link} is not a link made by this program; move it away, then run again")
        shared_folder(self._folder)

    def newest_first(self) -> list[Version]:
        """The published files that are there; a link, or a file of another user, is none."""
        found = []
        for path in self._folder.iterdir():
            match = self._name.fullmatch(path.name)
            if match and is_own_plain(path):
                found.append(Version(int(match["number"]), path))
        return sorted(found, reverse=True)

    def building_path(self, role: str) -> Path:
        """Where a file is put together before it is published: an unpredictable name, which tells its role."""
        return self._folder / f".{self.link.stem}.{role}.{secrets.token_hex(8)}.building"

    def clear_unfinished(self) -> None:
        """Remove what a killed publish left: half-built files, and whole ones that were never linked."""
        for path in self._folder.iterdir():
            if self._half_built.fullmatch(path.name):
                try:
                    remove(path)
                except OSError as error:
                    # Nothing is in its way: the next file to be built has a name of its own.
                    logger.warning("%s could not be removed: %s", path, error.strerror)
        versions = self.newest_first()
        linked = next((version for version in versions if version.path.name == self._linked_name()), None)
        if linked is not None:
            _remove(version for version in versions if version > linked)

    def adopt(self, building: Path, run_id: str, now: datetime) -> Version:
        """Give a finished file its name and point the link to it, for all who open it from then on.

        The building is closed and checked; the first 8 letters and digits of the run go into its name.
        """
        stamp = now.astimezone(UTC).strftime(_STAMP)
        newest = self.newest_first()
        number = newest[0].number + 1 if newest else 1
        run = re.sub(r"\W|_", "", run_id)[:8] or "run"
        path = self._folder / f"{self.link.stem}.{number:06d}.{stamp}.{run}{self.link.suffix}"
        _remove_log(path)
        _sync(building, mode=open_mode())
        building.rename(path)
        # A session of an older DuckDB keeps its log at the link's own name, where the new file would replay it.
        _remove_log(self.link)
        pointer = self.building_path("link")
        try:
            pointer.symlink_to(path.name)
        except (OSError, NotImplementedError) as error:
            path.unlink()
            raise WarehouseError(
                f"{self._folder} cannot hold a symbolic link ({error}); put published_path on a file system that can"
            ) from error
        try:
            pointer.replace(self.link)
        except OSError:
            path.unlink()
            raise
        # Not every file system can sync a folder; the new file is in place either way.
        with contextlib.suppress(OSError):
            _sync(self._folder)
        return Version(number, path)

    def make_room(self) -> None:
        """Remove all but the linked version before another one is built, for files of which three would be too many.

        Where a session has written to it since it was linked, older ones stay: its tables may be carried over from one.
        """
        newest = self.newest_first()
        if newest and newest[0].path.stat().st_mtime_ns <= self.link.lstat().st_mtime_ns:
            # One that cannot be removed is said at the end, when it should be gone as well.
            with contextlib.suppress(OSError):
                self.keep(1)

    def keep(self, count: int) -> None:
        """Remove all but the newest versions, with the logs that sessions left beside them."""
        versions = self.newest_first()
        _remove(versions[count:])
        for log in self._folder.glob(f"{self.link.stem}.*{self.link.suffix}.wal"):
            if self._name.fullmatch(log.stem) and not log.with_suffix("").exists():
                log.unlink(missing_ok=True)

    def _linked_name(self) -> str | None:
        return self.link.readlink().name if self.link.is_symlink() else None


def _remove(versions: Iterable[Version]) -> None:
    for version in versions:
        version.path.unlink(missing_ok=True)
        _remove_log(version.path)


def _remove_log(file: Path) -> None:
    """Remove what lies where DuckDB keeps the log of a file, which the next to open the file would replay."""
    log = file.with_name(f"{file.name}.wal")
    try:
        remove(log)
    except OSError:
        # A directory is no log that DuckDB would replay.
        if not log.is_dir():
            raise


def _sync(path: Path, *, mode: int | None = None) -> None:
    """Wait until a file or folder is on the disk, with that mode where one is given."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW if mode else os.O_RDONLY)
    try:
        if mode is not None:
            set_mode(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
