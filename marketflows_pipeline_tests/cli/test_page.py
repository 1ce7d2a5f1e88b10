"""`marketflows report`: the page of what is published, in its place or in a file to send on."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from marketflows_pipeline.cli import marketflows, page, run
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.report import bundle
from marketflows_pipeline.system.safe_files import write_whole
from marketflows_pipeline_tests.report.content import NO_SCRIPTS
from marketflows_pipeline_tests.report.sections import published_coins as data


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with config.toml and the hand-made part about coins."""
    folder = tmp_path_factory.mktemp("coins")
    data.publish_coins(folder)
    return folder


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "read_bundle", lambda: NO_SCRIPTS)
    monkeypatch.setattr(page, "SystemClock", lambda: FixedClock(data.NOW))


def ask(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(marketflows, ["--config", str(folder / "config.toml"), "report", *arguments])


@pytest.mark.slow
@pytest.mark.usefixtures("scripts")
def test_the_page_and_its_copy_are_written(published: Path) -> None:
    done = ask(published)
    assert (done.exit_code, done.stderr) == (0, "")
    path = published / "report" / "index.html"
    assert done.stdout == f"page  {path}\n"
    text = path.read_text(encoding="utf-8")
    assert "What changed by 20 Nov 2026" in text
    assert 'id="narratives-curves"' in text
    assert len(list((published / "report" / "archive").iterdir())) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("scripts")
def test_one_file_is_written_alone(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(click, "launch", opened.append)
    out = tmp_path / "to send" / "page 1.html"
    done = ask(published, "--open", "--out", str(out))
    assert done.exit_code == 0
    assert opened == [out.as_uri()]
    assert [path.name for path in out.parent.iterdir()] == ["page 1.html"]


@pytest.mark.slow
@pytest.mark.usefixtures("scripts")
def test_a_place_that_cannot_be_written_is_named(published: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = ask(published, "--out", str(tmp_path / "file" / "page.html"))
    assert done.exit_code == 2
    assert f"'{tmp_path / 'file' / 'page.html'}' cannot be used: Not a directory." in done.output


def test_before_the_first_run_the_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    done = ask(tmp_path)
    assert str(done.exception).startswith(f"there is nothing at {tmp_path}/warehouse/marketflows.duckdb yet; run `")


@pytest.mark.slow
def test_missing_scripts_are_made_first(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    monkeypatch.setattr(bundle, "read_bundle", lambda: None)

    def make(folder: Path) -> str:
        made.append(folder)
        return NO_SCRIPTS

    monkeypatch.setattr(bundle, "make_bundle", make)
    done = ask(published, "--out", str(tmp_path / "page.html"))
    assert (done.exit_code, made) == (0, [bundle.user_folder()])
    assert done.stderr == "preparing the scripts of the page, once: about 5 s\n"


def test_scripts_that_cannot_be_kept_are_a_fault(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(bundle, "read_bundle", lambda: None)
    monkeypatch.setattr(bundle, "make_bundle", refuse)
    done = ask(published)
    assert "the scripts of the page could not be kept in" in str(done.exception)


@pytest.mark.parametrize("wrote", [True, False])
def test_a_run_names_the_page_only_if_it_wrote_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrote: bool
) -> None:
    """The path of an old page stood under "page" where the run could not write a new one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "config.toml").write_text("[providers.coingecko]\nplan = 'keyless'\n")
    index = tmp_path / "report" / "index.html"
    index.parent.mkdir()
    index.write_text("of an earlier run")

    def execute(*_: object) -> int:
        if wrote:
            write_whole(index, b"of this run", private=False)
        return 0

    monkeypatch.setattr(run, "_execute", execute)
    assert run.run(RunOptions(), "INFO") == 0
    said = "page      report/index.html" if wrote else "page      not written: a warning says why"
    assert said in capsys.readouterr().out.splitlines()
