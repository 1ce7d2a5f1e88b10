"""Two suites: the quick one of all day, and the whole one that a change has to pass."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PYTEST = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]


def recipe(target: str) -> str:
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found, target
    return found[1]


def test_the_quick_suite_leaves_out_slow_tests_and_most_examples_of_properties() -> None:
    assert '-m "not slow and not reference and not real"' in recipe("test")
    assert "--hypothesis-profile quick" in recipe("test")


def test_the_whole_suite_leaves_out_only_what_needs_a_network_or_data() -> None:
    assert recipe("test-all") == "\t$(PYTEST) $(FLAGS)\n"
    assert PYTEST["addopts"].endswith("-m 'not reference and not real'")


def test_a_change_has_to_pass_the_whole_suite() -> None:
    steps = re.findall(r"^step (make .*)$", (ROOT / ".ci/run").read_text(encoding="utf-8"), re.MULTILINE)
    assert steps == ["make test-all", "make lint", "make test-cluster", "make test-fresh"]
    assert "\n```sh no_run\nmake test-all\n```\n" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("target", re.findall(r"^([a-z0-9-]+): ", MAKEFILE, re.MULTILINE))
def test_every_target_is_in_the_help(target: str) -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony
    assert target in phony[1].split()
    assert re.search(rf"^{target}: .*## ", MAKEFILE, re.MULTILINE)
