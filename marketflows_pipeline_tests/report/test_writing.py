"""Files of the page: whole, dated, pruned, and never through a link that somebody has put there."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.report import writing
from marketflows_pipeline.report.writing import Place, write_file, write_page

DAY = date(2026, 3, 4)


def shown(place: Place) -> str:
    return f"{place.path.name} after {place.previous}"


def archived(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "archive").iterdir())


def test_the_page_and_its_copy_link_to_the_day_before(tmp_path: Path) -> None:
    write_page(tmp_path / "new", DAY - timedelta(days=3), 60, shown)
    path = write_page(tmp_path / "new", DAY, 60, shown)

    assert path == tmp_path / "new" / "index.html"
    assert path.read_text() == "index.html after archive/2026-03-01.html"
    assert (path.parent / "archive/2026-03-04.html").read_text() == "2026-03-04.html after 2026-03-01.html"


def test_a_second_page_of_a_day_replaces_the_first(tmp_path: Path) -> None:
    for words in ("first", "second"):
        write_page(tmp_path, DAY, 60, lambda _, words=words: words)  # type: ignore[misc]
    assert archived(tmp_path) == ["2026-03-04.html"]
    assert (tmp_path / "archive/2026-03-04.html").read_text() == (tmp_path / "index.html").read_text() == "second"
    assert not list(tmp_path.rglob("*.draft"))


def test_copies_are_kept_for_their_days(tmp_path: Path) -> None:
    for ago in (0, 1, 2, 3, 4):
        write_page(tmp_path, DAY - timedelta(days=ago), 60, shown)
    (tmp_path / "archive" / "notes.html").write_text("mine")
    (tmp_path / "archive" / "2026-02-31.html").write_text("no day")
    write_page(tmp_path, DAY, 3, shown)
    assert archived(tmp_path) == ["2026-02-31.html", *(f"2026-03-0{day}.html" for day in (2, 3, 4)), "notes.html"]


def test_copies_take_no_more_room_than_they_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_BYTES", 250)
    for ago in (3, 2, 1, 0):
        write_page(tmp_path, DAY - timedelta(days=ago), 60, lambda _: "x" * 100)
    assert archived(tmp_path) == ["2026-03-03.html", "2026-03-04.html"]
    write_page(tmp_path, DAY, 60, lambda _: "x" * 300)
    assert archived(tmp_path) == ["2026-03-04.html"], "the day's own stays"


@pytest.mark.parametrize("trap", [Path.symlink_to, os.link])
@pytest.mark.parametrize("name", ["index.html", "archive/2026-03-04.html"])
def test_nothing_is_written_through_a_link(tmp_path: Path, name: str, trap: Callable[..., None]) -> None:
    target = tmp_path / "target"
    target.write_text("theirs")
    folder = tmp_path / "report"
    (folder / "archive").mkdir(parents=True)
    if trap is os.link:
        os.link(target, folder / name)
    else:
        (folder / name).symlink_to(target)
    write_page(folder, DAY, 60, shown)
    assert target.read_text() == "theirs"
    assert not (folder / name).is_symlink()


def test_a_directory_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "index.html").mkdir()
    with pytest.raises(MarketflowsError, match=r"index\.html cannot be written: it is a directory; move it away"):
        write_page(tmp_path, DAY, 60, shown)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MarketflowsError, match=r"file.* cannot be written"):
        write_page(tmp_path / "file", DAY, 60, shown)


def test_one_file_has_its_folder_made(tmp_path: Path) -> None:
    path = tmp_path / "to send" / "page.html"
    write_file(path, Place(path), shown)
    assert path.read_text() == "page.html after None"
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
