"""People's own files that would fill memory are refused in one line, as those of services are."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.providers.local_files import cells, tables
from marketflows_pipeline.providers.local_files.folder import Folder

CLOCK = FixedClock(datetime(2026, 10, 10, 12, 0, tzinfo=UTC))


def wide(file: Path) -> None:
    file.write_text("," * 50_000 + "\n" + "," * 50_000)


def long(file: Path) -> None:
    file.write_text("date,close\n" + "2026-01-05,1\n" * 20_000)


def one_long_cell(file: Path) -> None:
    file.write_text("date,close\n2026-01-05," + "1" * 200_000)


def a_large_file(file: Path) -> None:
    with file.open("wb") as opened:
        opened.truncate(cells.MAX_BYTES + 1)


def a_pipe(file: Path) -> None:
    os.mkfifo(file)


def many_equal_rows(file: Path) -> None:
    pl.select(date=pl.repeat("2026-01-05", 20_000), close=pl.repeat(1.0, 20_000)).write_parquet(file)


def one_long_text(file: Path) -> None:
    pl.DataFrame({"date": ["x" * 40_000] * 300, "close": [1.0] * 300}).write_parquet(file)


def many_columns(file: Path) -> None:
    pl.DataFrame({f"c{at}": [1] for at in range(1_500)}).write_parquet(file)


def no_parquet(file: Path) -> None:
    file.write_bytes(b"PAR1" + bytes(1000) + b"PAR1")


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("VIX.csv", wide),
        ("VIX.csv", long),
        ("VIX.csv", one_long_cell),
        ("VIX.csv", a_large_file),
        ("VIX.csv", a_pipe),
        ("VIX.parquet", many_equal_rows),
        ("VIX.parquet", one_long_text),
        ("VIX.parquet", many_columns),
        ("VIX.parquet", no_parquet),
    ],
)
def test_a_file_beyond_every_history_is_refused_in_one_line_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, make: Callable[[Path], None]
) -> None:
    """A header of a million columns was compared with itself for hours, and a pipe was waited for without end."""
    monkeypatch.setattr(cells, "MAX_ROWS", 10_000)
    file = tmp_path / "volatility" / name
    file.parent.mkdir()
    make(file)

    with pytest.raises(UserInputError) as fault:
        Folder(tmp_path, clock=CLOCK).volatility_index("VIX")

    assert str(fault.value).startswith(f"{file}: ")
    assert len(str(fault.value).splitlines()) == 1
    assert fault.value.exit_code == 2


def test_a_damaged_parquet_file_is_refused_or_read_and_never_a_panic(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """polars printed a panic of Rust on stderr for some damaged files, and aborted the process for others."""
    whole = BytesIO()
    pl.DataFrame({"date": ["2026-01-05"] * 50, "close": [1.0] * 50}).write_parquet(whole)
    choice = random.Random(1)
    for _ in range(200):
        damaged = bytearray(whole.getvalue())
        for at in choice.sample(range(len(damaged)), 5):
            damaged[at] = choice.randrange(256)
        file = tmp_path / "damaged.parquet"
        file.write_bytes(damaged)
        with suppress(UserInputError):
            tables.read_file(file, required=["date"])
    assert "panicked" not in capfd.readouterr().err


def test_a_century_of_sessions_is_read(tmp_path: Path) -> None:
    days = pl.date_range(datetime(1900, 1, 1, tzinfo=UTC), datetime(2026, 10, 9, tzinfo=UTC), eager=True)
    (tmp_path / "volatility").mkdir()
    pl.DataFrame({"date": days, "close": 1.5}).write_parquet(tmp_path / "volatility/VIX.parquet")

    assert Folder(tmp_path, clock=CLOCK).volatility_index("VIX").height == len(days)
