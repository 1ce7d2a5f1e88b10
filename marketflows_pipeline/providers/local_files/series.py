"""Files of one series of values: volatility indices and reference series, those downloaded of Cboe and FRED too."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from marketflows_pipeline.errors import NotFoundError, UserInputError
from marketflows_pipeline.providers.local_files.file_names import SUFFIXES, find_file
from marketflows_pipeline.providers.local_files.service_files import (
    INDEX_DATES,
    INDEX_FILES,
    fred_columns,
)
from marketflows_pipeline.providers.local_files.tables import read_file
from marketflows_pipeline.transforms.time_span import TimeSpan


def read_index(folder: Path, index_name: str, span: TimeSpan) -> pl.DataFrame:
    """``session, close`` of a volatility index, rows without a close left out.

    The file is called as the index is, or as Cboe or FRED calls it: VIX.csv, VIX_History.csv, VIXCLS.csv.

    Raises:
        NotFoundError: there is none of them.
        UserInputError: there are two, or it is not as documented.
    """
    *_, series = INDEX_FILES.get(index_name, (index_name,))
    file = _index_file(folder, index_name)
    table = read_file(
        file,
        required=("date", "close"),
        called=fred_columns(series, "close"),
        has_thousands=True,
    )
    sessions = table.dates("date", span, formats=INDEX_DATES)
    table.refuse_twice(sessions.to_frame("session"), "date")
    return pl.DataFrame({"session": sessions, "close": table.numbers("close")}).drop_nulls("close")


def read_reference(folder: Path, series_id: str, span: TimeSpan) -> pl.DataFrame:
    """``session, value`` of a reference series, rows without a value left out; values may be below 0.

    Raises:
        NotFoundError: there is no such file.
        UserInputError: it is not as documented.
    """
    file = find_file(folder, "reference", series_id)
    table = read_file(file, required=("date", "value"), called=fred_columns(series_id, "value"), has_thousands=True)
    sessions = table.dates("date", span)
    table.refuse_twice(sessions.to_frame("session"), "date")
    return pl.DataFrame({"session": sessions, "value": table.amounts("value")}).drop_nulls("value")


def _index_file(folder: Path, index_name: str) -> Path:
    others = INDEX_FILES.get(index_name, ())
    downloaded = [
        file for name in others for suffix in SUFFIXES if (file := folder / "volatility" / f"{name}{suffix}").is_file()
    ]
    try:
        own = [find_file(folder, "volatility", index_name)]
    except NotFoundError:
        if not downloaded:
            raise
        own = []
    if len(files := [*own, *downloaded]) > 1:
        raise UserInputError(f"{files[0]}: {files[1].name} is there too; keep the one that counts")
    return files[0]
