"""A lake without an exported file: what answers from the file says so, and an older file answers nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from marketflows_pipeline.cli import marketflows
from marketflows_pipeline.errors import UserInputError

NO_FILE = '[warehouse]\nstore = "ducklake"\n[warehouse.ducklake]\nexport = false\n[exchanges]\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings whose published path holds what was exported before."""
    folder = tmp_path / "warehouse"
    folder.mkdir()
    (folder / "older.duckdb").write_bytes(b"older")
    (folder / "marketflows.duckdb").symlink_to("older.duckdb")
    (tmp_path / "config.toml").write_text(NO_FILE)
    return tmp_path / "config.toml"


@pytest.mark.parametrize(
    "line",
    [
        "sql --format=csv from-meta.publish",
        "status",
        "brief",
        "report",
        "exchange-flows",
        "exchange-flows --refresh",
        "quarantine list",
    ],
)
def test_one_line_says_what_can_be_asked_instead(config: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COINGECKO_API_KEY", "CG-test")
    result = CliRunner().invoke(
        marketflows, ["--config", str(config), "--secrets", str(config.with_name("secrets.toml")), *line.split()]
    )
    assert isinstance(result.exception, UserInputError), result.output
    assert str(result.exception) == (
        "export = false under [warehouse.ducklake]: expected true, since this command answers from the published "
        'file; SQL asks the lake itself: marketflows sql --snapshot latest "..."'
    )
    assert result.stdout == ""
