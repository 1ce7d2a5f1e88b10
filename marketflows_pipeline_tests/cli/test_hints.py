"""What a command says to do next is what the user would type: with the options that were given."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from marketflows_pipeline.cli import marketflows, run
from marketflows_pipeline.cli.logs import RunLog
from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.settings import Settings


def said(line: str) -> str:
    """The one line of a command that cannot be answered."""
    done = CliRunner().invoke(marketflows, line.split())
    assert isinstance(done.exception, MarketflowsError), done.output
    assert done.exception.exit_code == 1
    assert done.stdout == ""
    return str(done.exception)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory in which nothing has run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("config.toml", "other.toml"):
        (tmp_path / name).write_text("[exchanges]\n[cross_asset]\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Instead of running, the jobs that would run."""
    jobs: list[str] = []

    def execute(name: str, _options: RunOptions, _settings: Settings, _console: Console, _log: RunLog) -> int:
        jobs.append(name)
        return 0

    monkeypatch.setattr(run, "_execute", execute)
    return jobs


def test_options_that_were_given_stay_in_the_hint() -> None:
    assert RunOptions().command_line() == "marketflows"
    given = RunOptions(config=Path("my own.toml"), secrets=Path("s.toml"), out_dir=Path("out"))
    assert given.command_line("score") == "marketflows --config 'my own.toml' --secrets s.toml --out-dir out score"
    assert RunOptions(tutorial=True).command_line("train") == "marketflows --tutorial train"


@pytest.mark.parametrize(
    "command",
    [
        "exchange-flows",
        "exchange-netflow kraken",
        "whale-movements",
        "exchange-tvl",
        "exchange-dominance",
        "cross-asset flows",
        "cross-asset who-gained SPY",
        "cross-asset regimes",
        "score",
    ],
)
def test_before_its_first_run_the_tutorial_is_named_as_what_comes_first(command: str) -> None:
    """It said "fetch it: marketflows --tutorial exchange-flows --refresh", where nothing is fetched."""
    assert said(f"--tutorial {command}").endswith(" yet; run the tutorial first: marketflows --tutorial")


@pytest.mark.parametrize("command", ["sql select", "quarantine list", "quarantine add raw.coins x --reason y"])
@pytest.mark.parametrize("options", ["", "--tutorial", "--config other.toml", "--config other.toml --secrets s.toml"])
def test_before_any_run_the_run_that_comes_first_is_named(command: str, options: str) -> None:
    """`marketflows --config other.toml sql` said "run `marketflows` first", which would have read another file."""
    table = command.replace("raw.coins", "raw.market_caps")
    assert said(f"{options} {table}").endswith(f" yet; run `{f'marketflows {options}'.rstrip()}` first")


def test_scores_without_a_model_are_refused_before_anything_runs(executed: list[str]) -> None:
    """The tutorial ran for a minute, then said that a model must be trained first."""
    hint = "no model is trained yet; train one: marketflows"
    assert said("--tutorial score --refresh") == f"{hint} --tutorial train"
    assert said("--config other.toml score --refresh") == f"{hint} --config other.toml train"
    assert executed == []


def test_training_on_nothing_is_refused_before_anything_runs(executed: list[str]) -> None:
    """It took 12 seconds to say so, with a command that would have read another file."""
    assert said("--config other.toml train") == (
        "there is nothing to train on yet; fetch prices first: "
        "marketflows --config other.toml cross-asset flows --refresh"
    )
    assert executed == []


def test_training_in_the_first_tutorial_says_at_once_what_runs_first(executed: list[str]) -> None:
    """It worked for a minute without a word why."""
    done = CliRunner().invoke(marketflows, ["--tutorial", "train"])
    assert "the tutorial has not run here yet: marketflows --tutorial runs first\n" in done.stderr
    assert len(executed) == 2
