"""One run at a time."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import RunLockedError, UnsafeFileError
from marketflows_pipeline.system.run_lock import RunLock

START = datetime(2026, 11, 20, 18, tzinfo=UTC)
ROOT = Path(__file__).parents[2]

HOLD = """
import sys
from pathlib import Path
from marketflows_pipeline.system.run_lock import RunLock
with RunLock(Path(sys.argv[1])).acquire(command="marketflows --log-level DEBUG"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "private" / "warehouse.lock"


@contextmanager
def holding(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lock until its input ends."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield holder
        holder.communicate()


def test_the_lock_file_says_who_holds_it(path: Path) -> None:
    with RunLock(path, FixedClock(START)).acquire(command="marketflows"):
        said = json.loads(path.read_text())

    assert said == {"pid": os.getpid(), "command": "marketflows", "started_at": "2026-11-20T18:00:00+00:00"}
    assert path.read_text() == ""


def test_a_second_run_waits_and_then_names_the_holder(path: Path) -> None:
    clock = FixedClock(START)
    with holding(path) as holder:
        second = RunLock(path, clock).acquire(command="second", wait_s=60)
        with pytest.raises(RunLockedError) as caught, second:
            pytest.fail("two runs at once")

    assert clock.now() - START == timedelta(seconds=60)
    assert f"pid {holder.pid}, started 20" in str(caught.value)
    assert "marketflows --log-level DEBUG" in str(caught.value)
    assert caught.value.exit_code == 1


@pytest.mark.slow
def test_a_second_run_goes_on_once_the_first_is_done(path: Path) -> None:
    with holding(path) as holder:

        class EndsWhileWeWait(FixedClock):
            def sleep(self, seconds: float) -> None:
                super().sleep(seconds)
                holder.communicate()

        clock = EndsWhileWeWait(START)
        with RunLock(path, clock).acquire(command="second"):
            assert json.loads(path.read_text())["command"] == "second"
    assert clock.now() - START == timedelta(seconds=1)


def test_a_killed_holder_holds_nothing(path: Path) -> None:
    clock = FixedClock(START)
    with holding(path) as holder:
        holder.kill()
        holder.wait()
        with RunLock(path, clock).acquire(command="second", wait_s=0):
            pass
    assert clock.now() == START


def test_two_locks_of_one_process_exclude_each_other(path: Path) -> None:
    clock = FixedClock(START)
    with RunLock(path, clock).acquire(command="first"):
        with pytest.raises(RunLockedError, match="first"), RunLock(path, clock).acquire(command="second", wait_s=0):
            pytest.fail("two runs at once")
        assert json.loads(path.read_text())["command"] == "first"


def test_a_failed_run_gives_the_lock_back(path: Path) -> None:
    lock = RunLock(path, FixedClock(START))
    with pytest.raises(ZeroDivisionError), lock.acquire(command="first"):
        raise ZeroDivisionError
    with lock.acquire(command="second", wait_s=0):
        assert lock.holder() is not None
    assert lock.holder() is None


def test_a_holder_that_has_not_said_its_name_yet_is_waited_for_all_the_same(path: Path) -> None:
    clock = FixedClock(START)
    with RunLock(path, clock).acquire(command="first"):
        path.write_text("")
        second = RunLock(path, clock).acquire(command="second", wait_s=1)
        with pytest.raises(RunLockedError, match="another run, which has not said which"), second:
            pytest.fail("two runs at once")


def test_the_lock_file_is_for_its_user_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("")
    path.chmod(0o644)
    with RunLock(path, FixedClock(START)).acquire(command="marketflows --secrets mine.toml"):
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("plant", ["link", "link to nothing", "fifo"])
def test_what_is_planted_in_the_place_of_the_lock_is_neither_followed_nor_waited_for(path: Path, plant: str) -> None:
    """A link named like the lock once had its target emptied at the end of each run."""
    victim = path.parents[1] / "victim"
    victim.write_text("precious")
    path.parent.mkdir()
    if plant == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(victim if plant == "link" else victim.with_name("not there"))

    with RunLock(path, FixedClock(START)).acquire(command="marketflows"):
        assert json.loads(path.read_text())["command"] == "marketflows"
        assert not path.is_symlink()

    assert sorted(each.name for each in victim.parent.iterdir()) == ["private", "victim"]
    assert victim.read_text() == "precious"


def test_a_lock_file_that_is_a_second_name_of_another_file_is_refused(path: Path) -> None:
    victim = path.parents[1] / "victim"
    victim.write_text("precious")
    path.parent.mkdir()
    path.hardlink_to(victim)

    lock = RunLock(path, FixedClock(START)).acquire(command="marketflows")
    with pytest.raises(UnsafeFileError, match="is a second name"), lock:
        pytest.fail("the lock is another file")

    assert victim.read_text() == "precious"


@pytest.mark.parametrize("said", ["[]", "{}", "null", '{"pid": 1}', "[" * 10])
def test_a_lock_file_with_other_words_names_no_holder(path: Path, said: str) -> None:
    path.parent.mkdir()
    path.write_text(said)
    assert RunLock(path).holder() is None


def test_whether_a_run_is_active_is_told_by_the_lock_and_not_by_its_words(path: Path) -> None:
    assert not RunLock(path).is_held(), "there is no lock file yet"
    with holding(path):
        assert RunLock(path).is_held()
    path.write_text('{"pid": 1, "command": "killed", "started_at": "2026-11-20T18:00:00+00:00"}')
    assert not RunLock(path).is_held()
    assert path.read_text(), "looking changes nothing"


def test_a_link_in_the_place_of_the_lock_is_not_followed(path: Path) -> None:
    path.parent.mkdir()
    (path.parents[1] / "victim").write_text("")
    path.symlink_to(path.parents[1] / "victim")

    assert not RunLock(path).is_held()


def test_a_full_disk_under_the_lock_file_is_named_and_holds_no_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run said `OSError: [Errno 28] No space left on device`, and not where."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("marketflows_pipeline.system.run_lock.open_private", refuse)
    expected = f"{path} cannot be written as the lock of runs: No space left on device"
    with pytest.raises(UnsafeFileError, match=re.escape(expected)), RunLock(path).acquire(command="a"):
        pass
    assert not RunLock(path).is_held()


def test_a_disk_that_fails_while_the_lock_is_held_hides_no_fault_of_the_run(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    def run() -> None:
        with RunLock(path).acquire(command="a"):
            monkeypatch.setattr("marketflows_pipeline.system.run_lock.open_private", refuse)
            raise ValueError("of the run")

    with pytest.raises(ValueError, match="of the run"):
        run()
    assert not RunLock(path).is_held()
