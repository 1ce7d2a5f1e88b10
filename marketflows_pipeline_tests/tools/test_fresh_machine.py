"""The bare machine: what it may see of this one, and what it needs. It is made for real by `make test-fresh`."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from marketflows_pipeline_tests.tools.conftest import LoadTool

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def fresh(tool: LoadTool) -> ModuleType:
    return tool("fresh_machine")


def test_who_is_not_root_is_told_so_in_one_line(
    fresh: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fresh.os, "geteuid", lambda: 1000)

    assert fresh.main([]) == 2
    assert capsys.readouterr().err == (
        "make test-fresh makes a machine in a folder, which needs root on Linux: sudo make test-fresh\n"
    )


def test_a_missing_program_is_named_with_the_way_to_it(
    fresh: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fresh.os, "geteuid", lambda: 0)
    monkeypatch.setattr(fresh.shutil, "which", lambda name: None if name == "debootstrap" else f"/usr/bin/{name}")

    assert fresh.main([]) == 2
    assert capsys.readouterr().err == (
        "make test-fresh needs debootstrap: apt-get install --no-install-recommends debootstrap git\n"
    )


def test_a_container_that_may_not_mount_is_told_so(fresh: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh.os, "geteuid", lambda: 0)
    monkeypatch.setattr(fresh.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(fresh, "SPACES", ("false",))

    assert "name spaces of its own, which are forbidden here" in fresh.what_is_missing()


def test_a_folder_in_which_something_is_mounted_is_never_removed(fresh: ModuleType) -> None:
    with pytest.raises(fresh.FreshMachineError, match="/ is left: something is mounted in it"):
        fresh._remove(Path("/"))


def test_its_commands_are_those_of_the_readme(fresh: ModuleType) -> None:
    commands = re.findall(r"```sh no_run\n(make [^\n]+)\n```", (ROOT / "README.md").read_text(encoding="utf-8"))

    assert commands[:2] == [fresh.TUTORIAL, fresh.ALL_TESTS]
    assert set(fresh.PICTURES.split('"')[1].split()) == {
        str(path.relative_to(ROOT))
        for path in (
            ROOT / "marketflows_pipeline_tests/charts",
            ROOT / "marketflows_pipeline_tests/cli/test_command.py",
        )
        if path.exists()
    }
