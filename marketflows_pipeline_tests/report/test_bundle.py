"""The scripts of the page: made once, checked when read, and each library in them named with its licence."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import mmap
import re
from pathlib import Path

import pytest

from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.report import bundle

TEXT = "window.vegaEmbed = 'µ';"
# Vega-Embed brings these with it, as parts of its own file.
WITHIN_EMBED = {"fast-json-patch", "semver"}
# Only versions of Vega-Lite before 6 ask for them, which are not in the page.
OF_OLD_VERSIONS = {"clone", "fast-deep-equal", "fast-json-stable-stringify"}


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Places of the user and of the system, with nothing in them, and a maker that takes no time."""
    user, system = tmp_path / "user", tmp_path / "system"
    monkeypatch.setattr(bundle, "user_folder", lambda: user)
    monkeypatch.setattr(bundle, "system_folder", lambda: system)
    monkeypatch.setattr("vl_convert.javascript_bundle", lambda: TEXT)
    return user, system


def test_what_was_made_is_read_again(folders: tuple[Path, Path]) -> None:
    assert bundle.read_bundle() is None
    made = bundle.make_bundle(folders[0])
    assert bundle.read_bundle() == made == f"(()=>{{{TEXT}\n}})();"
    (path,) = folders[0].iterdir()
    assert path.name.startswith(f"vega-{importlib.metadata.version('vl-convert-python')}-")


def test_the_systems_are_read_where_the_user_has_none(folders: tuple[Path, Path]) -> None:
    bundle.make_bundle(folders[1])
    assert bundle.read_bundle()


def test_what_was_changed_since_is_not_read(folders: tuple[Path, Path]) -> None:
    bundle.make_bundle(folders[0])
    (path,) = folders[0].iterdir()
    path.write_text(f"{TEXT} ")
    assert bundle.read_bundle() is None


def test_a_link_in_its_place_is_not_read(folders: tuple[Path, Path], tmp_path: Path) -> None:
    bundle.make_bundle(folders[0])
    (path,) = folders[0].iterdir()
    path.rename(tmp_path / "elsewhere.js")
    path.symlink_to(tmp_path / "elsewhere.js")
    assert bundle.read_bundle() is None


def test_those_of_another_version_are_made_anew(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    bundle.make_bundle(folders[0])
    monkeypatch.setattr(bundle, "_version", lambda: "9.9")
    assert bundle.read_bundle() is None
    bundle.make_bundle(folders[0])
    assert [path.name.split("-")[1] for path in folders[0].iterdir()] == ["9.9"]


@pytest.mark.parametrize("unfit", ["</script", "<!--", "\r", "\0", "</SCRIPT"])
def test_what_cannot_stand_in_a_page_is_refused(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, unfit: str
) -> None:
    monkeypatch.setattr("vl_convert.javascript_bundle", lambda: f"'{unfit}'")
    with pytest.raises(MarketflowsError, match="cannot stand in a page"):
        bundle.make_bundle(folders[0])
    assert not folders[0].exists()


def test_the_command_makes_them_where_they_are_missing(folders: tuple[Path, Path]) -> None:
    assert bundle.main([]) == bundle.main(["--system"]) == 0
    assert all(len(list(folder.iterdir())) == 1 for folder in folders)


def test_the_notices_name_every_library_of_the_scripts() -> None:
    """vl-convert's own file lists what it was built from."""
    found = importlib.util.find_spec("vl_convert")
    assert found is not None
    assert found.submodule_search_locations
    (library,) = Path(found.submodule_search_locations[0]).glob("*.so")
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        pinned = {name.decode() for name in re.findall(rb"/npm/([a-z0-9.-]+@\d+\.\d+\.\d+)/", content)}
    newest = max((name for name in pinned if name.startswith("vega-lite@")), key=_version_of)
    inside = {name for name in pinned if not name.startswith("vega-lite@")} | {newest}
    expected = {name for name in inside if name.partition("@")[0] not in OF_OLD_VERSIONS}

    notices = bundle.NOTICES.read_text(encoding="utf-8")
    listed = dict(re.findall(r"^([a-z][a-z0-9.-]+) (\d+\.\d+\.\d+) \([\w-]+\)$", notices, re.MULTILINE))

    assert len(expected) > 50
    assert {f"{name}@{version}" for name, version in listed.items() if name not in WITHIN_EMBED} == expected
    assert set(listed) >= WITHIN_EMBED
    for words in ("Redistributions in binary form", 'THE SOFTWARE IS PROVIDED "AS IS"', "ColorBrewer", "Lydell"):
        assert words in notices


def _version_of(name: str) -> tuple[int, ...]:
    return tuple(map(int, name.partition("@")[2].split(".")))
