"""What the pages show of commands, SQL and Python is what these print on the tutorial's published file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from marketflows_pipeline_tests.docs.pages import PAGES, ROOT, Block, blocks, examples
from marketflows_pipeline_tests.tutorial.run import STARTER, TutorialRun

pytestmark = pytest.mark.slow

RUNNABLE = [block for page in PAGES for block in blocks(page) if block.runs]


def of(*languages: str) -> list[Block]:
    return [block for block in RUNNABLE if block.language in languages]


@pytest.fixture(scope="module")
def clone(tutorial_run: TutorialRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone after `make run FLAGS="--tutorial"`, whose live file is the tutorial's."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "warehouse").mkdir()
    for name in ("marketflows.duckdb", "marketflows_tutorial.duckdb"):
        (folder / "warehouse" / name).symlink_to(tutorial_run.published.resolve())
    (folder / "warehouse" / "queries").symlink_to(ROOT / "warehouse" / "queries")
    program = folder / "bin" / "marketflows"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{STARTER}" "$@"\n')
    program.chmod(0o755)
    return folder


def run(command: list[str], clone: Path) -> str:
    path = f"{clone / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environ = {"PATH": path, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(clone / "state"), "LANG": "C.UTF-8"}
    done = subprocess.run(
        command, cwd=clone, env=os.environ | environ, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("block", of("console"), ids=str)
def test_a_command_prints_what_the_page_shows(block: Block, clone: Path) -> None:
    """The README told of a loss of 138 billion for half a year after the tutorial's market had changed."""
    for example in examples(block):
        output = run(["sh", "-c", example.command], clone)
        assert example.matches(output), f"$ {example.command}\nprints\n{output}"


@pytest.mark.parametrize("block", of("sh"), ids=str)
def test_a_script_runs(block: Block, clone: Path) -> None:
    assert run(["sh", "-e", "-c", block.text], clone)


@pytest.mark.parametrize("block", of("python"), ids=str)
def test_python_runs(block: Block, clone: Path) -> None:
    run([sys.executable, "-c", block.text], clone)


@pytest.mark.parametrize("block", of("sql"), ids=str)
def test_a_query_has_an_answer(block: Block, clone: Path) -> None:
    with duckdb.connect(str(clone / "warehouse" / "marketflows.duckdb"), read_only=True) as connection:
        assert connection.execute(block.text).fetchall()
