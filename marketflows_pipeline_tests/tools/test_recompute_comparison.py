"""A second computation agrees with the tables of a tutorial run, and names what differs."""

from __future__ import annotations

from datetime import date
from types import ModuleType

import pytest

from marketflows_pipeline.schema import TABLES
from marketflows_pipeline_tests.tools.conftest import LoadTool
from marketflows_pipeline_tests.tutorial.run import TutorialRun

COMPARED = (
    "mart.narrative_index",
    "mart.cap_attribution",
    "mart.breadth",
    "mart.rotation",
    "mart.cross_asset_rotation",
)
KEY = ("series", "ts")


@pytest.fixture(scope="module")
def compare(tool: LoadTool) -> ModuleType:
    tool("recompute")
    return tool("recompute_compare")


def row(value: float | None, name: str = "ai") -> dict[str, object]:
    return {"series": name, "ts": date(2026, 1, 1), "value": value, "is_backfilled": False}


def test_a_difference_beyond_a_billionth_is_named(compare: ModuleType) -> None:
    wrong = compare.compared("mart.x", [row(100.0)], [row(100.0000002)], KEY)
    assert wrong.lines == ["mart.x ai 2026-01-01 value: 100.0 by the text, 100.0000002 in the file"]
    assert wrong.worst["value"] == pytest.approx(2e-9)
    assert compare.compared("mart.x", [row(100.0)], [row(100.00000001)], KEY).lines == []


def test_a_small_change_has_no_more_digits_than_its_level(compare: ModuleType) -> None:
    found = [row(1e-6 + 1e-12), row(1e6, "usa")]
    assert compare.compared("mart.x", [row(1e-6), row(1e6, "usa")], found, KEY).lines == []


@pytest.mark.parametrize(
    ("expected", "found", "words"),
    [
        ([row(1.0)], [], "not in the file"),
        ([], [row(1.0)], "extra"),
        ([row(None)], [row(1.0)], "None by the text"),
        ([row(1.0)], [row(None)], "None in the file"),
        ([row(1.0) | {"is_backfilled": True}], [row(1.0)], "is_backfilled: True by the text"),
    ],
)
def test_what_only_one_side_has_is_named(
    compare: ModuleType, expected: list[dict[str, object]], found: list[dict[str, object]], words: str
) -> None:
    (line,) = compare.compared("mart.x", expected, found, KEY).lines
    assert words in line


def test_the_largest_difference_of_each_table_is_printed(
    compare: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare.say([]) == 1
    assert compare.say([compare.compared("mart.x", [row(1.0)], [row(1.0)], KEY)]) == 0
    assert compare.say([compare.compared("mart.x", [row(1.0)], [row(1.5)], KEY)]) == 1
    printed = capsys.readouterr().out
    assert "mart.x: 1 rows, largest relative difference 0, 0 differ\n" in printed
    assert "mart.x: 1 rows, largest relative difference 0.5, 1 differ\n" in printed


@pytest.mark.slow
@pytest.mark.skipif(any(name not in TABLES for name in COMPARED), reason="these measures are not in the graph")
def test_every_measure_of_the_tutorial_agrees(
    tool: LoadTool, tutorial_run: TutorialRun, capsys: pytest.CaptureFixture[str]
) -> None:
    code = tool("recompute_measures").main([str(tutorial_run.published.resolve())])
    assert code == 0, capsys.readouterr().out


def test_the_script_says_that_it_needs_a_file(tool: LoadTool, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool("recompute_measures").main([]) == 2
    assert "which file" in capsys.readouterr().err
