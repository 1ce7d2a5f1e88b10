"""A folder of the user's own files, and the files in it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.providers.local_files.folder import Folder

CLOCK = FixedClock(datetime(2026, 10, 10, 12, 0, tzinfo=UTC))
EVER = (date(1900, 1, 1), date(2100, 1, 1))
BARS = "date,open,high,low,close,volume\n"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, clock=CLOCK)


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding=encoding)
    return file
