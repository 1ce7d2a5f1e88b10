"""Whole runs in folders where another user of the machine planted something, and what they leave readable."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from marketflows_pipeline.charts.rendering.manifest import MANIFEST_NAME
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.pipeline.environment import Environment

pytestmark = pytest.mark.slow

PICTURE = "Narratives_MC_by_us-dollar.png"
# Every name that a run may write to and that can be known beforehand, those of earlier versions among them.
PRIVATE = ("warehouse.lock", "warehouse.duckdb.wal", "warehouse.duckdb.calls", "warehouse.duckdb.spill")
PUBLISHED = (
    ".marketflows.private.building",
    ".marketflows.private.building.spill",
    ".marketflows.last.building",
    ".marketflows.link.building",
    "marketflows.duckdb.wal",
    "marketflows.999999.20260101T000000Z.abcdefgh.duckdb",
)
PICTURES = (MANIFEST_NAME, f".{MANIFEST_NAME}.tmp", PICTURE, f".{PICTURE}.tmp")


@pytest.fixture(autouse=True)
def everybodys_umask() -> Iterator[None]:
    """The umask of a user who hides nothing."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def places(env: Environment) -> list[Path]:
    folders = {
        env.private.parent: PRIVATE,
        env.published.parent: PUBLISHED,
        env.folder / "pictures": PICTURES,
    }
    for folder in folders:
        folder.mkdir(exist_ok=True)
    return [folder / name for folder, names in folders.items() for name in names]


@pytest.fixture
def victims(tmp_path: Path) -> Path:
    """A folder with a file in it, neither of which is any business of this program."""
    folder = tmp_path / "victims"
    folder.mkdir()
    (folder / "file").write_text("precious")
    return folder


def assert_unharmed(victims: Path) -> None:
    assert [path.name for path in victims.iterdir()] == ["file"]
    assert (victims / "file").read_text() == "precious"
    assert (mode(victims), mode(victims / "file")) == (0o755, 0o644)


def a_link(place: Path, victims: Path) -> None:
    place.symlink_to(victims / "file")


def a_link_to_nothing(place: Path, victims: Path) -> None:
    place.symlink_to(victims / "not there")


def a_link_to_a_folder(place: Path, victims: Path) -> None:
    place.symlink_to(victims)


def a_fifo(place: Path, victims: Path) -> None:
    if place.suffix != ".spill":
        os.mkfifo(place)


@pytest.mark.parametrize("plant", [a_link, a_link_to_nothing, a_link_to_a_folder, a_fifo])
def test_what_is_planted_is_neither_written_through_nor_in_the_way(
    env: Environment, victims: Path, plant: Callable[[Path, Path], None]
) -> None:
    """A link named like a picture that was still being written once had its target overwritten."""
    for place in places(env):
        plant(place, victims)

    assert env.run(with_pictures=True), env.failure.lines

    assert_unharmed(victims)
    assert env.stored("select count(*) > 0 as any from raw.market_caps").item()
    assert (env.folder / "pictures" / PICTURE).read_bytes().startswith(b"\x89PNG")
    assert not (env.folder / "pictures" / PICTURE).is_symlink()
    assert (env.published.parent / env.published.readlink()).is_file()


def test_planted_directories_do_not_keep_a_run_from_publishing(env: Environment, victims: Path) -> None:
    """One directory at a name that could be known beforehand once made every publish fail."""
    for name in PUBLISHED:
        (env.published.parent / name / "within").mkdir(parents=True)
        (env.published.parent / name / "link").symlink_to(victims)

    assert env.run(), env.failure.lines

    assert env.published.is_symlink()
    assert_unharmed(victims)


@pytest.mark.parametrize(
    "name",
    [
        ".marketflows",
        ".marketflows/warehouse.lock",
        ".marketflows/warehouse.duckdb",
        ".marketflows/warehouse.duckdb.wal",
        "warehouse",
    ],
)
def test_a_directory_or_file_in_the_place_of_ours_is_named_in_one_line(env: Environment, name: str) -> None:
    place = env.folder / name
    if "/" not in name:
        place.write_text("")
    else:
        (place / "within").mkdir(parents=True)

    assert not env.run()

    (line,) = env.failure.lines
    assert str(place) in line
    assert "Traceback" not in line


def test_a_picture_that_cannot_be_put_in_its_place_costs_no_other(env: Environment) -> None:
    (env.folder / "pictures" / PICTURE / "within").mkdir(parents=True)

    assert not env.run(with_pictures=True)

    (line,) = env.failure.lines
    assert f"{PICTURE} cannot be written: it is a directory" in line
    assert (env.folder / "pictures" / "Narratives_MC_by_bitcoin.png").exists()
    assert env.published.is_symlink()


def test_the_private_file_is_never_a_link_or_a_second_name(env: Environment, victims: Path) -> None:
    """DuckDB follows a link, and writes its log beside it."""
    env.private.parent.mkdir()
    env.private.symlink_to(victims / "not there")
    assert not env.run()
    assert "is a link: expected the file itself" in env.failure.lines[0]

    env.private.unlink()
    assert env.run(), env.failure.lines
    (env.folder / "second name").hardlink_to(env.private)
    assert not env.run(hours_later=1)
    assert "is a second name (hard link)" in env.failure.lines[0]
    assert_unharmed(victims)


def test_a_run_leaves_private_what_is_private_and_readable_what_is_for_others(env: Environment) -> None:
    """The private file, its log and its lock were once readable for everybody on the machine."""
    seen: dict[str, int] = {}

    def look(path: Path) -> None:
        seen.update({str(each.relative_to(env.folder)): mode(each) for each in path.rglob("*")})

    # Between two runs, and while the private file has a log.
    assert env.run(with_pictures=True), env.failure.lines
    look(env.folder)
    with Warehouse(env.private) as warehouse:
        warehouse.execute("create table raw.scratch as select 1 as x")
        look(env.folder)

    private = {name: found for name, found in seen.items() if name.startswith(".marketflows")}
    assert "warehouse.duckdb.wal" in {Path(name).name for name in private}
    assert {name: oct(found) for name, found in private.items() if found & 0o077} == {}
    shared = {name: found for name, found in seen.items() if name.startswith(("warehouse/", "pictures/"))}
    files = {
        name: oct(found) for name, found in shared.items() if not stat.S_ISLNK((env.folder / name).lstat().st_mode)
    }
    assert set(files.values()) == {"0o644"}
    assert {mode(env.folder / name) for name in ("warehouse", "pictures")} == {0o755}


def test_an_older_installation_is_closed_to_others_by_the_next_run(env: Environment) -> None:
    assert env.run(), env.failure.lines
    for path in (env.private.parent, env.private, env.private.with_suffix(".lock")):
        path.chmod(0o755 if path.is_dir() else 0o644)

    assert env.run(hours_later=1), env.failure.lines

    assert [oct(mode(path)) for path in (env.private.parent, env.private, env.private.with_suffix(".lock"))] == [
        "0o700",
        "0o600",
        "0o600",
    ]


def test_a_private_file_in_a_shared_folder_is_private_too_and_the_folder_stays_as_it_is(
    env: Environment,
) -> None:
    shared = env.folder / "shared"
    shared.mkdir()
    env.configure("warehouse", path=str(shared / "mine.duckdb"))

    assert env.run(), env.failure.lines

    assert mode(shared) == 0o755
    assert {path.name: oct(mode(path)) for path in shared.iterdir()} == {"mine.duckdb": "0o600", "mine.lock": "0o600"}
