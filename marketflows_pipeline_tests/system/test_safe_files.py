"""New files: for their user alone where they are private, and never written through what somebody planted."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from marketflows_pipeline.errors import Stopped, UnsafeFileError
from marketflows_pipeline.system import safe_files
from marketflows_pipeline.system.safe_files import (
    clear_drafts,
    drafted,
    is_device,
    make_way,
    open_private,
    private_folder,
    private_umask,
    read_plain,
    remove,
    require_own,
    scratch_folder,
    shared_folder,
    write_whole,
)


@pytest.fixture(autouse=True)
def everybodys_umask() -> Iterator[None]:
    """The umask of a user who hides nothing."""
    before = os.umask(0o002)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def a_link(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def a_link_to_nothing(path: Path, victim: Path) -> None:
    path.symlink_to(victim.with_name("not there"))


def a_second_name(path: Path, victim: Path) -> None:
    path.hardlink_to(victim)


def a_fifo(path: Path, victim: Path) -> None:
    os.mkfifo(path)


PLANTS = [a_link, a_link_to_nothing, a_second_name, a_fifo]
Plant = Callable[[Path, Path], None]


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "victim"
    path.parent.mkdir()
    path.write_text("precious")
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("private", [True, False])
def test_a_file_put_in_its_place_replaces_what_is_planted_there(
    tmp_path: Path, victim: Path, plant: Plant, private: bool
) -> None:
    path = tmp_path / "file"
    plant(path, victim)

    write_whole(path, b"new", private=private)

    assert path.read_bytes() == b"new"
    assert stat.S_ISREG(path.lstat().st_mode)
    assert mode(path) == (0o600 if private else 0o664)
    assert (victim.read_text(), mode(victim), len(list(victim.parent.iterdir()))) == ("precious", 0o644, 1)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["elsewhere", "file"]


@pytest.mark.parametrize("plant", PLANTS)
def test_a_file_that_is_written_in_place_is_never_the_victim(tmp_path: Path, victim: Path, plant: Plant) -> None:
    path = tmp_path / "file"
    plant(path, victim)

    if plant is a_second_name:
        with pytest.raises(UnsafeFileError, match=f"{path} is a second name"):
            open_private(path, os.O_WRONLY | os.O_TRUNC)
    else:
        descriptor = open_private(path, os.O_WRONLY | os.O_TRUNC)
        os.write(descriptor, b"new")
        os.close(descriptor)
        assert (path.read_bytes(), mode(path)) == (b"new", 0o600)
    assert (victim.read_text(), mode(victim), len(list(victim.parent.iterdir()))) == ("precious", 0o644, 1)


def test_a_directory_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file" / "within").mkdir(parents=True)
    path = tmp_path / "file"
    for write in (lambda: write_whole(path, b"", private=True), lambda: open_private(path, 0), lambda: make_way(path)):
        with pytest.raises(UnsafeFileError, match=rf"{path} .*is a directory") as caught:
            write()
        assert "\n" not in str(caught.value)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_another_users_file_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In /tmp everybody may make a file that is waiting for our log."""
    path = tmp_path / "file"
    path.write_text("theirs")
    stranger = os.stat_result((*path.stat()[:4], 12345, *path.stat()[5:]))
    monkeypatch.setattr(Path, "lstat", lambda itself: stranger if itself == path else os.lstat(itself))
    with pytest.raises(UnsafeFileError, match="belongs to another user"):
        require_own(path)


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("ours")
    os.close(open_private(path, os.O_WRONLY | os.O_APPEND))
    assert (path.read_text(), mode(path)) == ("ours", 0o600)

    path.chmod(0o644)
    require_own(path)
    assert mode(path) == 0o600


def test_a_folder_that_is_a_link_is_the_users_own_choice(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "folder").symlink_to("disk")
    private_folder(tmp_path / "folder")
    shared_folder(tmp_path / "folder")
    write_whole(tmp_path / "folder" / "file", b"new", private=False)
    assert (tmp_path / "disk" / "file").read_bytes() == b"new"
    assert mode(tmp_path / "disk") == 0o775, "nor is it closed to whom the user let in"


def test_a_private_folder_is_closed_to_others_and_one_that_may_hold_other_things_is_left_alone(tmp_path: Path) -> None:
    private_folder(tmp_path / "a" / "new")
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "new")) == (0o775, 0o700)

    (tmp_path / "ours").mkdir()
    (tmp_path / "shared").mkdir()
    private_folder(tmp_path / "ours")
    private_folder(tmp_path / "shared", is_ours=False)
    assert (mode(tmp_path / "ours"), mode(tmp_path / "shared")) == (0o700, 0o775)


def test_what_others_write_is_private_while_it_lasts_and_what_is_for_others_is_not(tmp_path: Path) -> None:
    """DuckDB and SQLite make their own files."""
    with private_umask():
        with private_umask():
            (tmp_path / "log").write_text("")
        (tmp_path / "database").write_text("")
        shared_folder(tmp_path / "for" / "others")
        write_whole(tmp_path / "for" / "others" / "picture", b"", private=False)
    (tmp_path / "after").write_text("")

    assert [mode(tmp_path / name) for name in ("log", "database", "after")] == [0o600, 0o600, 0o664]
    public = tmp_path / "for" / "others"
    assert [mode(path) for path in (public.parent, public, public / "picture")] == [0o775, 0o775, 0o664]


def test_a_fault_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill_up(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(safe_files, "set_mode", fill_up)
    with pytest.raises(OSError, match="no space left"), drafted(tmp_path / "file", b"new", private=True):
        pytest.fail("a draft that is not whole")
    assert list(tmp_path.iterdir()) == []


def test_a_signal_leaves_no_draft(tmp_path: Path) -> None:
    """Only faults of the disk took it away: pages of some megabytes stayed beside the one that counts."""
    with pytest.raises(Stopped), drafted(tmp_path / "file", b"new", private=True):
        raise Stopped
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_in_its_scratch_folder_is_cleared_away_and_nothing_else(tmp_path: Path) -> None:
    """Each killed run left the histories of reserves that it was reading, for good."""
    private = tmp_path / "warehouse.duckdb"
    for name in ("warehouse.duckdb.k1ll3d_0.scratch", "tutorial.duckdb.other_00.scratch", "warehouse.duckdb.spill"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "history").write_text("{}")

    with scratch_folder(private) as folder:
        assert (folder.parent, mode(folder)) == (tmp_path, 0o700)
        left = sorted(path.name for path in tmp_path.iterdir() if path != folder)

    assert left == ["tutorial.duckdb.other_00.scratch", "warehouse.duckdb.spill"]
    assert not folder.exists()


def test_a_file_system_that_knows_no_modes_is_written_to_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A memory stick refuses any mode but its own."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    monkeypatch.setattr(os, "fchmod", refuse)
    shared_folder(tmp_path / "pictures")
    write_whole(tmp_path / "pictures" / "file", b"new", private=False)
    os.close(open_private(tmp_path / "pictures" / "file", os.O_WRONLY))
    assert (tmp_path / "pictures" / "file").read_bytes() == b"new"


def test_drafts_of_a_killed_process_are_cleared_away_and_nothing_else(tmp_path: Path, victim: Path) -> None:
    with drafted(tmp_path / "file", b"new", private=True) as draft:
        left = draft.rename(tmp_path / "kept")
        left.rename(draft)
        draft.with_name(".marketflows-0123456789abcdef.draft").symlink_to(victim.parent)
    for name in (".marketflows.draft", "notes.draft"):
        (tmp_path / name).write_text("mine")

    clear_drafts(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == [".marketflows.draft", "elsewhere", "notes.draft"]
    assert victim.exists()


def test_what_is_no_plain_file_is_not_read(tmp_path: Path, victim: Path) -> None:
    a_link(tmp_path / "link", victim)
    a_fifo(tmp_path / "fifo", victim)
    (tmp_path / "folder").mkdir()
    for name in ("link", "fifo", "folder"):
        with pytest.raises(OSError):  # noqa: PT011 - each has words of its own
            read_plain(tmp_path / name)
    assert read_plain(victim) == b"precious"


def test_a_link_to_a_folder_is_removed_and_not_what_it_points_to(tmp_path: Path, victim: Path) -> None:
    for clear in (remove, partial(make_way, folder=True)):
        (tmp_path / "link").symlink_to(victim.parent)
        clear(tmp_path / "link")
        assert not (tmp_path / "link").is_symlink()
    assert victim.read_text() == "precious"


def test_a_file_in_the_place_of_a_folder_is_named(victim: Path) -> None:
    with pytest.raises(UnsafeFileError, match=f"{victim} is no folder of your own"):
        make_way(victim, folder=True)


def test_a_device_and_what_the_system_calls_standard_output_are_told_from_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root, report --out /dev/null put the page in the place of the device, for every program of the machine."""
    (tmp_path / "stdout").symlink_to("fd/1")
    assert not is_device(tmp_path / "stdout")
    monkeypatch.setattr(safe_files, "_DEVICES", tmp_path)
    assert is_device(tmp_path / "stdout")
    assert is_device(Path(os.devnull))
    assert not is_device(Path(__file__))
    assert not is_device(tmp_path / "missing")


def test_nothing_is_put_in_the_place_of_a_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_files, "_DEVICES", tmp_path)
    (tmp_path / "stdout").symlink_to("fd/1")
    with pytest.raises(UnsafeFileError, match="cannot be written: it is a device; name another file"):
        write_whole(tmp_path / "stdout", b"page", private=False)
    assert (tmp_path / "stdout").is_symlink()
