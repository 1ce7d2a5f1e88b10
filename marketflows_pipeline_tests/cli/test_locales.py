"""Names that are no ASCII, under locales that know nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LOCALES = [
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "C"},
]

# What a run does with the name of a portfolio: it begins, logs, says and draws.
PROGRAM = """
import logging, sys
from pathlib import Path
from rich.console import Console
from marketflows_pipeline import cli
from marketflows_pipeline.cli import logs, text
from marketflows_pipeline.system.safe_files import write_whole

def drawn():
    logs.configure_logging("INFO", tutorial=False, console=Console(stderr=True))
    logging.getLogger("marketflows_pipeline.x").info("Größe")
    text.say("Größe, 日本")
    write_whole(Path("Größe.png"), b"pixels", private=False)
    return 0

cli._exit_code = drawn
cli.main()
"""


def run(folder: Path, locale: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=kept | locale | {"XDG_STATE_HOME": str(folder / "state"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("locale", LOCALES)
def test_a_portfolio_called_groesse_is_drawn_logged_and_said_under_any_locale(
    tmp_path: Path, locale: dict[str, str]
) -> None:
    """Under a C locale without UTF-8 mode its picture ended the run: 'ascii' codec can't encode characters."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    done = run(tmp_path, locale, str(program))
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode() == "Größe, 日本\n"
    assert done.stderr.decode().endswith(" INFO Größe\n")
    assert "Größe.png".encode() in {os.fsencode(path.name) for path in tmp_path.iterdir()}
    log = tmp_path / "state" / "marketflows" / "logs" / "marketflows.log"
    assert log.read_text(encoding="utf-8").endswith(" INFO Größe\n")


@pytest.mark.parametrize("locale", LOCALES)
def test_a_settings_file_called_groesse_is_named_under_any_locale(tmp_path: Path, locale: dict[str, str]) -> None:
    script = "from marketflows_pipeline.cli import main; main()"
    done = run(tmp_path, locale, "-c", script, "--config", "Größe.toml", "sql", "select 1")
    assert done.returncode == 2
    assert done.stderr.decode().startswith("error: Größe.toml: no such file")
