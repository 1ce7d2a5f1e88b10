"""`init` at a terminal: what is asked, and that a key is never shown."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY
from marketflows_pipeline_tests.fakes.coingecko.access import Access as GeckoAccess
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.generate import START, generate

LONGEST_S = 60
# The command with the service's own addresses leading to a fake, at a terminal of its own.
DRIVER = """
import dataclasses, fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from marketflows_pipeline.settings import SOURCES
plans = SOURCES["coingecko"].plans
plans.update({name: dataclasses.replace(plan, base_url=sys.argv[1]) for name, plan in plans.items()})
sys.argv[1:] = ["init"]
from marketflows_pipeline.cli import main
main()
"""


@pytest.fixture(scope="module")
def service() -> Iterator[FakeCoinGecko]:
    market = generate(40, has_churn=False, has_flaws=False)
    with FakeCoinGecko(market, clock=FixedClock(START), access=GeckoAccess(calls_per_minute=None)) as running:
        yield running


def converse(folder: Path, address: str, talk: Iterable[tuple[str, str]]) -> tuple[int, str, str]:
    """Answer each question once it is there; exit code, what the terminal showed, standard output."""
    mine, its = pty.openpty()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COINGECKO")}
    child = subprocess.Popen(
        [sys.executable, "-c", DRIVER, address],
        cwd=folder,
        stdin=its,
        stdout=subprocess.PIPE,
        stderr=its,
        env={**environ, "TERM": "dumb"},
    )
    with child:
        os.close(its)
        try:
            shown, at = "", 0
            for question, answer in talk:
                while question not in shown[at:]:
                    shown += _read(mine)
                at = shown.index(question, at) + len(question)
                _wait_until_it_is_heard(mine, is_hidden="not shown" in question)
                os.write(mine, f"{answer}\n".encode())
            output, _ = child.communicate(timeout=LONGEST_S)
            while piece := _read(mine, is_over=True):
                shown += piece
        finally:
            child.kill()
            os.close(mine)
    return child.returncode, " ".join(shown.split()), output.decode()


def _wait_until_it_is_heard(terminal: int, *, is_hidden: bool) -> None:
    """What is typed before the terminal hides it is thrown away."""
    while is_hidden and termios.tcgetattr(terminal)[3] & termios.ECHO:
        Event().wait(0.01)


def _read(terminal: int, *, is_over: bool = False) -> str:
    assert is_over or select.select([terminal], [], [], LONGEST_S)[0], "no question came"
    try:
        piece = os.read(terminal, 65_536).decode(errors="replace")
    except OSError:  # nobody holds the other end any more
        piece = ""
    assert piece or is_over, "the program ended before the question"
    return piece


@pytest.mark.slow
def test_the_questions_lead_to_settings_a_key_and_a_plan(tmp_path: Path, service: FakeCoinGecko) -> None:
    code, shown, output = converse(
        tmp_path,
        service.url,
        [
            ("Provider (coinpaprika, coingecko)", "coingecko"),
            ("API key (not shown", "CG-mistyped"),
            ("The key's plan (demo, pro)", ""),
            ("API key (not shown", DEMO_KEY),
            ("The key's plan (demo, pro)", "demo"),
            ("Narratives: words to search for", "no such thing at all"),
            ("Narratives: words to search for", "layer"),
            ("Which of them?", "1"),
            ("Narratives: words to search for", ""),
            ("Portfolios: a name", "Mine"),
            ("Coins of Mine", "btc, bitcon, eth"),
            ("In place of bitcon", ""),
            ("Portfolios: a name", ""),
            ("Ranges: lower limits", "a lot"),
            ("Ranges: lower limits", "1e9,1e11"),
            ("Days of the window", ""),
            ("Follow volumes and reserves of exchanges", "no"),
            ("Follow funds, metals, bonds and coins", ""),
        ],
    )

    assert code == 0, shown
    assert tomllib.loads((tmp_path / "config.toml").read_text()) == {
        "provider": "coingecko",
        "providers": {
            "coingecko": {
                "plan": "demo",
                "narratives": ["layer-1"],
                "range_lower_limits": [1e9, 1e11],
                "asset_groups": {"Mine": ["bitcoin", "ethereum"]},
            }
        },
    }
    assert tomllib.loads((tmp_path / "secrets.toml").read_text()) == {"coingecko": {"api_key": DEMO_KEY}}
    assert "btc: bitcoin (Bitcoin)" in shown
    assert "bitcon: no coin, or not known which; by id: bitcoin" in shown
    assert "the API key for plan demo: expected one that works" in shown
    assert DEMO_KEY not in shown + output
    assert "CG-mistyped" not in shown + output
    assert "Next run:" in output


@pytest.mark.slow
def test_a_file_that_is_there_is_asked_about(tmp_path: Path, service: FakeCoinGecko) -> None:
    (tmp_path / "config.toml").write_text("# mine\n")

    code, shown, output = converse(tmp_path, service.url, [("config.toml is there already. Replace it?", "")])

    assert (code, output) == (2, "")
    assert "config.toml: is there already, and stays as it is" in shown
    assert (tmp_path / "config.toml").read_text() == "# mine\n"
