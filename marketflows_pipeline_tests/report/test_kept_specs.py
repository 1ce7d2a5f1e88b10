"""Specifications of an earlier page: taken where nothing that they depend on has changed, and never needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.report import kept_specs
from marketflows_pipeline.report.kept_specs import Spec, kept_or_built, specs_kept_in


class Builder:
    """Builds specifications, and counts them."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> Spec:
        self.count += 1
        return {"mark": "line", "number": self.count}


def page(path: Path, *arguments: object, is_written: bool = True) -> tuple[list[Spec], int]:
    """The specifications of a page for these arguments, and how many of them were built."""
    build = Builder()
    with specs_kept_in(path, is_written=is_written):
        specs = [kept_or_built("spec", each, build) for each in arguments]
    return specs, build.count


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "specs.json"


def test_the_next_page_builds_none_again(path: Path) -> None:
    frame = pl.DataFrame({"symbol": ["a", "b"]})
    first = page(path, ("a", frame), ("b", frame))
    assert first == ([{"mark": "line", "number": 1}, {"mark": "line", "number": 2}], 2)
    assert page(path, ("a", frame.clone()), ("b", frame)) == (first[0], 0)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "other",
    [
        ("a", pl.DataFrame({"symbol": ["a", "c"]})),
        ("a", pl.DataFrame({"name": ["a", "b"]})),
        ("b", pl.DataFrame({"symbol": ["a", "b"]})),
        (["a"], pl.DataFrame({"symbol": ["a", "b"]})),
    ],
)
def test_other_arguments_are_another_specification(path: Path, other: object) -> None:
    page(path, ("a", pl.DataFrame({"symbol": ["a", "b"]})))
    assert page(path, other)[1] == 1


def test_other_code_builds_all_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of an earlier version would show that version's charts."""
    page(path, "a")
    monkeypatch.setattr(kept_specs, "version", lambda _: "another")
    assert page(path, "a")[1] == 1


def test_a_section_that_was_not_made_again_keeps_its_specifications(path: Path) -> None:
    """Of a run of three parts each page makes its own sections, and the next run needs those of all."""
    page(path, "a")
    page(path, "b")
    assert page(path, "a", "b")[1] == 0


def test_the_file_does_not_grow_without_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_specs, "_MOST_KEPT", 3)
    for name in "abcdef":
        page(path, name)
    assert len(json.loads(path.read_text())["specs"]) == 3
    assert page(path, *"def")[1] == 0
    assert page(path, *"abcde")[1] == 3
    assert page(path, *"abcde")[1] == 0, "what one page needs is kept whatever the limit"


def _emptied(path: Path) -> None:
    path.write_text("")


def _listed(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), "specs": ["a"]}))


def _filled_with_texts(path: Path) -> None:
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "specs": dict.fromkeys(stored["specs"], "no specification")}))


def _made_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [_emptied, _listed, _filled_with_texts, _made_a_folder])
def test_a_file_that_cannot_be_read_costs_no_page(path: Path, damage: Callable[[Path], None]) -> None:
    page(path, "a")
    damage(path)
    assert page(path, "a") == ([{"mark": "line", "number": 1}], 1)


def test_who_only_answers_writes_nothing(path: Path) -> None:
    page(path, "a", is_written=False)
    page(path.parent / "missing" / "specs.json", "a")
    assert list(path.parent.iterdir()) == []


def test_without_a_file_all_are_built() -> None:
    build = Builder()
    assert [kept_or_built("spec", "a", build)["number"] for _ in range(2)] == [1, 2]
