"""Putting the page in its place: whole or not at all, with a copy a day and the old ones taken away."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from marketflows_pipeline.errors import RenderError
from marketflows_pipeline.system.safe_files import clear_drafts, is_own_plain, read_plain, shared_folder, write_whole

INDEX, ARCHIVE = "index.html", "archive"
# All dated copies together.
MOST_BYTES = 400_000_000
# One of them stands at the beginning of each page that this program wrote; the second alone in older ones.
_MARKS = (b'<meta name="generator" content="marketflows">', b"<title>MarketFlows:")
_BEGINNING = 2048
_DATED = re.compile(r"(\d{4}-\d{2}-\d{2})\.html")


@dataclass(frozen=True)
class Place:
    """Where a page stands, for its links.

    Attributes:
        path: of the file.
        previous: copy of the day before, as a relative link; None where there is none.
    """

    path: Path
    previous: str | None = None


def write_page(folder: Path, day: date, keep_days: int, render: Callable[[Place], str]) -> Path:
    """Write ``index.html`` and the day's copy in ``archive/``, and remove copies that are too old or too many.

    Args:
        folder: of the page.
        day: of the copy, in UTC.
        keep_days: days for which a copy is kept.
        render: gives the page for a place.

    Returns:
        The path of ``index.html``.

    Raises:
        RenderError: if a file cannot be written, or another than a page of this program is in its place.
    """
    archive = folder / ARCHIVE
    if archive.is_symlink():
        raise RenderError(f"{archive} cannot be written: it is a link, expected a folder; move it away")
    for path in (folder / INDEX, archive / f"{day}.html"):
        _refuse_foreign(path)
    with _said(folder):
        shared_folder(archive)
        previous = _name_before(archive, day)
    write_file(Place(archive / f"{day}.html", previous), render)
    write_file(Place(folder / INDEX, f"{ARCHIVE}/{previous}" if previous else None), render)
    with _said(archive):
        _prune(archive, day, keep_days)
        for each in (folder, archive):
            clear_drafts(each, older_than=folder / INDEX)
    return folder / INDEX


def write_file(place: Place, render: Callable[[Place], str]) -> None:
    """Write one page, for others to read.

    Raises:
        RenderError: if the file cannot be written.
    """
    content = render(place).encode()
    with _said(place.path):
        shared_folder(place.path.parent)
        write_whole(place.path, content, private=False)


def _name_before(archive: Path, day: date) -> str | None:
    """The newest copy of an earlier day."""
    return max((path.name for of_day, path in _copies(archive) if of_day < day), default=None)


def _prune(archive: Path, day: date, keep_days: int) -> None:
    """Remove copies older than the limit, then the oldest until the others fit; that of the day stays."""
    room = MOST_BYTES
    for of_day, path in sorted(_copies(archive), reverse=True):
        room -= path.stat().st_size
        if of_day != day and (room < 0 or of_day <= day - timedelta(days=keep_days)):
            path.unlink(missing_ok=True)


def _copies(archive: Path) -> Iterator[tuple[date, Path]]:
    """Dated copies that this program has made; whatever else lies there is left alone."""
    for path in archive.iterdir():
        named = _DATED.fullmatch(path.name)
        if named and is_own_plain(path) and _is_page(path):
            try:
                yield date.fromisoformat(named[1]), path
            except ValueError:
                continue


def _refuse_foreign(path: Path) -> None:
    """Go on only if nothing, a page of this program, or a folder (which no file replaces) is at a path."""
    if path.is_symlink() or (path.exists() and not path.is_dir() and not _is_page(path)):
        raise RenderError(
            f"{path} cannot be written: a file that MarketFlows did not write is in its place; move it away, or set "
            "another folder ([report] path)"
        )


def _is_page(path: Path) -> bool:
    """Whether a plain file begins as the pages of this program do."""
    try:
        beginning = read_plain(path, most=_BEGINNING)
    except OSError:
        return False
    return any(mark in beginning for mark in _MARKS)


@contextmanager
def _said(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RenderError(f"{error.filename or path} cannot be written: {error.strerror or error}") from error
