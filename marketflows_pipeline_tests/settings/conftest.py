"""Settings files written by a test into its own folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.settings import Settings, load_settings, warn_of_exposure

Load = Callable[..., Settings]
Faults = Callable[..., list[str]]
Warnings = Callable[..., list[str]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Settings of a config.toml with this text, with a key in the environment unless told otherwise."""

    def run(config: str = "", secrets: str | None = None, environ: dict[str, str] | None = None) -> Settings:
        (tmp_path / "config.toml").write_text(config, encoding="utf-8")
        if secrets is not None:
            (tmp_path / "secrets.toml").write_text(secrets, encoding="utf-8")
        return load_settings(
            tmp_path / "config.toml",
            tmp_path / "secrets.toml",
            {"COINGECKO_API_KEY": "CG-test"} if environ is None else environ,
        )

    return run


@pytest.fixture
def faults(load: Load, tmp_path: Path) -> Faults:
    """The lines of the error that such a config.toml gives, without the folder."""

    def run(config: str = "", secrets: str | None = None, environ: dict[str, str] | None = None) -> list[str]:
        with pytest.raises(UserInputError) as raised:
            load(config, secrets, environ)
        assert raised.value.exit_code == 2
        return str(raised.value).replace(f"{tmp_path}/", "").splitlines()

    return run


@pytest.fixture
def warnings(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Warnings:
    """What a run with these settings warns of before it begins, with a key in the environment unless told otherwise."""

    def run(settings: Settings, environ: dict[str, str] | None = None) -> list[str]:
        caplog.clear()
        given = {"COINGECKO_API_KEY": "CG-test"} if environ is None else environ
        warn_of_exposure(settings, tmp_path / "secrets.toml", given)
        return [record.getMessage() for record in caplog.records]

    return run
