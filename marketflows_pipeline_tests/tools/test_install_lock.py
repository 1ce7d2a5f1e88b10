"""Installing the lock: quickly by uv, by pip where uv cannot, silent unless both fail."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from marketflows_pipeline_tests.tools.conftest import LoadTool

Commands = list[tuple[list[str], dict[str, str]]]


@pytest.fixture(scope="module")
def runner(tool: LoadTool) -> ModuleType:
    return tool("uv_runner")


@pytest.fixture
def installer(tool: LoadTool, runner: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, in an environment of its own that has no package yet."""
    module = tool("install_lock")
    monkeypatch.setattr(module.sys, "prefix", str(tmp_path))
    monkeypatch.setattr(module.sysconfig, "get_path", lambda _: str(tmp_path / "site-packages"))
    monkeypatch.setattr(module.uv_runner, "_installed", lambda: "0.13.2")
    return module


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}


def watch(installer: ModuleType, monkeypatch: pytest.MonkeyPatch, *, failing: Sequence[str] = ()) -> Commands:
    """Every command instead of its effect; those of the failing modules fail."""
    seen: Commands = []

    def run(command: Sequence[str], environ: Mapping[str, str]) -> None:
        seen.append((list(command), dict(environ)))
        if command[2] in failing:
            raise installer.CommandError(f"{command[2]} said no")

    monkeypatch.setattr(installer.uv_runner, "run", run)
    return seen


def by(commands: Commands) -> list[str]:
    """Which module each command ran, and whether it installed the lock or the project."""
    return [f"{command[2]} {'lock' if '--requirement' in command else 'project'}" for command, _ in commands]


def test_uv_installs_by_hash_and_then_the_project(
    installer: ModuleType,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    seen = watch(installer, monkeypatch)

    assert installer.install(environ) == 0

    assert by(seen) == ["uv lock", "uv project"]
    assert {"--require-hashes", "--no-deps"} <= set(seen[0][0])
    assert {"--no-build-isolation", "--no-deps", "--editable"} <= set(seen[1][0])
    assert not any("--reinstall" in command for command, _ in seen)
    assert all(known["UV_INDEX_STRATEGY"] == "unsafe-best-match" for _, known in seen)
    assert (tmp_path / ".set-up").exists()
    assert capfd.readouterr() == ("", "")


def test_another_lock_is_installed_where_it_is_named(
    installer: ModuleType, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watch(installer, monkeypatch)

    assert installer.install(environ, Path("tools/cluster.lock")) == 0

    assert seen[0][0][-4:] == [*installer.LOCKED, "tools/cluster.lock"]


def test_where_uv_fails_pip_installs_the_same_lock(
    installer: ModuleType, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    seen = watch(installer, monkeypatch, failing=["uv"])

    assert installer.install(environ) == 0

    assert by(seen) == ["uv lock", "pip lock", "pip project"]
    locked = [*installer.LOCKED, str(installer.ROOT / "requirements.lock")]
    assert seen[1][0][-len(locked) :] == seen[0][0][-len(locked) :] == locked
    assert capfd.readouterr().err == "uv cannot install here; pip does the same, which takes a minute or two\n"


def test_where_uv_cannot_be_had_pip_installs(
    installer: ModuleType, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watch(installer, monkeypatch)
    monkeypatch.setattr(installer.uv_runner, "_installed", str)

    def bring(*_: object, **__: object) -> list[str]:
        raise installer.CommandError("no uv")

    monkeypatch.setattr(installer.uv_runner, "bring_uv", bring)

    assert installer.install(environ) == 0
    assert by(seen) == ["pip lock", "pip project"]


def test_where_both_fail_everything_is_shown_and_nothing_counts_as_set_up(
    installer: ModuleType,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    (tmp_path / ".set-up").touch()
    watch(installer, monkeypatch, failing=["uv", "pip"])

    assert installer.install(environ) == 1

    shown = capfd.readouterr().err
    assert "uv said no" in shown
    assert "pip said no" in shown
    assert not (tmp_path / ".set-up").exists()


@pytest.mark.parametrize(
    ("found", "is_anew"),
    [
        (["site-packages/click-8.5.1.dist-info"], True),
        (["site-packages/click-8.5.1.dist-info", ".set-up"], False),
        (["site-packages/pip-26.3.dist-info"], False),
    ],
)
def test_what_a_killed_installation_left_is_replaced(
    installer: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: list[str], is_anew: bool
) -> None:
    """uv takes a package whose metadata are there for a whole one, also where its files are not."""
    for name in found:
        (tmp_path / name).mkdir(parents=True) if "/" in name else (tmp_path / name).touch()
    seen = watch(installer, monkeypatch)

    assert installer.install({"HOME": str(tmp_path)}) == 0

    assert (
        "--reinstall" in next(command for command, _ in seen if str(installer.ROOT / "requirements.lock") in command)
    ) == is_anew


def test_a_user_without_indexes_gets_none(
    installer: ModuleType, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watch(installer, monkeypatch)

    installer.install(environ | {"PIP_NO_INDEX": "yes"})

    assert all("--no-index" in command for command, _ in seen)


def test_who_forbids_python_to_write_bytecode_gets_it_now(
    installer: ModuleType, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watch(installer, monkeypatch)

    installer.install(environ | {"PYTHONDONTWRITEBYTECODE": "1"})

    assert seen[0][1]["UV_COMPILE_BYTECODE"] == "1"


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("uv") is None, reason="pip has set up this environment")
def test_uv_finds_a_file_where_pip_would_and_takes_it_by_its_hash_only(runner: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "wheels/thing-1.0-py3-none-any.whl"
    file.parent.mkdir()
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr("thing.py", "")
        wheel.writestr("thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        wheel.writestr("thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("thing-1.0.dist-info/RECORD", "")
    environ = {"HOME": str(tmp_path), "PIP_FIND_LINKS": f"/missing {file.parent}", "PIP_NO_INDEX": "1"}
    install = [sys.executable, "-m", "uv", "pip", "install", "--target", str(tmp_path / "to"), "--require-hashes"]
    command = [*install, *runner.no_index(environ), "--requirement", str(tmp_path / "lock")]

    (tmp_path / "lock").write_text(f"thing==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(runner.CommandError, match="Hash mismatch"):
        runner.run(command, runner.environment(environ))
    (tmp_path / "lock").write_text(f"thing==1.0 --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n")
    runner.run(command, runner.environment(environ))

    assert (tmp_path / "to/thing.py").exists()


@pytest.mark.parametrize("version", ["", "0.12.24", "1.0.0"])
def test_a_uv_of_another_series_is_replaced_by_hash(
    runner: ModuleType, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """Everything else was held to its hash, by a program that itself was whatever the index gave out."""
    asked: list[list[str]] = []
    monkeypatch.setattr(runner, "_installed", lambda: version)
    monkeypatch.setattr(runner, "run", lambda command, _: asked.append(command))

    runner.bring_uv({})

    (command,) = asked
    assert command[-4:] == ["--require-hashes", "--no-deps", "--requirement", str(runner.UV_LOCK)]
    assert runner.UV_LOCK.read_text(encoding="utf-8").startswith(f"uv=={runner._SERIES}")


def test_a_cache_that_cannot_be_written_is_replaced(runner: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    fallback = str(Path(sys.prefix, ".uv-cache"))

    assert "UV_CACHE_DIR" not in runner.environment({"HOME": str(tmp_path)})
    assert runner.environment({"HOME": str(file)})["UV_CACHE_DIR"] == fallback
    assert runner.environment({"HOME": str(tmp_path), "XDG_CACHE_HOME": str(file)})["UV_CACHE_DIR"] == fallback
    assert runner.environment({"HOME": str(file), "UV_CACHE_DIR": "/mine"})["UV_CACHE_DIR"] == "/mine"


def test_a_command_is_silent_unless_it_fails(runner: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    runner.run([sys.executable, "-c", "print('WARNING: folder ignored')"], os.environ)
    with pytest.raises(runner.CommandError, match=r"out\nerr"):
        runner.run(["sh", "-c", "echo out; echo err >&2; exit 3"], os.environ)

    assert capfd.readouterr() == ("", "")
