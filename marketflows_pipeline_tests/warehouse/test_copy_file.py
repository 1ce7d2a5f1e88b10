"""Copying a file to wherever it is published: other file systems, sandboxes, and disks that are full."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.warehouse import copy_file
from marketflows_pipeline.warehouse.copy_file import copy_in_subprocess
from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.published_answers import query_rows
from marketflows_pipeline_tests.warehouse.frames import NOW, fill

CONTENT = bytes(range(256)) * 40_000
REFUSALS = ["EXDEV", "ENOSYS", "EOPNOTSUPP", "EINVAL", "EPERM", "EBADF"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def elsewhere(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on another file system than `tmp_path`, which is in memory where it can be."""
    folder = tmp_path_factory.mktemp("elsewhere")
    if folder.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system to write to")
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that holds 2 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def refuse_after(monkeypatch: pytest.MonkeyPatch, done: int, error: int | None) -> None:
    """Let the kernel's copy do its first bytes only, then fail with an error, or do nothing more where it is None."""
    real, steps = os.copy_file_range, iter([done] if done else [])

    def copy_file_range(reader: int, writer: int, count: int) -> int:
        step = next(steps, 0)
        if step:
            return real(reader, writer, min(step, count))
        if error is None:
            return 0
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "copy_file_range", copy_file_range)


@pytest.mark.parametrize("done", [0, 4_097])
@pytest.mark.parametrize("name", REFUSALS)
def test_what_the_kernel_refuses_to_copy_is_copied_plainly_from_where_it_stopped(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, done: int
) -> None:
    """A warehouse folder on another disk once failed every publish with EXDEV, for ever."""
    refuse_after(monkeypatch, done, getattr(errno, name))
    copy_file._copy(str(source), str(tmp_path / "target"))
    assert (tmp_path / "target").read_bytes() == CONTENT


@pytest.mark.parametrize("done", [0, 4_097])
def test_a_kernel_that_copies_nothing_without_an_error_is_helped_out(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    """Some file systems answer 0 bytes where they mean that they cannot."""
    refuse_after(monkeypatch, done, None)
    copy_file._copy(str(source), str(tmp_path / "target"))
    assert (tmp_path / "target").read_bytes() == CONTENT


def test_an_interpreter_without_the_kernels_copy_copies_plainly(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "copy_file_range")
    copy_file._copy(str(source), str(tmp_path / "target"))
    assert (tmp_path / "target").read_bytes() == CONTENT


def test_a_file_is_copied_onto_another_file_system(source: Path, elsewhere: Path) -> None:
    copy_in_subprocess(source, elsewhere / "target")
    assert (elsewhere / "target").read_bytes() == CONTENT


@pytest.mark.slow
def test_the_published_file_may_lie_on_another_file_system_than_the_private_one(private: Path, elsewhere: Path) -> None:
    """Two publishes, so that the second carries a part over from the first one's file."""
    link = elsewhere / "marketflows.duckdb"
    with Warehouse(private) as warehouse:
        for part, run_id in (("market_caps", "run-1"), ("exchanges", "run-2")):
            begin_part(warehouse, part, run_id, NOW)  # type: ignore[arg-type]
            fill(warehouse, part, 3.0)  # type: ignore[arg-type]
            publish(warehouse, part=part, run_id=run_id, now=NOW, published_path=link)  # type: ignore[arg-type]
    assert link.is_symlink()
    assert query_rows(link, "select market_cap_usd from raw.market_caps").rows == [(3.0,)]
    assert not list(elsewhere.glob(".*")), "nothing half built is left"


def test_a_full_disk_is_said_in_one_line_and_leaves_nothing(source: Path, small_disk: Path) -> None:
    with pytest.raises(OSError, match=r"could not be copied to .*small: No space left on device$") as caught:
        copy_in_subprocess(source, small_disk / "target")
    assert "\n" not in str(caught.value)
    assert list(small_disk.iterdir()) == []


@pytest.mark.slow
def test_a_full_disk_keeps_the_old_published_file(private: Path, small_disk: Path, link: Path) -> None:
    link = small_disk / "marketflows.duckdb"
    old = small_disk / "marketflows.000001.20261120T000000Z.run0.duckdb"
    old.write_bytes(b"old")
    link.symlink_to(old.name)
    with Warehouse(private) as warehouse:
        begin_part(warehouse, "market_caps", "run-1", NOW)
        fill(warehouse, "market_caps", 3.0)
        warehouse.execute("create table raw.large as select random() as x from range(1_000_000)")
        with pytest.raises(WarehouseError, match="No space left on device") as caught:
            publish(warehouse, part="market_caps", run_id="run-1", now=NOW, published_path=link)
    assert "\n" not in str(caught.value)
    assert sorted(small_disk.iterdir()) == sorted([link, old])
    assert link.read_bytes() == b"old"


@pytest.mark.slow
def test_a_folder_that_cannot_be_made_is_a_fault_in_one_line(private: Path, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    with Warehouse(private) as warehouse:
        begin_part(warehouse, "market_caps", "run-1", NOW)
        fill(warehouse, "market_caps", 3.0)
        with pytest.raises(WarehouseError, match="nothing was published"):
            publish(
                warehouse, part="market_caps", run_id="run-1", now=NOW, published_path=tmp_path / "a-file" / "x.duckdb"
            )
