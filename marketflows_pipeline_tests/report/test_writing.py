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


MARK = '<meta name="generator" content="marketflows">'


def shown(place: Place) -> str:
    return f"{MARK}{place.path.name} after {place.previous}"


def archived(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "archive").iterdir())


def test_the_page_and_its_copy_link_to_the_day_before(tmp_path: Path) -> None:
    write_page(tmp_path / "new", DAY - timedelta(days=3), 60, shown)
    path = write_page(tmp_path / "new", DAY, 60, shown)

    assert path == tmp_path / "new" / "index.html"
    assert path.read_text() == f"{MARK}index.html after archive/2026-03-01.html"
    assert (path.parent / "archive/2026-03-04.html").read_text() == f"{MARK}2026-03-04.html after 2026-03-01.html"


def test_a_second_page_of_a_day_replaces_the_first(tmp_path: Path) -> None:
    for words in (f"{MARK}first", f"{MARK}second"):
        write_page(tmp_path, DAY, 60, lambda _, words=words: words)  # type: ignore[misc]
    assert archived(tmp_path) == ["2026-03-04.html"]
    assert (
        (tmp_path / "archive/2026-03-04.html").read_text() == (tmp_path / "index.html").read_text() == f"{MARK}second"
    )
    assert not list(tmp_path.rglob("*.draft"))


def test_copies_are_kept_for_their_days(tmp_path: Path) -> None:
    for ago in (0, 1, 2, 3, 4):
        write_page(tmp_path, DAY - timedelta(days=ago), 60, shown)
    (tmp_path / "archive" / "notes.html").write_text("mine")
    (tmp_path / "archive" / "2026-02-31.html").write_text(f"{MARK}no day")
    (tmp_path / "archive" / "2026-01-01.html").write_text("mine")
    (tmp_path / "archive" / "2026-01-02.html").write_text(MARK.rjust(2049))
    (tmp_path / "archive" / "2026-01-03.html").write_text(MARK.rjust(2048))
    (tmp_path / "archive" / "2026-01-04.html").write_text("<title>MarketFlows: what changed</title>")
    write_page(tmp_path, DAY, 3, shown)
    theirs = ["2026-01-01.html", "2026-01-02.html", "2026-02-31.html"]
    assert archived(tmp_path) == [*theirs, *(f"2026-03-0{day}.html" for day in (2, 3, 4)), "notes.html"]


def test_drafts_of_a_killed_writer_are_cleared_away_and_those_of_one_at_work_stay(tmp_path: Path) -> None:
    """A page of a killed run lay beside the one that counts, for good; `marketflows report` may write beside a run."""
    drafts = [
        folder / f".marketflows-{digit * 16}.draft" for folder in (tmp_path, tmp_path / "archive") for digit in "12"
    ]
    (tmp_path / "archive").mkdir()
    for draft in drafts:
        draft.write_text("half")
    for old in drafts[::2]:
        os.utime(old, (0, 0))

    write_page(tmp_path, DAY, 60, shown)

    assert sorted(tmp_path.rglob("*.draft")) == sorted(drafts[1::2])


def test_copies_take_no_more_room_than_they_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_BYTES", 250)
    for ago in (3, 2, 1, 0):
        write_page(tmp_path, DAY - timedelta(days=ago), 60, lambda _: MARK.ljust(100))
    assert archived(tmp_path) == ["2026-03-03.html", "2026-03-04.html"]
    write_page(tmp_path, DAY, 60, lambda _: MARK.ljust(300))
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
    with pytest.raises(MarketflowsError, match="did not write"):
        write_page(folder, DAY, 60, shown)
    assert target.read_text() == "theirs"


@pytest.mark.parametrize("name", ["index.html", "archive/2026-03-04.html"])
@pytest.mark.parametrize("content", ["", "<title>My home</title>", MARK.rjust(2049)])
def test_a_file_of_somebody_else_is_not_replaced(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / "archive").mkdir()
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(MarketflowsError) as caught:
        write_page(tmp_path, DAY, 60, shown)
    assert str(caught.value).startswith(f"{path} cannot be written: a file that MarketFlows did not write")
    assert path.read_text() == content
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]


def test_a_page_from_before_there_was_a_mark_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<title>MarketFlows: what changed by 3 Mar 2026</title>")
    assert write_page(tmp_path, DAY, 60, shown).read_text().startswith(MARK)


def test_an_archive_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "archive").symlink_to(tmp_path / "theirs")
    with pytest.raises(MarketflowsError, match=r"archive cannot be written: it is a link"):
        write_page(folder, DAY, 60, shown)
    assert not list((tmp_path / "theirs").iterdir())
    assert not (folder / "index.html").exists()


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
    write_file(Place(path), shown)
    assert path.read_text() == f"{MARK}page.html after None"
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
